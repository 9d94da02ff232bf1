/** Writes ZIP archives for tests, honest ones and others. */
import { crc32, deflateRawSync } from 'node:zlib';

export interface ZipPart {
  readonly name: string;
  readonly bytes: Buffer;
  /** What the archive says the part unpacks to, where that is a lie. */
  readonly claimed?: number;
  /** Of its entry in the table of contents. */
  readonly extra?: Buffer;
  readonly comment?: Buffer;
}

const field = (bytes: number, value: number): Buffer => {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntLE(value, 0, bytes);
  return buffer;
};

const NONE = Buffer.alloc(0);

export function zip(parts: readonly ZipPart[]): Buffer {
  const files: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, bytes, claimed = bytes.length, extra = NONE, comment = NONE } of parts) {
    const packed = deflateRawSync(bytes, { level: 9 });
    const checked = crc32 === undefined ? 0 : crc32(bytes);
    const common = Buffer.concat([
      field(2, 20),
      field(2, 0),
      field(2, 8),
      field(4, 0),
      field(4, checked),
      field(4, packed.length),
      field(4, claimed),
      field(2, name.length),
    ]);
    const file = Buffer.concat([field(4, 0x04034b50), common, field(2, 0), Buffer.from(name), packed]);
    const lengths = [field(2, extra.length), field(2, comment.length), Buffer.alloc(8), field(4, offset)];
    directory.push(field(4, 0x02014b50), field(2, 20), common, ...lengths, Buffer.from(name), extra, comment);
    files.push(file);
    offset += file.length;
  }
  const listed = Buffer.concat(directory);
  const counts = [field(2, parts.length), field(2, parts.length), field(4, listed.length)];
  return Buffer.concat([
    ...files,
    listed,
    field(4, 0x06054b50),
    field(4, 0),
    ...counts,
    field(4, offset),
    field(2, 0),
  ]);
}

const MAIN_NS = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
const REL_NS = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';

export interface WorkbookParts {
  /** The XML of the rows of each sheet. */
  readonly sheets: readonly (string | Buffer)[];
  /** The XML of the shared texts. */
  readonly shared?: string;
  /** The number of the sheet that is hidden. */
  readonly hidden?: number;
  /** What the archive says that a sheet unpacks to, where that is a lie. */
  readonly claimed?: number | undefined;
  /** The namespaces: Strict Open XML has others. */
  readonly ns?: string;
  readonly rel?: string;
}

export function workbookOf({
  sheets,
  shared,
  hidden,
  claimed,
  ns = MAIN_NS,
  rel = REL_NS,
}: WorkbookParts): Buffer {
  const named = sheets.map((_, n) => {
    const state = n === hidden ? ' state="hidden"' : '';
    return `<sheet name="Sheet ${n}" sheetId="${n + 1}"${state} r:id="r${n}"/>`;
  });
  const targets = sheets.map(
    (_, n) => `<Relationship Id="r${n}" Type="${rel}/worksheet" Target="worksheets/sheet${n}.xml"/>`,
  );
  if (shared !== undefined)
    targets.push(`<Relationship Id="shared" Type="${rel}/sharedStrings" Target="sharedStrings.xml"/>`);
  const part = (name: string, ...xml: (string | Buffer)[]): ZipPart => ({
    name: `xl/${name}`,
    bytes: Buffer.concat(xml.map((piece) => Buffer.from(piece as string))),
  });
  return zip([
    part(
      'workbook.xml',
      `<workbook xmlns="${ns}" xmlns:r="${rel}"><sheets>${named.join('')}</sheets></workbook>`,
    ),
    part('_rels/workbook.xml.rels', `<Relationships>${targets.join('')}</Relationships>`),
    ...sheets.map((rows, n) => ({
      ...part(
        `worksheets/sheet${n}.xml`,
        `<worksheet xmlns="${ns}"><sheetData>`,
        rows,
        '</sheetData></worksheet>',
      ),
      ...(claimed === undefined ? {} : { claimed }),
    })),
    ...(shared === undefined ? [] : [part('sharedStrings.xml', `<sst xmlns="${ns}">${shared}</sst>`)]),
  ]);
}

/** A workbook of one sheet, from the XML of its rows. */
export const workbook = (rows: string | Buffer, claimed?: number): Buffer =>
  workbookOf({ sheets: [rows], claimed });

export const textCell = (reference: string, text: string): string =>
  `<c r="${reference}" t="inlineStr"><is><t>${text}</t></is></c>`;
