/** The page's title and icon, which are seen while another tab is on screen. */
import { plain } from './text.js';

const link = document.querySelector('link[rel="icon"]');
const usual = link.getAttribute('href');

export function setTitle(...parts) {
  const title = [...parts.map((part) => plain(part, 60)), 'Verigate'].join(' · ');
  if (document.title !== title) document.title = title;
}

/** Of the files in `favicons/`, or null for the usual icon. Files, because the content security policy forbids `data:`. */
export function setIcon(name) {
  const href = name === null ? usual : `favicons/${name}.svg`;
  if (link.getAttribute('href') !== href) link.setAttribute('href', href);
}
