import { findProgram, say } from './mongo-program.js';

/**
 * Runs once before all tests: what has to be fetched or built for them is there before any of them starts. Where it cannot
 * be had, the tests that need it say so themselves.
 */
export default function prepare(): void {
  if (!process.env.MONGODB_URI && findProgram() === null) say('no MongoDB could be had');
}
