/** Reads the settings of a command-line program from flags and environment variables, and prints them as help. */
import { parseArgs } from 'node:util';

/** One setting. A flag wins over its environment variable. */
export interface Setting<T> {
  /** Name of the environment variable; undefined: the setting has a flag only. */
  readonly variable?: string;
  /** Placeholder of the value in the help; undefined: the flag takes no value. */
  readonly value?: string;
  readonly help: string;
  readonly fallback: T;
  /** @throws Error that says what the value must be */
  readonly read: (text: string) => T;
}

export type Settings = Readonly<Record<string, Setting<unknown>>>;
export type Values<S extends Settings> = {
  readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never;
};

/** An unknown flag, or a value that cannot be read. */
export class UsageError extends Error {}

/** EX_USAGE of sysexits.h. */
export const EXIT_USAGE = 64;

/**
 * Reads every setting. An empty variable counts as not set.
 * @returns null if help was requested
 * @throws UsageError that names the flag or the variable
 */
export function readSettings<S extends Settings>(
  settings: S,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Values<S> | null {
  return readArguments(settings, args, env, false)?.values ?? null;
}

/** As `readSettings`, for a program that also takes arguments without a flag: they are the `rest`. */
export function readArguments<S extends Settings>(
  settings: S,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  takesRest = true,
): { readonly values: Values<S>; readonly rest: readonly string[] } | null {
  const { values: flags, positionals: rest } = parse(settings, args, takesRest);
  if (flags.help === true) return null;
  const values = Object.entries(settings).map(([name, setting]) => {
    const flag = flags[name];
    if (flag !== undefined) return [name, read(setting, `--${name}`, String(flag))];
    const variable = setting.variable === undefined ? '' : (env[setting.variable] ?? '');
    if (variable === '') return [name, setting.fallback];
    return [name, read(setting, setting.variable ?? '', variable)];
  });
  return { values: Object.fromEntries(values) as Values<S>, rest };
}

function parse(settings: Settings, args: readonly string[], allowPositionals: boolean): Parsed {
  const options = Object.entries(settings).map(([name, { value }]) => [
    name,
    { type: value === undefined ? ('boolean' as const) : ('string' as const) },
  ]);
  try {
    const config = {
      args: [...args],
      allowPositionals,
      options: { ...Object.fromEntries(options), help: { type: 'boolean', short: 'h' } },
    };
    return parseArgs(config as Parameters<typeof parseArgs>[0]) as Parsed;
  } catch (error) {
    throw new UsageError((error as Error).message.split('\n', 1)[0]);
  }
}

interface Parsed {
  readonly values: Readonly<Record<string, unknown>>;
  readonly positionals: readonly string[];
}

function read<T>(setting: Setting<T>, name: string, text: string): T {
  try {
    return setting.read(text);
  } catch (error) {
    throw new UsageError(`${name}: ${(error as Error).message}, not ${JSON.stringify(text)}`);
  }
}

/** The settings as lines of a help text. */
export function describe(settings: Settings): string {
  const flags = Object.entries(settings).map(([name, setting]) => ({
    left: setting.value === undefined ? `--${name}` : `--${name} <${setting.value}>`,
    setting,
  }));
  const width = Math.max(...flags.map(({ left }) => left.length));
  return flags
    .map(({ left, setting }) => `  ${left.padEnd(width)}  ${setting.help}${noteOf(setting)}`)
    .join('\n');
}

function noteOf({ variable, value, fallback }: Setting<unknown>): string {
  const notes = [
    ...(variable === undefined ? [] : [variable]),
    ...(value === undefined || fallback === '' ? [] : [`default ${String(fallback)}`]),
  ];
  return notes.length === 0 ? '' : ` (${notes.join(', ')})`;
}
