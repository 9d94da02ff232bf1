/** The figures that a benchmark measures. */
/** One figure: what was measured, its values, and its goal. */
export interface Figure {
  readonly what: string;
  /** `×` for a ratio. */
  readonly unit: string;
  /** One value for each round. */
  readonly values: readonly number[];
  readonly goal?: Goal;
}

export type Goal = { readonly atMost: number } | { readonly atLeast: number };

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.floor(middle - 0.5)] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2;
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export const isMet = ({ values, goal }: Figure): boolean | null =>
  goal === undefined
    ? null
    : 'atMost' in goal
      ? median(values) <= goal.atMost
      : median(values) >= goal.atLeast;

/** Delay of the event loop, as measured by the probe in a gateway. */
export const loopFigure = (what: string, p999: number): Figure => ({
  what: `${what}: event loop delay, p99.9 (an idle loop shows 1)`,
  unit: 'ms',
  values: [p999],
  goal: { atMost: 50 },
});

/** Measures all sides in each round, in alternating order, so that other load on the machine affects all alike. */
export async function inTurns<A extends string>(
  rounds: number,
  sides: Readonly<Record<A, (round: number) => Promise<number>>>,
): Promise<Record<A, number[]>> {
  const names = Object.keys(sides) as A[];
  const measured = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<A, number[]>;
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      measured[name].push(await sides[name](round));
    }
  }
  return measured;
}

/** The ratio of the two values of each round. */
export const ratios = (above: readonly number[], below: readonly number[]): number[] =>
  above.map((value, round) => value / (below[round] ?? Number.NaN));
