/** Keeps the verdicts of a file by address, small enough in memory for a million of them. */
import type { PlacedResult } from '../../domain/result.js';
import { CELLS, cellOf, type RiskLevel, type Status } from '../../domain/verdict.js';
import { addressKey } from '../../lists/address.js';
import { AddressSet } from '../../lists/address-set.js';

interface ResultFields {
  readonly email: string;
  readonly status: Status;
  readonly risk_level: RiskLevel | null;
  readonly deliverability_score: number | null;
  readonly details: { readonly sub_status?: unknown } | null;
}

interface RowVerdict {
  readonly status: Status;
  /** The category, as the filter `reason` names it; null: the status has none. */
  readonly reason: string | null;
  readonly risk: RiskLevel | null;
  readonly score: number | null;
}

export class Verdicts {
  readonly #addresses = new AddressSet();
  /** By number of the address. */
  #cells = new Uint8Array(1024);
  #scores = new Float64Array(1024);

  /** Takes in a result. Of those with the same address the last one counts. */
  add({ json }: PlacedResult): void {
    const result = JSON.parse(json) as ResultFields;
    const number = this.#addresses.addOrFind(addressKey(result.email));
    if (number >= this.#cells.length) this.#grow();
    this.#cells[number] = cellOf(result.status, result.risk_level, result.details?.sub_status);
    this.#scores[number] = result.deliverability_score ?? Number.NaN;
  }

  /** Null: the address has none. */
  of(address: string): RowVerdict | null {
    const number = this.#addresses.find(addressKey(address.toWellFormed()));
    const cell = number === null ? undefined : CELLS[this.#cells[number] ?? -1];
    if (number === null || cell === undefined) return null;
    const score = this.#scores[number] ?? Number.NaN;
    const { status, category, risk } = cell;
    return { status, reason: category, risk, score: Number.isNaN(score) ? null : score };
  }

  #grow(): void {
    const cells = new Uint8Array(this.#cells.length * 2);
    cells.set(this.#cells);
    this.#cells = cells;
    const scores = new Float64Array(this.#scores.length * 2);
    scores.set(this.#scores);
    this.#scores = scores;
  }
}
