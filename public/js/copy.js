/** Copies text. */
import { el } from './dom.js';

/** `navigator.clipboard` exists only on pages loaded over TLS or from loopback; elsewhere a selection is copied. */
export async function copyText(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const box = el('textarea', { class: 'unseen-text', readonly: true, 'aria-hidden': 'true' });
  box.value = text;
  const before = document.activeElement;
  document.body.append(box);
  box.select();
  document.execCommand('copy');
  box.remove();
  before?.focus();
}
