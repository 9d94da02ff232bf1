import { findProgram, say } from './mongo-program.js';

/**
 * Runs once before all tests (jest's globalSetup): fetches or builds the database server that they need. If that fails,
 * the tests that need it say so.
 */
export default function prepare(): void {
  if (!process.env.MONGODB_URI && findProgram() === null) say('no MongoDB could be had');
}
