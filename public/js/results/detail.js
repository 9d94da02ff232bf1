/** The details of one address. */
import { copyText } from '../copy.js';
import { toast } from '../dialog.js';
import { el, icon } from '../dom.js';
import { moment } from '../format.js';
import { plain, raw } from '../text.js';
import { asText, reasonOf, t, word } from '../texts.js';

/** Characters shown at once. A longer address is shown in full on request. */
const ADDRESS = 400;
/** A browser draws 100,000 joined letters in one line for seconds. */
const LINE = 10_000;

/** `details` comes from the validator: any part may be missing or of another type. */
export function resultDetail(result) {
  const { email, status, batchId, position, details } = result;
  const general = part(details, 'general');
  const server = part(details, 'mail_server');
  return el(
    'div',
    { class: 'detail-body' },
    el('div', { class: 'detail-address' }, wholeText(email), copyButton(email)),
    el(
      'div',
      { class: 'detail-columns' },
      group(t.results.verdict, [
        [t.results.verdict, word(status)],
        [t.results.reason, details?.sub_status && reasonOf(details.sub_status)],
        [t.detail.serverSaid, general.reason],
        [t.detail.checkedBy, general.validation_method],
        [t.results.score, result.deliverability_score],
        [t.results.risk, result.risk_level === null ? null : word(result.risk_level)],
      ]),
      group(t.detail.mailServer, [
        [t.detail.domain, general.domain],
        [t.detail.provider, server.smtp_provider],
        [t.detail.mx, server.mx_record],
        [t.detail.implicitMx, server.implicit_mx],
      ]),
      blacklist(part(details, 'blacklist')),
      attributes(part(details, 'attributes')),
    ),
    el(
      'details',
      { class: 'as-sent', ontoggle: (event) => asSent(event.currentTarget, result) },
      el('summary', { text: t.detail.developers }),
    ),
    el('p', { class: 'detail-place muted' }, t.detail.place(position + 1), raw(batchId, 80)),
  );
}

function part(details, name) {
  const value = details?.[name];
  return typeof value === 'object' && value !== null ? value : {};
}

function group(title, lines) {
  const known = lines.filter(([, value]) => value !== null && value !== undefined && value !== '');
  return el(
    'section',
    { class: 'detail-group' },
    el('h3', { text: title }),
    known.length === 0
      ? el('p', { class: 'nothing', text: t.detail.nothingKnown })
      : el(
          'dl',
          {},
          ...known.flatMap(([name, value]) => [el('dt', { text: name }), el('dd', {}, textOf(value))]),
        ),
  );
}

function textOf(value) {
  if (typeof value === 'boolean') return value ? t.common.yes : t.common.no;
  return raw(value, 600);
}

function blacklist(list) {
  const found = Array.isArray(list.blacklists_found) ? list.blacklists_found : [];
  const reasons = Array.isArray(list.blacklist_reasons) ? list.blacklist_reasons : [];
  return group(t.detail.blacklists, [
    [t.detail.listed, typeof list.is_blacklisted === 'boolean' ? list.is_blacklisted : null],
    [t.detail.foundOn, found.slice(0, 20).map(asText).join(', ')],
    [t.detail.reasons, reasons.slice(0, 20).map(asText).join(' · ')],
    [t.detail.reputation, list.reputation_score],
    [t.detail.checked, checkedAt(list.last_checked)],
  ]);
}

function checkedAt(text) {
  if (typeof text !== 'string') return null;
  // The validator's times are UTC without a zone.
  const time = Date.parse(/[zZ]|[+-]\d\d:\d\d$/.test(text) ? text : `${text}Z`);
  return Number.isNaN(time) ? text : moment(new Date(time).toISOString());
}

/** Only what applies: a row of shades that say *no* hides the one that says *yes*. */
function attributes(all) {
  const flags = Object.entries(all).filter(([, value]) => typeof value === 'boolean');
  const on = flags.filter(([, value]) => value).slice(0, 40);
  const nothing = flags.length === 0 ? t.detail.nothingKnown : t.detail.nothingApplies;
  const chip = ([name]) =>
    el('li', { class: 'flag' }, icon('check'), raw(word(name).replaceAll('_', ' '), 40));
  return el(
    'section',
    { class: 'detail-group' },
    el('h3', { text: t.detail.attributes }),
    on.length === 0
      ? el('p', { class: 'nothing', text: nothing })
      : el('ul', { class: 'flags' }, ...on.map(chip)),
  );
}

/** A very long address in full, as one text in a scrolling box. */
function wholeText(email) {
  if (email.length <= ADDRESS) return el('div', { class: 'detail-email' }, raw(email, ADDRESS));
  const box = el('div', { class: 'detail-email' }, raw(email, ADDRESS));
  const more = el('button', {
    class: 'button small',
    type: 'button',
    text: t.detail.showAll(email.length),
    onclick: () =>
      box.replaceChildren(
        el('textarea', {
          class: 'input mono whole',
          readonly: true,
          rows: '8',
          'aria-label': t.detail.whole,
          text: plain(email),
        }),
      ),
  });
  box.append(more);
  return box;
}

function copyButton(email) {
  const copy = async () => {
    await copyText(email);
    toast(t.detail.copied);
  };
  return el(
    'button',
    {
      class: 'icon-button',
      type: 'button',
      'aria-label': t.detail.copy,
      title: t.detail.copy,
      onclick: () => void copy(),
    },
    icon('copy'),
  );
}

function asSent(box, result) {
  if (box.open && box.children.length === 1) {
    const lines = JSON.stringify(result, null, 2).slice(0, 100_000).split('\n');
    box.append(
      el('pre', { class: 'mono', tabindex: '0', text: lines.map((line) => plain(line, LINE)).join('\n') }),
    );
  }
}
