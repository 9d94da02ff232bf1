/** Answers what a file is now: stats from the head of its feed, results from the store. */

import { LRUCache } from 'lru-cache';
import type { Cursor, FeedName, Subscribed } from '../domain/events.js';
import type { FileId } from '../domain/id.js';
import { JsonText } from '../domain/json-text.js';
import { placedJson } from '../domain/result.js';
import { ensureHead } from '../epoch/head.js';
import type { Feed, Head } from '../feed/feed.js';
import type { PageQuery, ResultPage, Store } from '../store/store.js';

/** The page of results in a snapshot: the same as `GET …/emails` answers without parameters. */
export const FIRST_PAGE = { page: 1, limit: 50 } as const;
/** Files whose first page is cached for further requests at the same revision. */
const CACHED_PAGES = 256;

export interface SnapshotRequest {
  readonly fileId: FileId;
  readonly feeds: readonly FeedName[];
  readonly since: Cursor | null;
}

export class Snapshots {
  readonly #firstPages = new LRUCache<FileId, { at: string; page: Promise<string> }>({ max: CACHED_PAGES });

  constructor(
    private readonly store: Store,
    private readonly feed: Feed,
  ) {}

  /** The file's stats as JSON; null: there is no such file. */
  async stats(fileId: FileId): Promise<string | null> {
    if ((await this.store.files.find(fileId)) === null) return null;
    return (await ensureHead(this.store, this.feed, fileId)).state.stats;
  }

  /** A page of the file's results, `{emails, pagination}` as JSON; null: there is no such file. */
  async page(query: PageQuery): Promise<string | null> {
    const found = await this.store.results.page(query);
    return found === null ? null : pageText(found, query);
  }

  /**
   * What a new listener starts from. The head is read first, so that the results are of its revision or a later one. Later
   * events then repeat some of them, and none is missing.
   */
  async subscribed({ fileId, feeds, since }: SnapshotRequest): Promise<JsonText<Subscribed>> {
    const head = await ensureHead(this.store, this.feed, fileId);
    const { epoch, revision } = head;
    const missed = since === null ? null : await this.feed.since(fileId, since, revision);
    const opening = JSON.stringify({ ok: true, fileId, epoch, revision, recovered: missed !== null }).slice(
      0,
      -1,
    );
    const answer = `${opening},"stats":${head.state.stats}`;
    if (!feeds.includes('emails')) return new JsonText(`${answer}}`);
    if (missed !== null) {
      return new JsonText(`${answer},"missed":[${missed.map(({ payload }) => payload).join(',')}]}`);
    }
    return new JsonText(`${answer},"emails":${await this.#firstPage(fileId, head)}}`);
  }

  /** Thousands of listeners may reconnect at once after a restart: the first page is read once for each revision. */
  #firstPage(fileId: FileId, { epoch, revision }: Head): Promise<string> {
    const at = `${epoch}/${revision}`;
    const cached = this.#firstPages.get(fileId);
    if (cached?.at === at) return cached.page;
    const query = { fileId, ...FIRST_PAGE };
    // A file without a registration has a feed, and an empty page.
    const page = this.store.results.page(query).then((found) => pageText(found ?? EMPTY_PAGE, query));
    this.#firstPages.set(fileId, { at, page });
    page.catch(() => this.#firstPages.delete(fileId));
    return page;
  }
}

const EMPTY_PAGE: ResultPage = { total: 0, results: [] };

function pageText({ total, results }: ResultPage, { page, limit }: PageQuery): string {
  const pagination = JSON.stringify({ total, page, limit, pages: Math.ceil(total / limit) });
  return `{"emails":[${results.map(placedJson).join(',')}],"pagination":${pagination}}`;
}
