/** Reads a file over REST: stats, snapshot, pages and exports. */
import { Producer, pathOf } from './producer.js';
import type { Cursor } from './protocol.js';
import type { Entry } from './tally.js';

export class Reading {
  constructor(
    private readonly producer: Producer,
    readonly fileId: string,
  ) {}

  stats(): Promise<Record<string, unknown> & Cursor> {
    return this.#json('/stats');
  }

  snapshot(): Promise<{ stats: unknown; emails: { emails: Entry[]; pagination: Pagination } }> {
    return this.#json('');
  }

  /** All pages of a filter. @throws if the pages do not add up */
  async pages(filter: Record<string, string>, limit: number): Promise<Entry[]> {
    const entries: Entry[] = [];
    for (let page = 1, pages = 1; page <= pages; page++) {
      const query = new URLSearchParams({ ...filter, page: String(page), limit: String(limit) });
      const { emails, pagination } = await this.#json<Page>(`/emails?${query}`);
      const due = Math.min(limit, pagination.total - entries.length);
      if (emails.length !== Math.max(0, due))
        throw new Error(`page ${page} has ${emails.length}, not ${due}`);
      if (pagination.page !== page || pagination.limit !== limit)
        throw new Error('another page than asked for');
      entries.push(...emails);
      pages = pagination.pages;
    }
    return entries;
  }

  async ndjson(status?: string): Promise<Entry[]> {
    const text = await this.producer.text(this.#export('ndjson', status));
    if (text !== '' && !text.endsWith('\n')) throw new Error('the last line is not ended');
    return text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Entry);
  }

  async csv(status?: string): Promise<string[][]> {
    return parseCsv(await this.producer.text(this.#export('csv', status)));
  }

  #export(format: string, status?: string): string {
    return `${pathOf(this.fileId)}/export?format=${format}${status === undefined ? '' : `&status=${status}`}`;
  }

  async #json<T>(path: string): Promise<T> {
    return JSON.parse(await this.producer.text(`${pathOf(this.fileId)}${path}`)) as T;
  }
}

interface Pagination {
  total: number;
  page: number;
  limit: number;
  pages: number;
}

interface Page {
  emails: Entry[];
  pagination: Pagination;
}

const MAX_PAGE = 500;

/**
 * Completes the first page of a snapshot with the other pages. Each page holds at least the revision of the answer to
 * `subscribe`. The events after that answer are kept meanwhile and correct every place that has changed since. A small
 * file fits into one page, so that a result cannot move between pages when batches shrink.
 */
export async function allOf(url: string, fileId: string, first: Page): Promise<Entry[]> {
  if (first.pagination.total <= first.emails.length) return first.emails;
  const producer = new Producer(url);
  const entries: Entry[] = [];
  for (let page = 1, pages = 1; page <= pages; page++) {
    const { status, body } = await producer.get(`${pathOf(fileId)}/emails?page=${page}&limit=${MAX_PAGE}`);
    if (status === 404) return [];
    const { emails, pagination } = body as unknown as Page;
    entries.push(...emails);
    pages = pagination.pages;
  }
  return entries;
}

/** Strict RFC 4180: rows end with CRLF, and quotes inside quotes are doubled. */
export function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/y;
  while (cell.lastIndex < text.length) {
    const at = cell.lastIndex;
    const found = cell.exec(text);
    if (found === null) throw new Error(`not CSV at ${at}: ${JSON.stringify(text.slice(at, at + 60))}`);
    row.push(found[1]?.replaceAll('""', '"') ?? found[2] ?? '');
    if (found[3] === ',') continue;
    rows.push(row);
    row = [];
  }
  return rows;
}
