/** Reads the pages of a file's results over REST. */
import { VerigateError } from './errors.js';
import type { EmailsPage } from './protocol.js';
import { retryPause } from './retry.js';
import { areResults } from './shapes.js';
import type { TokenSource } from './token-keeper.js';

/** The gateway bounds a page in bytes: smaller pages are asked for where the results are very large. Each divides those before it. */
const PAGE_LIMITS = [500, 250, 50, 10, 1];

/** Of a page, more than most gateways let one have. What is larger may be endless; smaller pages are asked for first. */
const MAX_PAGE_BYTES = 64 * 2 ** 20;

export interface PageSource {
  /** Where the gateway is. */
  url: string;
  token?: TokenSource | undefined;
}

/** Tries again as long as the failure may pass. A file that does not exist yet has no page. */
export async function* readPages(
  { url, token }: PageSource,
  fileId: string,
  signal: AbortSignal,
): AsyncGenerator<EmailsPage> {
  const base = new URL(`/api/files/${encodeURIComponent(fileId)}/emails`, url);
  let [limit = 1, ...smaller] = PAGE_LIMITS;
  for (let page = 1, pages = 1, failures = 0; page <= pages; ) {
    base.search = `page=${page}&limit=${limit}`;
    try {
      const read = await readPage(base, token, signal);
      if (read === null) return;
      // The results may be rewritten just now. Without a pause, a server that promises pages without end would be asked without end.
      if (read.emails.length === 0 && page < read.pagination.pages) throw EMPTY_PAGE;
      yield read;
      pages = read.pagination.pages;
      page += 1;
      failures = 0;
    } catch (error) {
      const [next] = smaller;
      if (next !== undefined && isTooLarge(error)) {
        page = ((page - 1) * limit) / next + 1;
        pages = page;
        [limit, ...smaller] = [next, ...smaller.slice(1)];
        continue;
      }
      if (signal.aborted || !isWaitedOut(error)) throw error;
      failures += 1;
      await pause(retryPause(failures), signal);
    }
  }
}

async function readPage(
  address: URL,
  token: TokenSource | undefined,
  signal: AbortSignal,
): Promise<EmailsPage | null> {
  const bearer = typeof token === 'function' ? await token() : token;
  const headers: Record<string, string> = bearer === undefined ? {} : { authorization: `Bearer ${bearer}` };
  // No gateway redirects: what another server has is not the file.
  const response = await fetch(address, { headers, signal, redirect: 'manual' });
  const body = parsed(await textOf(response));
  if (response.ok) return pageIn(body);
  const problem = (body ?? {}) as { code?: string; detail?: string };
  if (response.status === 404 && problem.code === 'file_not_found') return null;
  const { code = 'unavailable', detail = `The gateway answered ${response.status}.` } = problem;
  const isTransient = [408, 429, 500, 502, 503, 504].includes(response.status);
  throw new VerigateError(code, detail, isTransient, response.status);
}

/** A proxy that asks for a login may answer anything with success: trying again would not help. */
function pageIn(body: unknown): EmailsPage {
  const page = body as Partial<EmailsPage> | null;
  if (areResults(page?.emails) && Number.isInteger(page?.pagination?.pages)) return page as EmailsPage;
  throw new VerigateError('unavailable', 'What answered is no gateway.', false);
}

/** @throws VerigateError `payload_too_large` */
async function textOf(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  // React Native has no streams.
  if (reader === undefined) return response.text();
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for (let read = await reader.read(); read.value !== undefined; read = await reader.read()) {
    bytes += read.value.length;
    if (bytes > MAX_PAGE_BYTES) {
      await reader.cancel();
      throw new VerigateError('payload_too_large', 'The answer is too large.', false, response.status);
    }
    text += decoder.decode(read.value, { stream: true });
  }
  return text + decoder.decode();
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const EMPTY_PAGE = new VerigateError('unavailable', 'A page before the last one is empty.', true);

const isTooLarge = (error: unknown) => error instanceof VerigateError && error.code === 'payload_too_large';

/** `fetch` rejects with a TypeError when the connection fails. */
const isWaitedOut = (error: unknown) =>
  error instanceof VerigateError ? error.retryable : error instanceof TypeError;

const pause = (ms: number, signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
