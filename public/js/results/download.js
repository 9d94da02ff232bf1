/** Saves a download. */
import { authorized, refusal } from '../api.js';
import { toast } from '../dialog.js';
import { el } from '../dom.js';
import { explain, t } from '../texts.js';
import { currentToken } from '../token.js';

/**
 * A plain link is best: the browser streams the download to the disk. With a token `fetch` is needed, because a link
 * cannot send one; it streams to the disk where the browser lets a page do that.
 */
export async function download(event, { href }) {
  if (!currentToken()) return;
  event.preventDefault();
  try {
    const response = await fetch(href, { headers: authorized() });
    if (!response.ok) throw await refusal(response);
    await save(response, nameOf(response.headers.get('content-disposition') ?? ''));
  } catch (error) {
    if (error.name !== 'AbortError') toast(t.download.failed(explain(error)));
  }
}

/** `filename*` (RFC 8187) holds the whole name, `filename` its ASCII part. */
function nameOf(disposition) {
  const whole = /filename\*=UTF-8''([^;]+)/i.exec(disposition)?.[1];
  try {
    if (whole !== undefined) return decodeURIComponent(whole);
  } catch {
    // not as RFC 8187 says: the other name is taken
  }
  return /filename="([^"]+)"/.exec(disposition)?.[1] ?? 'export';
}

async function save(response, name) {
  if (window.showSaveFilePicker && navigator.userActivation?.isActive) {
    const handle = await window.showSaveFilePicker({ suggestedName: name });
    return response.body.pipeTo(await handle.createWritable());
  }
  const url = URL.createObjectURL(await response.blob());
  el('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
