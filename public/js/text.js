/** Shows hostile text safely. */
import { el } from './dom.js';
import { asText, t } from './texts.js';

/**
 * Addresses, reasons and ids are shown unchanged, isolated in their direction. Invisible characters (controls,
 * direction marks, unusual spaces, variation selectors, lone surrogates) are shown by name: two addresses that differ look so.
 * So are marks behind 30 others, as many as a letter has in any language (UAX 15): a browser draws 50,000 for half a minute.
 */
const UNSEEN =
  /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Zs}|(?<=\p{M}{30})\p{M}/u;
const UNSEEN_ALL = new RegExp(UNSEEN.source, 'gu');

const NAMES = {
  0: 'NUL',
  7: 'BEL',
  8: 'BS',
  9: 'TAB',
  10: 'LF',
  13: 'CR',
  27: 'ESC',
  127: 'DEL',
  160: 'NBSP',
  173: 'SHY',
  1564: 'ALM',
  8203: 'ZWSP',
  8204: 'ZWNJ',
  8205: 'ZWJ',
  8206: 'LRM',
  8207: 'RLM',
  8232: 'LS',
  8233: 'PS',
  8234: 'LRE',
  8235: 'RLE',
  8236: 'PDF',
  8237: 'LRO',
  8238: 'RLO',
  8294: 'LRI',
  8295: 'RLI',
  8296: 'FSI',
  8297: 'PDI',
  65279: 'BOM',
};

function codeName(character) {
  const code = character.codePointAt(0);
  return NAMES[code] ?? `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
}

function marked(text) {
  if (!UNSEEN.test(text)) return [text];
  const parts = [];
  let from = 0;
  for (const { 0: character, index } of text.matchAll(UNSEEN_ALL)) {
    if (index > from) parts.push(text.slice(from, index));
    const code = `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
    parts.push(el('span', { class: 'unseen', title: code, text: codeName(character) }));
    from = index + character.length;
  }
  if (from < text.length) parts.push(text.slice(from));
  return parts;
}

function clip(text, limit) {
  if (text.length <= limit) return text;
  const end = /[\ud800-\udbff]/.test(text[limit - 1]) ? limit - 1 : limit;
  return text.slice(0, end);
}

/** Hostile text as an element of at most `limit` characters; it says how many are left out. */
export function raw(text, limit = 160) {
  const whole = asText(text);
  if (whole === '') return el('span', { class: 'nothing', text: t.common.empty });
  const shown = clip(whole, limit);
  const bdi = el('bdi', { class: 'raw' }, ...marked(shown));
  if (shown.length === whole.length) return bdi;
  return el(
    'span',
    { class: 'clipped' },
    bdi,
    el('span', { class: 'rest', text: t.common.rest(whole.length - shown.length) }),
  );
}

/** The same as plain text, for titles, labels and long texts: one text node even for a megabyte of controls. */
export function plain(text, limit = Number.POSITIVE_INFINITY) {
  const whole = asText(text);
  const shown = clip(whole, limit);
  const visible = shown.replace(UNSEEN_ALL, (character) => `[${codeName(character)}]`);
  return shown.length === whole.length ? visible : `${visible}…`;
}
