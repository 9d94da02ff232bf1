/** Calls the gateway's REST API. */
import { currentToken } from './token.js';

/** A refusal by the gateway: RFC 9457 problem details. */
export class ApiError extends Error {
  constructor(status, problem, retryAfter) {
    super(problem.detail ?? problem.title ?? String(status));
    this.status = status;
    this.code = problem.code ?? 'unknown';
    this.fields = Array.isArray(problem.errors) ? problem.errors : [];
    this.retryAfter = retryAfter;
  }
}

/** An id may hold any text. A lone surrogate cannot be part of a URL. */
export const encodeId = (id) => encodeURIComponent(String(id).toWellFormed());
export const filePath = (fileId) => `api/files/${encodeId(fileId)}`;
export const fileHref = (fileId) => `#/files/${encodeId(fileId)}`;

export function query(parameters) {
  const given = Object.entries(parameters).filter(
    ([, value]) => value !== null && value !== undefined && value !== '',
  );
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
}

export function authorized(headers = {}) {
  const token = currentToken();
  return token ? { ...headers, authorization: `Bearer ${token}` } : headers;
}

export async function call(path, { method = 'GET', body, headers = {}, signal } = {}) {
  const response = await request(path, {
    method,
    signal,
    headers: authorized(body === undefined ? headers : { ...headers, 'content-type': 'application/json' }),
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (response.ok) return response.status === 204 ? null : await response.json();
  throw await refusal(response);
}

export async function refusal(response) {
  const problem = await response.json().catch(() => ({}));
  if (response.status === 401) window.dispatchEvent(new Event('verigate:token-wanted'));
  const retryAfter = Number(response.headers.get('retry-after')) || null;
  return new ApiError(response.status, problem ?? {}, retryAfter);
}

async function request(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError(0, { code: 'unreachable' });
  }
}
