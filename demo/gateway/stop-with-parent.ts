/**
 * Preloaded into the gateway's process: stops the gateway in an orderly way when the demo is gone. The operating system
 * closes the channel between the two processes even if the demo was killed.
 */
import { isMainThread } from 'node:worker_threads';

if (isMainThread) process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
