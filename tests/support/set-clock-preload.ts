/**
 * Preloaded into a gateway's process, its threads included: its wall clock is off by as many milliseconds as the file of
 * `CLOCK_FILE` says. The monotonic clock stays as it is, like that of a machine whose time is set.
 */
import { readFileSync } from 'node:fs';

const file = process.env.CLOCK_FILE ?? '';
const RealDate = Date;
const now = () => RealDate.now() + Number(readFileSync(file, 'utf8'));

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args) => Reflect.construct(target, args.length === 0 ? [now()] : args),
  get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
});
