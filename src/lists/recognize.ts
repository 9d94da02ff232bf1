/** Recognises by its first bytes whether an upload can be a list: its name and content type say nothing reliable. */
import { Fault } from '../errors.js';

export const unsupported = (what: string): Fault => {
  const message = `${what} cannot be read as a list; send CSV, text or an Excel workbook (.xlsx)`;
  return new Fault('unsupported_list', message, { errors: [{ field: 'body', message }] });
};

/** What begins with these bytes, written as Latin-1. */
const SIGNATURES: readonly (readonly [start: string, what: string])[] = [
  ['\x89PNG', 'a picture'],
  ['\xff\xd8\xff', 'a picture'],
  ['GIF8', 'a picture'],
  ['II*\0', 'a picture'],
  ['MM\0*', 'a picture'],
  ['%PDF-', 'a PDF file'],
  ['%!PS', 'a PostScript file'],
  ['{\\rtf', 'a text document (RTF)'],
  [
    '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1',
    'an old or a protected Excel file; save it as .xlsx without a password: it',
  ],
  ['\x1f\x8b', 'an archive'],
  ['BZh', 'an archive'],
  ['7z\xbc\xaf\x27\x1c', 'an archive'],
  ['Rar!\x1a\x07', 'an archive'],
  ['\xfd7zXZ\0', 'an archive'],
  ['\x28\xb5\x2f\xfd', 'an archive'],
  ['PK\x05\x06', 'an empty archive'],
  ['PK\x07\x08', 'a part of an archive'],
  ['\x7fELF', 'a program'],
  ['MZ\x90', 'a program'],
  ['SQLite format 3\0', 'a database'],
  ['ID3', 'a sound file'],
  ['OggS', 'a sound file'],
];

export const ZIP_SIGNATURE = 'PK\x03\x04';
/** Many of these in the head: no text. Tabs and line ends do occur, and validators pass on what people typed. */
const CONTROLS = /(?![\t\n\f\r\u0080-\u009f])\p{Cc}/gu;
const MAX_CONTROLS = 16;
const MAX_CONTROLS_SHARE = 0.1;

/** @throws Fault `unsupported_list` */
export function refuseKnownBinary(head: Buffer): void {
  const start = head.subarray(0, 32).toString('latin1');
  const known = SIGNATURES.find(([signature]) => start.startsWith(signature));
  if (known !== undefined) throw unsupported(known[1]);
  if (/^RIFF.{4}(WEBP|WAVE|AVI )/s.test(start)) throw unsupported('a picture, sound or film');
  if (/^.{4}ftyp/s.test(start)) throw unsupported('a picture or film');
}

/** @throws Fault `unsupported_list` where a decoded text is none */
export function refuseControlCharacters(text: string): void {
  const controls = text.match(CONTROLS)?.length ?? 0;
  const isMostlyControls = controls > MAX_CONTROLS && controls > text.length * MAX_CONTROLS_SHARE;
  if (text.includes('\0') || isMostlyControls) throw unsupported('a binary file');
}
