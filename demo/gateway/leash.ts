/**
 * Loaded into the gateway's process before its own code: ends it, in good order, when the demo is gone, however that
 * ended. The channel between the two is closed by the system even when the demo is killed.
 */
import { isMainThread } from 'node:worker_threads';

if (isMainThread) process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
