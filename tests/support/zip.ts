/** Writes ZIP archives for tests, honest ones and others. */
import { crc32, deflateRawSync } from 'node:zlib';

export interface ZipPart {
  readonly name: string;
  readonly bytes: Buffer;
  /** What the archive says the part unpacks to, where that is a lie. */
  readonly claimed?: number;
}

const field = (bytes: number, value: number): Buffer => {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntLE(value, 0, bytes);
  return buffer;
};

export function zip(parts: readonly ZipPart[]): Buffer {
  const files: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, bytes, claimed = bytes.length } of parts) {
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
      field(2, 0),
    ]);
    const file = Buffer.concat([field(4, 0x04034b50), common, Buffer.from(name), packed]);
    const entry = [field(4, 0x02014b50), field(2, 20), common, Buffer.alloc(10), field(4, offset)];
    directory.push(...entry, Buffer.from(name));
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

const NS = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"';
const REL = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';

/** A workbook of one sheet, from the XML of its rows. */
export const workbook = (rows: string | Buffer, claimed?: number): Buffer =>
  zip([
    {
      name: 'xl/workbook.xml',
      bytes: Buffer.from(
        `<workbook ${NS} xmlns:r="${REL}"><sheets><sheet name="A" r:id="a"/></sheets></workbook>`,
      ),
    },
    {
      name: 'xl/_rels/workbook.xml.rels',
      bytes: Buffer.from(
        `<Relationships><Relationship Id="a" Type="${REL}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`,
      ),
    },
    {
      name: 'xl/worksheets/sheet1.xml',
      bytes: Buffer.concat([
        Buffer.from(`<worksheet ${NS}><sheetData>`),
        Buffer.from(rows),
        Buffer.from('</sheetData></worksheet>'),
      ]),
      ...(claimed === undefined ? {} : { claimed }),
    },
  ]);

export const textCell = (reference: string, text: string): string =>
  `<c r="${reference}" t="inlineStr"><is><t>${text}</t></is></c>`;
