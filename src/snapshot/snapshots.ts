/** Answers what a file is now: stats from the head of its feed, results from the store. */

import { ByteCache } from '../byte-cache.js';
import { limitCallers, WAITING_OF_CALLER } from '../concurrency-limit.js';
import type { Cursor, FeedName, Subscribed } from '../domain/events.js';
import type { FileId } from '../domain/id.js';
import { JsonText } from '../domain/json-text.js';
import { charsOf, placedJson } from '../domain/result.js';
import type { FileOwner } from '../domain/stats.js';
import { NEVER_ANNOUNCED } from '../domain/summary.js';
import { Heads, NO_GENERATION } from '../epoch/head.js';
import { Fault } from '../errors.js';
import type { Feed, Head } from '../feed/feed.js';
import { TurnLimit } from '../portions.js';
import type { PageQuery, ResultPage, Store } from '../store/store.js';

/** The page of results in a snapshot: the same as `GET …/emails` answers without parameters. */
export const FIRST_PAGE = { page: 1, limit: 50 } as const;
/** A first page is sent to every new listener and kept in memory. Of results that are very large it has fewer. */
const FIRST_PAGE_BYTES = 512 * 1024;
/** What the first pages take together that are kept for further requests at the same revision. */
const CACHED_BYTES = 32 * 2 ** 20;
/** What one takes in memory beside its text, and while it is being read, about. */
const PAGE_BYTES = 500;
/** Stats and page are read again where the file changes meanwhile, and soon its next changes have to wait for that. */
const ATTEMPTS = 32;
const ATTEMPTS_BEFORE_PAUSE = 2;
/** A file whose owner changes while it is read is read again; none changes it as often as this. */
const OWNER_ATTEMPTS = 3;
/** What is read at once of one caller, and of all: histories of up to `FEED_HISTORY_BYTES`, pages of up to `MAX_PAGE_BYTES`, first pages. */
const HISTORIES = { ofCaller: 2, ofAll: 4, waiting: WAITING_OF_CALLER };
const PAGES = { ofCaller: 4, ofAll: 8, waiting: WAITING_OF_CALLER };
/** A caller's searches wait for each other: those of others wait for one of them at most. */
const SEARCHES = { ofCaller: 1, ofAll: Number.POSITIVE_INFINITY, waiting: WAITING_OF_CALLER };
const FIRST_PAGES = { ofCaller: 16, ofAll: 32, waiting: WAITING_OF_CALLER };
/** Characters of answers that are put together and sent in one turn of the event loop. */
const CHARS_PER_TURN = 2 * 2 ** 20;

type Answer = JsonText<Subscribed>;

/** The file has got another owner, and its feed is still that of an earlier one: nothing of it may be shown. */
export class GivenAway extends Fault {
  constructor() {
    super('unavailable', 'the file has got another owner just now: ask again');
  }
}

interface Reader {
  /** Whose place it is where histories and pages are read. */
  readonly caller: string;
  /** False: the caller has gone. What waits to be read for it is not read. */
  readonly isWanted: () => boolean;
}

interface SnapshotRequest extends Reader {
  readonly fileId: FileId;
  readonly feeds: readonly FeedName[];
  readonly since: Cursor | null;
  /**
   * Called once the answer is complete: the file may have another owner by then, with whom it answers; null: the owner makes no
   * difference. @throws Fault where the file may not be seen
   */
  readonly checkAccess: () => Promise<FileOwner | null>;
}

type RecoveryRequest = SnapshotRequest & { readonly since: Cursor };

/** Brings into a file's feed what was stored before: a read that begins after an answer shows what was answered. */
interface Announces {
  announce(fileId: FileId): Promise<void>;
  /** The same, and answers with the file's owner; null: there is no such file. */
  announceExisting(fileId: FileId): Promise<FileOwner | null>;
  /** Changes of the file that this gateway would store wait until the returned function is called. */
  pauseChanges(fileId: FileId): () => void;
}

/** A file's stats and first page, of one revision. */
interface Snapshot {
  readonly head: Head;
  /** `{emails, pagination}` as JSON. */
  readonly page: string;
}

