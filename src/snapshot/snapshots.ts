import { LRUCache } from 'lru-cache';
import type { Cursor, FeedName, Subscribed } from '../domain/events.js';
import type { FileId } from '../domain/id.js';
import { JsonText } from '../domain/json-text.js';
import { placedJson } from '../domain/result.js';
import { openHead } from '../epoch/head.js';
import type { Feed, Head } from '../feed/feed.js';
import type { PageQuery, ResultPage, Store } from '../store/store.js';

/** Page and limit of the results in a snapshot: what `GET …/emails` answers without parameters. */
export const FIRST_PAGE = { page: 1, limit: 50 } as const;
/** Files whose first page is kept for those who ask for the same revision again. */
const KEPT_PAGES = 256;

export interface SnapshotRequest {
  readonly fileId: string;
  readonly feeds: readonly FeedName[];
  readonly since: Cursor | null;
}

/** What stands now of a file: stats from the head of its feed, results from the store. */
export class Snapshots {
  readonly #firstPages = new LRUCache<FileId, { at: string; page: Promise<string> }>({ max: KEPT_PAGES });

  constructor(
    private readonly store: Store,
    private readonly feed: Feed,
  ) {}

  /** The file's stats as JSON; null: there is no such file. */
  async stats(fileId: string): Promise<string | null> {
    if ((await this.store.files.find(fileId)) === null) return null;
    return (await openHead(this.store, this.feed, fileId)).state.stats;
  }

  /** A page of the file's results, `{emails, pagination}` as JSON; null: there is no such file. */
  async page(query: PageQuery): Promise<string | null> {
    const found = await this.store.results.page(query);
    return found === null ? null : pageText(found, query);
  }

  /**
   * What a new listener starts from. The head is read first: whatever is read after it holds that revision at least, and
   * later events only repeat what it has beyond.
   */
  async subscribed({ fileId, feeds, since }: SnapshotRequest): Promise<JsonText<Subscribed>> {
    const head = await openHead(this.store, this.feed, fileId);
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

  /** Thousands may come back at once after a restart: the first page is read once for a revision, not for each of them. */
  #firstPage(fileId: string, { epoch, revision }: Head): Promise<string> {
    const at = `${epoch}/${revision}`;
    const kept = this.#firstPages.get(fileId);
    if (kept?.at === at) return kept.page;
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
