import { fileURLToPath } from 'node:url';
import express, { type RequestHandler } from 'express';

const SDK = fileURLToPath(new URL('../client/', import.meta.url));
/** This file runs as dist/src/http/static.js. */
const DASHBOARD = fileURLToPath(new URL('../../../public/', import.meta.url));

const files = (folder: string): RequestHandler =>
  express.static(folder, {
    dotfiles: 'ignore',
    redirect: false,
    // Kept by browsers, asked for anew each time: a new version of the gateway shows at once.
    setHeaders: (res) => res.setHeader('Cache-Control', 'no-cache'),
  });

/** The SDK as browsers import it. */
export const sdk = (): RequestHandler => files(SDK);
export const dashboard = (): RequestHandler => files(DASHBOARD);
