import { authorized, filePath, query, refusal } from '../api.js';
import { toast } from '../dialog.js';
import { el, icon } from '../dom.js';
import { currentToken } from '../token.js';
import { word } from '../words.js';

/** Downloads of all addresses, or of those with the chosen verdict. */
export function exportButtons(fileId) {
  let status = '';
  const links = ['csv', 'ndjson'].map((format) => {
    const href = () => `${filePath(fileId)}/export${query({ format, status })}`;
    const link = el(
      'a',
      { class: 'button small', download: '', onclick: (event) => void download(event, link) },
      icon('download'),
      format.toUpperCase(),
    );
    const update = () => {
      const what = status === '' ? 'all addresses' : `the addresses that are ${word(status).toLowerCase()}`;
      link.href = href();
      link.title = `Download ${what} as ${format.toUpperCase()}`;
      link.setAttribute('aria-label', link.title);
    };
    return { link, update };
  });
  const scope = el('span', { class: 'export-scope muted' });

  return {
    element: el('div', { class: 'exports' }, scope, ...links.map(({ link }) => link)),
    update(chosen) {
      status = chosen;
      scope.textContent = status === '' ? '' : `${word(status)} only`;
      for (const { update } of links) update();
    },
    enable(on) {
      for (const { link } of links) link.setAttribute('aria-disabled', String(!on));
    },
  };
}

/**
 * A plain link is best: the browser streams the download to the disk. With a token `fetch` is needed, because a link
 * cannot send one.
 */
async function download(event, link) {
  if (link.getAttribute('aria-disabled') === 'true') {
    event.preventDefault();
    return;
  }
  if (!currentToken()) return;
  event.preventDefault();
  try {
    const response = await fetch(link.href, { headers: authorized() });
    if (!response.ok) throw await refusal(response);
    const name =
      /filename="([^"]+)"/.exec(response.headers.get('content-disposition') ?? '')?.[1] ?? 'export';
    save(await response.blob(), name);
  } catch (error) {
    toast(`Not downloaded: ${error.message}`);
  }
}

function save(blob, name) {
  const url = URL.createObjectURL(blob);
  el('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
