/** Makes a new list of those addresses of another one that have no answer, or no sure one. */
import { ApiError, authorized, encodeId, filePath, query, refusal } from '../api.js';
import { t } from '../texts.js';

/** `which`: `unanswered`, of an uploaded list; `unknown`, of any. */
export const againHref = (which, fileId) => `#/new?again=${which}&of=${encodeId(fileId)}`;

/** `onCount` gets the number of addresses so far. */
export async function addressesAgain(fileId, which, { signal, onCount }) {
  return which === 'unknown'
    ? {
        content: await unknownIn(fileId, signal, onCount),
        name: `${t.again.nameUnknown(fileId)}.csv`,
      }
    : { content: await unansweredIn(fileId, signal), name: `${t.again.nameUnanswered(fileId)}.csv` };
}

/** The rows as they were uploaded, with all their columns. */
async function unansweredIn(fileId, signal) {
  const response = await exported(fileId, { layout: 'unanswered' }, signal);
  const content = await response.blob();
  // At most the row of column names is left.
  if ((await content.slice(0, 100_000).text()).trimEnd().split('\r\n').length < 2) throw nothingLeft();
  return content;
}

async function unknownIn(fileId, signal, onCount) {
  const response = await exported(fileId, { format: 'ndjson', status: 'unknown' }, signal);
  const cells = [];
  for await (const line of linesOf(response.body)) {
    cells.push(`"${JSON.parse(line).email.replaceAll('"', '""')}"\r\n`);
    if (cells.length % 1000 === 0) onCount(cells.length);
  }
  if (cells.length === 0) throw nothingLeft();
  return new Blob(['email\r\n', ...cells]);
}

async function exported(fileId, parameters, signal) {
  const response = await fetch(`${filePath(fileId)}/export${query(parameters)}`, {
    headers: authorized(),
    signal,
  });
  if (!response.ok) throw await refusal(response);
  return response;
}

const nothingLeft = () => new ApiError(0, { code: 'nothing_left', detail: t.again.none });

/** One line in memory at a time: each holds all that is known of an address. */
async function* linesOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const lines = (rest + value).split('\n');
    rest = lines.pop();
    yield* lines;
  }
  if (rest !== '') yield rest;
}
