/** Shows how far an upload is. */
import { el, setShare, setText } from '../dom.js';
import { wholePercent } from '../format.js';
import { raw } from '../text.js';
import { t } from '../texts.js';

export function uploading(name, cancel) {
  const fill = el('span', { class: 'upload-fill' });
  const bar = el(
    'div',
    {
      class: 'upload-bar',
      role: 'progressbar',
      'aria-label': t.submit.upload,
      'aria-valuemin': '0',
      'aria-valuemax': '100',
      'aria-valuenow': '0',
    },
    fill,
  );
  const text = el('p', { class: 'muted', role: 'status', text: t.submit.uploading });
  return {
    element: el(
      'div',
      { class: 'card submit' },
      el('p', { class: 'found-name' }, raw(name, 80)),
      bar,
      el(
        'div',
        { class: 'source-foot' },
        text,
        el('button', { class: 'button small', type: 'button', text: t.common.cancel, onclick: cancel }),
      ),
    ),
    say: (words) => setText(text, words),
    update(share) {
      const whole = Math.floor(share * 100);
      setShare(fill, share);
      bar.setAttribute('aria-valuenow', String(whole));
      setText(text, share < 1 ? t.submit.uploaded(wholePercent(whole)) : t.submit.reading);
    },
  };
}
