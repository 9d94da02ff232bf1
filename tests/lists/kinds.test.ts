/** Lists as the programs write them that people export from: each is read as the rows that it shows. */
import { expect, it } from '@jest/globals';
import { hasHeader } from '../../src/lists/header.js';
import { textCell, workbookOf } from '../support/zip.js';
import { readList } from './reading.js';

const BOM = '\ufeff';
const STRICT = {
  ns: 'http://purl.oclc.org/ooxml/spreadsheetml/main',
  rel: 'http://purl.oclc.org/ooxml/officeDocument/relationships',
};
const inline = (...texts: string[]): string =>
  `<row>${texts.map((text) => `<c t="inlineStr"><is><t>${text}</t></is></c>`).join('')}</row>`;
const FORMULA = `<row><c r="A2" t="str"><f>HYPERLINK("mailto:x@x.com","ann@example.com")</f><v>ann@example.com</v></c></row>`;
const HIDDEN_ROW = `<row hidden="1"><c r="A3" t="e"><v>#NAME?</v></c></row><row>${textCell('A4', 'bob@example.org')}</row>`;

/** The name of the kind, its text or bytes, and what is read: delimiter, header, column, addresses. */
const KINDS: readonly [string, string | Buffer, string | null, boolean, number | null, string[]][] = [
  [
    'Excel, German: semicolons, a byte order mark, decimal commas',
    `${BOM}Kundennr.;Name;E-Mail-Adresse;Umsatz\r\n1001;"Groß, Anna";anna@example.de;"1.234,50"\r\n1002;Roe;bob@example.org;99,00\r\n`,
    ';',
    true,
    2,
    ['anna@example.de', 'bob@example.org'],
  ],
  [
    'Excel, "Unicode text": tabs in UTF-16 LE',
    Buffer.from(`${BOM}Name\tE-Mail\r\nÉmile\temile@example.fr\r\n`, 'utf16le'),
    '\t',
    true,
    1,
    ['emile@example.fr'],
  ],
  [
    'a note of the delimiter in quotes',
    '"sep=;"\r\nname;mail\r\na,b;ann@example.com\r\n',
    ';',
    true,
    1,
    ['ann@example.com'],
  ],
  [
    'line breaks and empty lines within quotes',
    'name,address,email\r\n"Ann","1 Way\r\n\r\nUK","ann@example.com"\r\n"Bob","2 Way\nTown","bob@example.org"\r\n',
    ',',
    true,
    2,
    ['ann@example.com', 'bob@example.org'],
  ],
  [
    'a French header',
    'Nom;Prénom;Courriel\nDupont;Émile;emile@example.fr\n',
    ';',
    true,
    2,
    ['emile@example.fr'],
  ],
  ['a Japanese header', '氏名,メールアドレス\n田中,tanaka@example.jp\n', ',', true, 1, ['tanaka@example.jp']],
  [
    'two columns of addresses',
    'Email,Email alternate\na@x.com,b@x.com\nc@x.com,d@x.com\n',
    ',',
    true,
    null,
    [],
  ],
  [
    'Excel for Mac: carriage returns',
    '"Name";"E-Mail"\r"Ann";"ann@example.com"\r',
    ';',
    true,
    1,
    ['ann@example.com'],
  ],
  [
    'empty columns at the end',
    'email,name,,,\nann@example.com,Ann,,,\n,,,,\nbob@example.org,,,,\n',
    ',',
    true,
    0,
    ['ann@example.com', 'bob@example.org'],
  ],
  [
    'Windows-1252 with ß, é and €',
    Buffer.from(
      'Name;E-Mail;Preis\r\nWei\xdf;weiss@example.de;10\x80\r\nRen\xe9;ren\xe9@example.fr;5\r\n',
      'latin1',
    ),
    ';',
    true,
    1,
    ['weiss@example.de', 'rené@example.fr'],
  ],
  [
    'links, brackets and invisible characters in cells',
    'name;email\nA;MAILTO:ann@example.com\nB;Bob Roe <bob@example.org>\nC;\u00a0carl@example.net\u200b\n',
    ';',
    true,
    1,
    ['ann@example.com', 'bob@example.org', 'carl@example.net'],
  ],
  [
    'semicolons at the ends of lines',
    'ann@example.com;\r\nbob@example.org;\r\n',
    null,
    false,
    0,
    ['ann@example.com', 'bob@example.org'],
  ],
  ['numbers among addresses', 'email\n12345\nann@example.com\n', null, true, 0, ['12345', 'ann@example.com']],
  [
    'recipients as Outlook shows them',
    '"Lee, Ann" <ann@example.com>; bob@example.org; Carl Doe <carl@example.net>;\n',
    null,
    false,
    0,
    ['ann@example.com', 'bob@example.org', 'carl@example.net'],
  ],
  [
    'contacts of Outlook',
    '"First Name","E-mail Address","E-mail Type","E-mail Display Name"\r\n"Ann","ann@example.com","SMTP","Ann Lee (ann@example.com)"\r\n',
    ',',
    true,
    1,
    ['ann@example.com'],
  ],
  [
    'contacts of Google',
    'First Name,Labels,E-mail 1 - Label,E-mail 1 - Value\nAnn,* myContacts,* Home,ann@example.com\n',
    ',',
    true,
    3,
    ['ann@example.com'],
  ],
  [
    'our own export, opened in Excel and saved with semicolons',
    `${BOM}email;status\r\nann@example.com;deliverable\r\n'=x@y.com;undeliverable\r\n`,
    ';',
    true,
    0,
    ['ann@example.com', '=x@y.com'],
  ],
  [
    'a workbook with a link, a formula, an error and a hidden row',
    workbookOf({ sheets: [`${inline('E-Mail')}${FORMULA}${HIDDEN_ROW}`] }),
    null,
    true,
    0,
    ['ann@example.com', '#NAME?', 'bob@example.org'],
  ],
  [
    'a workbook in Strict Open XML, with shared texts',
    workbookOf({
      ...STRICT,
      sheets: ['<row><c t="s"><v>0</v></c></row><row><c t="s"><v>1</v></c></row>'],
      shared: '<si><t>E-Mail</t></si><si><r><t>ann@</t></r><r><t>example.com</t></r></si>',
    }),
    null,
    true,
    0,
    ['ann@example.com'],
  ],
  [
    'a workbook whose hidden sheet has addresses as well',
    workbookOf({
      sheets: [inline('old@example.com'), inline('Mail') + inline('ann@example.com')],
      hidden: 0,
    }),
    null,
    true,
    0,
    ['ann@example.com'],
  ],
  [
    'a workbook with escaped characters and large numbers',
    workbookOf({
      sheets: [
        `${inline('E-Mail')}${inline('ann@example.com_x000D_')}<row><c><v>1.5E+3</v></c></row><row><c><v>4.9151234567E10</v></c></row>`,
      ],
    }),
    null,
    true,
    0,
    ['ann@example.com', '1500', '49151234567'],
  ],
];

it.each(KINDS)('reads %s', async (_, content, delimiter, header, emailColumn, addresses) => {
  const list = await readList(Buffer.isBuffer(content) ? content : Buffer.from(content));
  expect(list.summary).toMatchObject({ delimiter, header, emailColumn });
  expect(list.addresses).toEqual(addresses);
});

it('tells a header in one pass, however many cells it has', () => {
  const below = Array.from({ length: 2_000 }, () => ['a', 'ann@example.com']);
  let read = 0;
  const counted = below.map(
    (row) =>
      new Proxy(row, {
        get(target, name, receiver) {
          read++;
          return Reflect.get(target, name, receiver) as unknown;
        },
      }),
  );
  expect(hasHeader([Array.from({ length: 1_000 }, (_, n) => String(n)), ...counted])).toBe(true);
  expect(read).toBeLessThan(100_000);
});
