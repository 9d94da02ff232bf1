import { makeBundles } from './make-bundles.js';
import { findProgram, say } from './mongo-program.js';

/**
 * Runs once before all tests (jest's globalSetup): bundles what tests start often, and fetches or builds the database server that
 * they need. If that fails, the tests that need it say so.
 */
export default async function prepare(): Promise<void> {
  await makeBundles();
  if (!process.env.MONGODB_URI && findProgram() === null) say('no MongoDB could be had');
}
