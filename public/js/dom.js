/** Builds and updates elements. No text is ever parsed as HTML. */
const SVG = 'http://www.w3.org/2000/svg';

const ICONS = {
  bell: 'M4 11.5V7a4 4 0 0 1 8 0v4.5l1 1H3zM7 14h2',
  back: 'M9.5 3.5 5 8l4.5 4.5',
  check: 'm3.5 8.5 3 3 6-7',
  chevron: 'm6 3.5 4.5 4.5L6 12.5',
  copy: 'M5.5 5.5v-2h7v7h-2M3.5 5.5h7v7h-7z',
  download: 'M8 2.5v7.5m-3-3 3 3 3-3M3 13.2h10',
  file: 'M4 2.5h5L12.5 6v7.5H4zM8.8 2.7v3.5h3.5',
  pause: 'M5.5 3.5v9m5-9v9',
  play: 'M5.5 3.5v9L12 8z',
  search: 'M7 3a4 4 0 1 0 0 8 4 4 0 0 0 0-8m3 7 3.2 3.2',
  send: 'M13.5 2.5 2.5 7l4.5 2 2 4.5z',
  trash: 'M3 4.5h10M6 4.3V2.8h4v1.5M4.3 4.5l.6 8.7h6.2l.6-8.7',
  upload: 'M8 10.5V3m-3 3 3-3 3 3M3 13.2h10',
  warning: 'M8 2.8 14 13H2zm0 4v2.9m0 1.7v.1',
};

/** `text` and `children` become text nodes. `on…` properties are listeners; false and null omit an attribute. */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) setProperty(element, name, value);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function setProperty(element, name, value) {
  if (name === 'text') element.textContent = value;
  else if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
  else if (value === true) element.setAttribute(name, '');
  else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
}

export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export function icon(name) {
  return svg(
    'svg',
    { class: 'icon', viewBox: '0 0 16 16', 'aria-hidden': 'true' },
    svg('path', { d: ICONS[name] }),
  );
}

/** Writes only changes: an unchanged text node keeps its selection and needs no layout. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setData(element, name, value) {
  if (element.dataset[name] !== value) element.dataset[name] = value;
}

/** Set through the CSSOM, because the page's content security policy forbids inline styles. */
export function setShare(element, share, name = '--share') {
  element.style.setProperty(name, String(Math.round(share * 1e6) / 1e4));
}

/** Makes `parent` hold exactly `children`, with as few moves as possible, so that focus and scroll position stay. */
export function reconcile(parent, children) {
  const wanted = new Set(children);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  children.forEach((child, index) => {
    if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] ?? null);
  });
}