export class Snapshots {
  readonly #firstPages = new ByteCache<{ at: string; page: Promise<string | null> }>(CACHED_BYTES);
  readonly #heads: Heads;
  readonly #turns = new TurnLimit(CHARS_PER_TURN);
  readonly #histories = limitCallers<Answer | null>(HISTORIES);
  readonly #pages = limitCallers<string | null>(PAGES);
  readonly #searches = limitCallers<string | null>(SEARCHES);
  readonly #snapshots = limitCallers<Snapshot>(FIRST_PAGES);

  constructor(
    private readonly store: Store,
    private readonly feed: Feed,
    private readonly announcer: Announces,
    private readonly maxPageBytes: number,
  ) {
    this.#heads = new Heads(store, feed);
  }

  /** The file's stats as JSON; null: there is no such file. */
  async stats(fileId: FileId): Promise<string | null> {
    return (await this.head(fileId))?.state.stats ?? null;
  }

  /**
   * The newest revision of the file, with all that was stored before; null: there is no such file.
   * @throws GivenAway
   */
  async head(fileId: FileId): Promise<Head | null> {
    for (let attempt = 1; attempt <= OWNER_ATTEMPTS; attempt++) {
      const owner = await this.announcer.announceExisting(fileId);
      if (owner === null) return null;
      const head = await this.#heads.ensure(fileId);
      if (!isOfAnother(head, owner)) return head;
    }
    throw new GivenAway();
  }

  /**
   * A page of the file's results, `{emails, pagination}` as JSON; null: there is no such file. A caller's pages wait for each
   * other, but not for searches, which take longer.
   * @throws Fault `payload_too_large` where it would have more bytes than a page may have; `rate_limited`, as all reads here, where
   * too many of the caller's wait
   */
  page(query: Omit<PageQuery, 'maxBytes'>, reader: Reader): Promise<string | null> {
    const inTurn = query.email === undefined ? this.#pages : this.#searches;
    return inTurn(reader.caller, () => this.#readPage(query, reader));
  }

  async #readPage(query: Omit<PageQuery, 'maxBytes'>, reader: Reader): Promise<string | null> {
    refuseGone(reader);
    const found = await this.store.results.page({ ...query, maxBytes: this.maxPageBytes });
    if (found?.isCut) throw pageTooLarge(this.maxPageBytes, found.results.length);
    if (found === null) return null;
    await this.#turns.wait(charsOf(found.results));
    refuseGone(reader);
    return pageText(found, query);
  }

  /** The file's stats and its first page, of one revision, as JSON; null: there is no such file. */
  async snapshot(fileId: FileId, reader: Reader): Promise<{ stats: string; emails: string } | null> {
    const current = await this.head(fileId);
    if (current === null) return null;
    const { head, page } = await this.#snapshotOf(fileId, current, reader);
    return { stats: head.state.stats, emails: page };
  }

  /**
   * What a new listener starts from. Events that come before the answer and are not above its revision are in it already.
   */
  async subscribed(request: SnapshotRequest): Promise<Answer> {
    for (let attempt = 1; ; attempt++)
      try {
        return await this.#subscribed(request);
      } catch (error) {
        if (!(error instanceof GivenAway) || attempt === OWNER_ATTEMPTS) throw error;
      }
  }

