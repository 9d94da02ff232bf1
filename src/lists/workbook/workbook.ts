/** What a workbook consists of: its sheets in their order, its shared texts, and which formats show dates. */
import { unsupported } from '../recognize.js';
import type { Archive } from './archive.js';
import { isDateFormat } from './dates.js';
import { readWholeXml } from './xml.js';

export interface Workbook {
  /** The parts of the sheets, the visible ones first. */
  readonly sheets: readonly string[];
  /** Null: no texts are shared. */
  readonly sharedStrings: string | null;
  /** By the number of a cell's style: whether it shows a date. */
  readonly dateStyles: readonly boolean[];
  /** Days count from 1904 instead of 1900. */
  readonly is1904: boolean;
}

/** @throws Fault `unsupported_list` where the archive is no workbook */
export async function readWorkbook(archive: Archive): Promise<Workbook> {
  const main = archive.names.find((name) => /^[^/]*\/?workbook\.xml$/i.test(name));
  if (main === undefined) throw unsupported('an archive that is no Excel workbook (.xlsx)');
  const folder = main.slice(0, main.lastIndexOf('/') + 1);
  const targets = await readTargets(archive, folder, main.slice(folder.length));
  const found: { target: string; isHidden: boolean }[] = [];
  let is1904 = false;
  await readWholeXml(archive.read(main), (name, attributes) => {
    if (name === 'workbookPr') is1904 = /^(1|true)$/.test(attributes.date1904 ?? '');
    if (name !== 'sheet') return;
    const id = Object.entries(attributes).find(([key]) => /:id$/.test(key))?.[1] ?? '';
    const target = targets.get(id)?.target;
    if (target !== undefined) found.push({ target, isHidden: /hidden/i.test(attributes.state ?? '') });
  });
  const sheets = [...found.filter((sheet) => !sheet.isHidden), ...found.filter((sheet) => sheet.isHidden)];
  const ofType = (type: string) => [...targets.values()].find((part) => part.type === type)?.target ?? null;
  return {
    // A part that is named twice is one sheet: each is unpacked until an address is found.
    sheets: [...new Set(sheets.map(({ target }) => target))],
    sharedStrings: ofType('sharedStrings'),
    dateStyles: await readDateStyles(archive, ofType('styles')),
    is1904,
  };
}

/** Characters of all references that are kept. One has some two hundred, and an archive may have 10,000 parts. */
const MAX_REFERENCES_CHARACTERS = 4 * 1024 * 1024;

/** The parts that the workbook refers to, by the ids of the references. */
async function readTargets(archive: Archive, folder: string, main: string) {
  const targets = new Map<string, { target: string; type: string }>();
  let characters = 0;
  await readWholeXml(archive.read(`${folder}_rels/${main}.rels`), (name, { Id, Target, Type }) => {
    if (name !== 'Relationship' || Id === undefined || Target === undefined) return;
    characters += Id.length + Target.length + (Type?.length ?? 0);
    if (characters > MAX_REFERENCES_CHARACTERS) throw unsupported('a workbook with so many parts');
    const target = Target.startsWith('/') ? Target.slice(1) : folder + Target.replace(/^\.\//, '');
    // Only the word at its end tells: what the parser has made character by character is not kept.
    targets.set(Id, { target, type: (Type ?? '').replace(/^.*[/]/s, '') });
  });
  return targets;
}

async function readDateStyles(archive: Archive, part: string | null): Promise<boolean[]> {
  if (part === null) return [];
  /** Whether each format of the workbook's own shows a date: told once, however many styles have it. */
  const own = new Map<number, boolean>();
  const styles: boolean[] = [];
  let isCellFormat = false;
  await readWholeXml(archive.read(part), (name, { numFmtId, formatCode }) => {
    const id = Number(numFmtId);
    if (name === 'numFmt' && formatCode !== undefined) own.set(id, isDateFormat(id, formatCode));
    else if (name === 'cellXfs') isCellFormat = true;
    else if (name === 'cellStyles' || name === 'cellStyleXfs') isCellFormat = false;
    else if (name === 'xf' && isCellFormat) styles.push(own.get(id) ?? isDateFormat(id, undefined));
  });
  return styles;
}
