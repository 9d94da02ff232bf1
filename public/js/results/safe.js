/** The next step once a list has ended: the addresses that are safe to send to. */
import { el, icon, setText } from '../dom.js';
import { hasEnded } from '../file/state.js';
import { t } from '../texts.js';
import { download } from './download.js';
import { safeHref } from './export.js';

export function safeDownload(fileId) {
  const label = el('span');
  const link = el(
    'a',
    {
      class: 'button primary',
      href: safeHref(fileId),
      download: '',
      hidden: true,
      onclick: (event) => void download(event, link),
    },
    icon('download'),
    label,
  );
  return {
    element: link,
    update(stats) {
      const { count } = stats.stats.deliverable;
      link.hidden = !hasEnded(stats) || stats.status === 'purged' || count === 0;
      setText(label, t.download.safeNow(count));
    },
  };
}
