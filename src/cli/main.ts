#!/usr/bin/env node
/** `npx verigate`: the command line. */
import { EXIT } from './failure.js';
import { runCommand } from './program.js';

const args = process.argv.slice(2);
const onInterrupt = () => process.exit(EXIT.interrupted);
// The gateway has an end of its own.
const isGateway = args.length === 0 || args[0] === 'serve';
if (!isGateway) process.once('SIGINT', onInterrupt);

const code = await runCommand(args, process.env);
if (code !== undefined) process.exitCode = code;
