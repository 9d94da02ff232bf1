/** Loaded into a process before its program, with `--expose-gc`: what is garbage only is gone once it was sent a signal. */
export const FLAGS = ['--expose-gc', '--import', import.meta.url];
export const COLLECT = 'SIGUSR2';

const { gc } = globalThis as { gc?: () => void };
if (gc !== undefined) process.on(COLLECT, () => gc());
