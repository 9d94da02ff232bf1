/** Preloaded into a measured process: collects garbage at a signal, so that only live memory is measured. */
export const FLAGS = ['--expose-gc', '--import', import.meta.url];
export const COLLECT = 'SIGUSR2';

const { gc } = globalThis as { gc?: () => void };
if (gc !== undefined) process.on(COLLECT, () => gc());
