/** Prints figures, stores them as JSON and writes them into docs/benchmarks.md. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { type Figure, type Goal, isMet, median } from './figures.js';

/** Relative to the project's root, where npm runs its scripts. */
const RESULTS = 'bench/results';
const PAGE = 'docs/benchmarks.md';

export function report(name: string, figures: readonly Figure[], seconds: number): void {
  const circumstances = {
    command: `npm run bench -- ${name}`,
    commit: commit(),
    machine: machine(),
    date: new Date().toISOString().slice(0, 10),
    seconds: Math.round(seconds),
  };
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(`${RESULTS}/${name}.json`, `${JSON.stringify({ ...circumstances, figures }, null, 1)}\n`);
  const { command, machine: on, date } = circumstances;
  const table = [
    `\`${command}\` · ${date} · commit ${circumstances.commit} · ${on}`,
    '',
    '| measured | goal | median (min–max) | met |',
    '|---|---|---|---|',
    ...figures.map(row),
  ].join('\n');
  process.stdout.write(`${table}\n\n`);
  if (existsSync(PAGE)) writeFileSync(PAGE, inPlace(readFileSync(PAGE, 'utf8'), name, table));
}

function row(figure: Figure): string {
  const { what, unit, values, goal } = figure;
  const spread = values.length > 1 ? ` (${shown(Math.min(...values))}–${shown(Math.max(...values))})` : '';
  const met = isMet(figure);
  return `| ${what} | ${goalText(goal, unit)} | ${shown(median(values))}${spread} ${unit} | ${met === null ? '' : met ? 'yes' : '**no**'} |`;
}

const goalText = (goal: Goal | undefined, unit: string): string =>
  goal === undefined
    ? ''
    : 'atMost' in goal
      ? `≤ ${shown(goal.atMost)} ${unit}`
      : `≥ ${shown(goal.atLeast)} ${unit}`;

/** Three significant digits; whole numbers above that. */
const shown = (value: number): string =>
  Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)));

function inPlace(page: string, name: string, table: string): string {
  const [start, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [from, to] = [page.indexOf(start), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${PAGE} has no place for ${name}: ${start} … ${end}`);
  return `${page.slice(0, from + start.length)}\n${table}\n${page.slice(to)}`;
}

function commit(): string {
  try {
    const git = (...args: string[]) =>
      execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    const head = git('rev-parse', '--short', 'HEAD');
    const changed = git('status', '--porcelain', '--untracked-files=no', 'src') !== '';
    return changed ? `${head} with changes` : head;
  } catch {
    return 'none';
  }
}

function machine(): string {
  const all = cpus();
  return `${all.length} × ${all[0]?.model ?? 'unknown CPU'}, node ${process.version}`;
}
