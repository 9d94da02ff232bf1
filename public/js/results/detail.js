/** The details of one address. */
import { copyText } from '../copy.js';
import { toast } from '../dialog.js';
import { el, icon } from '../dom.js';
import { count, moment } from '../format.js';
import { plain, raw } from '../text.js';
import { word } from '../words.js';

/** Characters shown at once. A longer address is shown in full on request. */
const ADDRESS = 400;

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
      group('Verdict', [
        ['Verdict', word(status)],
        ['Reason', details?.sub_status],
        ['Server said', general.reason],
        ['Checked by', general.validation_method],
        ['Score', result.deliverability_score],
        ['Risk', result.risk_level === null ? null : word(result.risk_level)],
      ]),
      group('Mail server', [
        ['Domain', general.domain],
        ['Provider', server.smtp_provider],
        ['MX record', server.mx_record],
        ['Implicit MX', server.implicit_mx],
      ]),
      blacklist(part(details, 'blacklist')),
      attributes(part(details, 'attributes')),
    ),
    el(
      'details',
      { class: 'as-sent', ontoggle: (event) => asSent(event.currentTarget, result) },
      el('summary', { text: 'For developers' }),
    ),
    el('p', { class: 'detail-place muted' }, `Place ${count(position + 1)} in batch `, raw(batchId, 80)),
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
      ? el('p', { class: 'nothing', text: 'Nothing known.' })
      : el(
          'dl',
          {},
          ...known.flatMap(([name, value]) => [el('dt', { text: name }), el('dd', {}, textOf(value))]),
        ),
  );
}

function textOf(value) {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return raw(typeof value === 'object' ? JSON.stringify(value) : value, 600);
}

function blacklist(list) {
  const found = Array.isArray(list.blacklists_found) ? list.blacklists_found : [];
  const reasons = Array.isArray(list.blacklist_reasons) ? list.blacklist_reasons : [];
  return group('Blacklists', [
    ['Listed', typeof list.is_blacklisted === 'boolean' ? list.is_blacklisted : null],
    ['Found on', found.slice(0, 20).map(String).join(', ')],
    ['Reasons', reasons.slice(0, 20).map(String).join(' · ')],
    ['Reputation', list.reputation_score],
    ['Checked', checkedAt(list.last_checked)],
  ]);
}

function checkedAt(text) {
  if (typeof text !== 'string') return null;
  // The validator's times are UTC without a zone.
  const time = Date.parse(/[zZ]|[+-]\d\d:\d\d$/.test(text) ? text : `${text}Z`);
  return Number.isNaN(time) ? text : moment(new Date(time).toISOString());
}

function attributes(all) {
  const flags = Object.entries(all)
    .filter(([, value]) => typeof value === 'boolean')
    .slice(0, 40);
  const chip = ([name, on]) =>
    el(
      'li',
      { class: on ? 'flag on' : 'flag' },
      on ? icon('check') : null,
      raw(name.replaceAll('_', ' '), 40),
      el('span', { class: 'unseen-text', text: on ? ': yes' : ': no' }),
    );
  return el(
    'section',
    { class: 'detail-group' },
    el('h3', { text: 'Attributes' }),
    flags.length === 0
      ? el('p', { class: 'nothing', text: 'Nothing known.' })
      : el('ul', { class: 'flags' }, ...flags.map(chip)),
  );
}

/** A very long address in full, as one text in a scrolling box. */
function wholeText(email) {
  if (email.length <= ADDRESS) return el('div', { class: 'detail-email' }, raw(email, ADDRESS));
  const box = el('div', { class: 'detail-email' }, raw(email, ADDRESS));
  const more = el('button', {
    class: 'button small',
    type: 'button',
    text: `Show all ${count(email.length)} characters`,
    onclick: () =>
      box.replaceChildren(
        el('textarea', {
          class: 'input mono whole',
          readonly: true,
          rows: '8',
          'aria-label': 'The whole address',
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
    toast('The address is copied, to the letter.');
  };
  return el(
    'button',
    {
      class: 'icon-button',
      type: 'button',
      'aria-label': 'Copy the address',
      title: 'Copy the address',
      onclick: () => void copy(),
    },
    icon('copy'),
  );
}

function asSent(box, result) {
  if (box.open && box.children.length === 1) {
    const lines = JSON.stringify(result, null, 2).slice(0, 100_000).split('\n');
    box.append(
      el('pre', { class: 'mono', tabindex: '0', text: lines.map((line) => plain(line)).join('\n') }),
    );
  }
}
