/** Counts results by score and by attribute: what a summary keeps beside the cells, so that it is known while a file runs. */
import { CELLS, STATUSES, type Status } from './verdict.js';

/** The last step has one score more than the others. */
export const SCORE_STEPS = [
  '0-9',
  '10-19',
  '20-29',
  '30-39',
  '40-49',
  '50-59',
  '60-69',
  '70-79',
  '80-89',
  '90-100',
] as const;

/** The attributes that the validator sends; others are not counted, so a summary has a bound. */
export const ATTRIBUTES = [
  'free_email',
  'role_account',
  'disposable',
  'catch_all',
  'has_plus_tag',
  'mailbox_full',
  'no_reply',
] as const;

/** In the facet bits: the step of a result without a score. */
const NO_SCORE = SCORE_STEPS.length;
/** The facet bits that hold the step; above them is a bit for each attribute. */
const STEP_BITS = 4;

/** Facets of one status: a score step each, an attribute each, and the last for results without any attribute. */
const PLAIN = SCORE_STEPS.length + ATTRIBUTES.length;
const FACETS = PLAIN + 1;

/** Numbers of results by facet (status × score step or attribute), without zeros. */
export type FacetCounts = Readonly<Record<number, number>>;

/** The score step and the attributes of a result in one number: it is kept for each result in memory. */
export function facetBitsOf(score: number | null, attributes: unknown): number {
  const step = score !== null && score >= 0 && score <= 100 ? Math.min(Math.floor(score / 10), 9) : NO_SCORE;
  if (typeof attributes !== 'object' || attributes === null) return step;
  return ATTRIBUTES.reduce(
    (facetBits, name, index) =>
      (attributes as Record<string, unknown>)[name] === true
        ? facetBits | (1 << (STEP_BITS + index))
        : facetBits,
    step,
  );
}

export function countFacets(counts: Record<number, number>, cell: number, facetBits: number): void {
  const first = FACETS * STATUSES.indexOf(CELLS[cell]?.status ?? 'unknown');
  const count = (facet: number) => {
    counts[first + facet] = (counts[first + facet] ?? 0) + 1;
  };
  const step = facetBits & ((1 << STEP_BITS) - 1);
  if (step !== NO_SCORE) count(step);
  const attributes = facetBits >> STEP_BITS;
  if (attributes === 0) count(PLAIN);
  for (let index = 0; index < ATTRIBUTES.length; index++)
    if ((attributes & (1 << index)) !== 0) count(SCORE_STEPS.length + index);
}

export function addFacets(a: FacetCounts, b: FacetCounts, times: number): FacetCounts {
  const sum: Record<string, number> = { ...a };
  for (const [facet, count] of Object.entries(b)) {
    const added = (sum[facet] ?? 0) + times * count;
    if (added === 0) delete sum[facet];
    else sum[facet] = added;
  }
  return sum;
}

const countOf = (counts: FacetCounts, status: Status, facet: number): number =>
  counts[FACETS * STATUSES.indexOf(status) + facet] ?? 0;

export const countOfScore = (counts: FacetCounts, status: Status, step: number): number =>
  countOf(counts, status, step);

export const countOfAttribute = (counts: FacetCounts, status: Status, index: number): number =>
  countOf(counts, status, SCORE_STEPS.length + index);

/** Results without any attribute. */
export const countOfPlain = (counts: FacetCounts, status: Status): number => countOf(counts, status, PLAIN);