  async #subscribed(request: SnapshotRequest): Promise<Answer> {
    const { fileId, since } = request;
    const head = await this.#headOf(fileId);
    const recovered = since === null ? null : await this.#recovered(head, { ...request, since });
    if (recovered !== null) return recovered;
    // It may have waited for seconds where the history did not reach so far back.
    const current = since === null ? head : await this.#headOf(fileId);
    return this.#fromSnapshot(current, request);
  }

  /** The last step of an answer. @throws GivenAway; other Faults where the file may not be seen */
  async #checkAccess(head: Head, { checkAccess }: SnapshotRequest): Promise<void> {
    const owner = await checkAccess();
    if (owner !== null && isOfAnother(head, owner)) throw new GivenAway();
  }

  /** Keeps no page any more. */
  close(): void {
    this.#firstPages.close();
  }

  /** Null: the history does not reach so far back. `head`: as of now. */
  async #recovered(head: Head, request: RecoveryRequest): Promise<Answer | null> {
    const { fileId, feeds, since } = request;
    if (since.epoch !== head.epoch) return null;
    if (hasMissedNothing(since, head)) {
      await this.#checkAccess(head, request);
      return recoveredText(fileId, head, feeds, []);
    }
    // The place is kept until the caller has the answer, which counts from then on as one that waits to be read.
    return this.#histories(request.caller, async () => {
      refuseGone(request);
      const latest = await this.#headOf(fileId);
      const answer = await this.#readMissed(latest, request);
      if (answer !== null) await this.#checkAccess(latest, request);
      return answer;
    });
  }

  async #readMissed(head: Head, { fileId, feeds, since }: RecoveryRequest): Promise<Answer | null> {
    const missed = await this.feed.since(fileId, since, head.revision);
    if (missed === null) return null;
    const payloads = missed.map(({ payload }) => payload);
    await this.#turns.wait(payloads.reduce((chars, { length }) => chars + length, 0));
    return recoveredText(fileId, head, feeds, payloads);
  }

  async #fromSnapshot(head: Head, request: SnapshotRequest): Promise<Answer> {
    const { fileId, feeds } = request;
    const isWithEmails = feeds.includes('emails');
    const { head: current, page } = isWithEmails
      ? await this.#snapshotOf(fileId, head, request)
      : { head, page: null };
    await this.#checkAccess(current, request);
    return new JsonText(`${opening(fileId, current, false)}${page === null ? '' : `,"emails":${page}`}}`);
  }

  async #headOf(fileId: FileId): Promise<Head> {
    await this.announcer.announce(fileId);
    return this.#heads.ensure(fileId);
  }

  /**
   * `head`: one that was just read. Fulfilled once the page may be sent. A place is needed where no page of the head is kept,
   * or being read.
   */
  async #snapshotOf(fileId: FileId, head: Head, reader: Reader): Promise<Snapshot> {
    const page = await this.#keptPage(fileId, head);
    if (page !== null) return this.#inItsTurn({ head, page });
    // The place is kept until the page may be sent: those that wait for their turn are in memory. Changes do not wait so long.
    return this.#snapshots(reader.caller, async () => {
      refuseGone(reader);
      return this.#inItsTurn(await this.#readSnapshot(fileId, head));
    });
  }

  async #inItsTurn(snapshot: Snapshot): Promise<Snapshot> {
    await this.#turns.wait(snapshot.page.length);
    return snapshot;
  }

  async #readSnapshot(fileId: FileId, first: Head): Promise<Snapshot> {
    let head = first;
    let release: (() => void) | undefined;
    try {
      for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
        const page = await this.#firstPage(fileId, head);
        if (page !== null) return { head, page };
        if (attempt === ATTEMPTS_BEFORE_PAUSE) release = this.announcer.pauseChanges(fileId);
        head = await this.#headOf(fileId);
      }
      return { head, page: await this.#newerPage(fileId, head) };
    } finally {
      release?.();
    }
  }

  /** What the page has beyond the head, which was read before, comes as an event, too. @throws GivenAway */
  async #newerPage(fileId: FileId, head: Head): Promise<string> {
    const before = await this.store.files.find(fileId);
    const results = await this.#readResults(fileId);
    const after = await this.store.files.find(fileId);
    if (before?.generation !== after?.generation || (after !== null && isOfAnother(head, after)))
      throw new GivenAway();
    return firstPageText(results);
  }

  #keptPage(fileId: FileId, head: Head): Promise<string | null> | null {
    const kept = this.#firstPages.get(fileId);
    return kept?.at === pointOf(head) ? kept.page : null;
  }

  /**
   * The first page at the revision of a head; null: the file has changed since. Thousands of listeners may reconnect at once
   * after a restart: it is read once for each revision.
   */
  #firstPage(fileId: FileId, head: Head): Promise<string | null> {
    const kept = this.#keptPage(fileId, head);
    if (kept !== null) return kept;
    const at = pointOf(head);
    const page = this.#readFirstPage(fileId, head);
    const entry = { at, page };
    this.#firstPages.set(fileId, entry, PAGE_BYTES);
    const keep = (text: string | null) => {
      if (this.#firstPages.get(fileId) !== entry) return;
      // One result may be larger by itself.
      if (text === null || text.length > FIRST_PAGE_BYTES) this.#firstPages.delete(fileId);
      // Another object: the same one would keep its size.
      else this.#firstPages.set(fileId, { ...entry }, PAGE_BYTES + 2 * text.length);
    };
    page.then(keep, () => keep(null));
    return page;
  }

  async #readFirstPage(fileId: FileId, { epoch, revision, state }: Head): Promise<string | null> {
    // A file without a registration has a feed, and an empty page.
    const { total, results, isCut } = await this.#readResults(fileId);
    const batchIds = [...new Set(results.map(({ batchId }) => batchId))];
    const after = await this.feed.head(fileId, batchIds);
    if (after === null || after.epoch !== epoch || after.revision !== revision) return null;
    // What the store has had since then is not on the page, if its batches are still as they were announced.
    const announced = new Map(batchIds.map((id) => [id, after.batches.get(id) ?? NEVER_ANNOUNCED]));
    const since = await this.store.changes.since(fileId, announced);
    if (since !== null && (since.facts.generation !== state.generation || since.batches.length > 0))
      return null;
    // A purged file has totals and no results.
    const counted = total === 0 ? 0 : state.totals.processed;
    if (!isCut && results.length !== Math.min(counted, FIRST_PAGE.limit)) return null;
    return firstPageText({ total: counted, results, isCut });
  }

  async #readResults(fileId: FileId): Promise<ResultPage> {
    const query = { fileId, ...FIRST_PAGE, maxBytes: FIRST_PAGE_BYTES };
    return (await this.store.results.page(query)) ?? EMPTY_PAGE;
  }
}

/** Whether a head is still that of an earlier owner's generation. A later generation of the same owner follows soon. */
const isOfAnother = ({ state }: Head, { generation, userId }: FileOwner): boolean =>
  state.generation !== NO_GENERATION && state.generation !== generation && state.owner !== userId;

const pointOf = ({ epoch, revision }: Head): string => `${epoch}/${revision}`;

function opening(fileId: FileId, { epoch, revision, state }: Head, recovered: boolean): string {
  const said = JSON.stringify({ ok: true, fileId, epoch, revision, recovered });
  return `${said.slice(0, -1)},"stats":${state.stats}`;
}

function recoveredText(
  fileId: FileId,
  head: Head,
  feeds: readonly FeedName[],
  missed: readonly string[],
): Answer {
  const events = feeds.includes('emails') ? `,"missed":[${missed.join(',')}]` : '';
  return new JsonText(`${opening(fileId, head, true)}${events}}`);
}

/** Whether no results have come after the cursor, which is of the same epoch. */
const hasMissedNothing = ({ revision }: Cursor, head: Head): boolean =>
  revision >= head.emailsRevision && revision <= head.revision;

/** Its turn comes late where the caller has asked for much, and gone away. */
function refuseGone({ isWanted }: Reader): void {
  if (!isWanted()) throw new Fault('unavailable', 'the caller has gone away');
}

const EMPTY_PAGE: ResultPage = { total: 0, results: [], isCut: false };

function pageTooLarge(maxBytes: number, fitting: number): Fault {
  const message = `a page may have MAX_PAGE_BYTES, ${maxBytes} bytes, and ${fitting} results have as many`;
  return new Fault('payload_too_large', message, { errors: [{ field: 'limit', message }] });
}

/** Where results were left out, `pagination` says how many a page like this has. */
const firstPageText = (page: ResultPage): string =>
  pageText(page, page.isCut ? { ...FIRST_PAGE, limit: page.results.length } : FIRST_PAGE);

function pageText(
  { total, results }: Pick<ResultPage, 'total' | 'results'>,
  { page, limit }: Pick<PageQuery, 'page' | 'limit'>,
): string {
  const pagination = JSON.stringify({ total, page, limit, pages: Math.ceil(total / limit) });
  return `{"emails":[${results.map(placedJson).join(',')}],"pagination":${pagination}}`;
}
