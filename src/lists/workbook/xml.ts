/** Reads the elements of an XML file while it arrives. */
import sax from 'sax';
import { unsupported } from '../recognize.js';

export interface XmlHandler {
  /** `name` without its namespace prefix. */
  open(name: string, attributes: Readonly<Record<string, string>>): void;
  close(name: string): void;
  text(text: string): void;
}

/** Elements within each other, and attributes of one. Workbooks have a dozen. */
const MAX_DEPTH = 256;
const MAX_ATTRIBUTES = 256;
/**
 * In the names and attributes of all elements that are open: the parser keeps them, and makes each character by character, which
 * takes 32 bytes for one.
 */
const MAX_OPEN_CHARACTERS = 128 * 1024;
/** Elements of a part that is kept in memory. Excel allows 65,490 formats of cells, each of several elements. */
const MAX_ELEMENTS_KEPT = 1_000_000;
/** Characters that are parsed before the findings are taken: a cell of a few may show a text of tens of thousands. */
const PIECE_CHARS = 512;

const localName = (name: string): string => name.slice(name.indexOf(':') + 1);

/** A text of a cell: `_x000D_` stands for a character that XML cannot have (ST_Xstring of ECMA-376). */
export const unescaped = (text: string): string =>
  text.includes('_x')
    ? text.replace(/_x([0-9a-f]{4})_/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
    : text;

/** Fulfilled after each piece, so that the handler's findings can be taken. @throws Fault `unsupported_list` where it is no XML */
export async function* readXml(bytes: AsyncIterable<Uint8Array>, handler: XmlHandler): AsyncGenerator<void> {
  const parser = sax.parser(true, { position: false });
  // The parser bounds what it keeps (`sax.MAX_BUFFER_LENGTH`) by its position, which it would count only with lines and columns.
  parser.position = 0;
  let isBroken = false;
  /** The characters up to each open element, itself included. */
  const open: number[] = [];
  let attributes = 0;
  let openCharacters = 0;
  let failure: unknown = null;
  // The parser would catch nothing, and must not be left in the middle of a piece by an error of the handler.
  const guarded = (handle: () => void) => {
    if (failure !== null) return;
    try {
      handle();
    } catch (error) {
      failure = error;
    }
  };
  parser.onerror = () => {
    isBroken = true;
  };
  parser.onopentagstart = ({ name }) => {
    attributes = 0;
    openCharacters += name.length;
  };
  parser.onattribute = ({ name, value }) => {
    openCharacters += name.length + value.length;
    if (++attributes > MAX_ATTRIBUTES || openCharacters > MAX_OPEN_CHARACTERS) isBroken = true;
  };
  parser.onopentag = ({ name, attributes }) => {
    open.push(openCharacters);
    if (open.length > MAX_DEPTH || openCharacters > MAX_OPEN_CHARACTERS) isBroken = true;
    guarded(() => handler.open(localName(name), attributes as Record<string, string>));
  };
  parser.onclosetag = (name) => {
    open.pop();
    openCharacters = open.at(-1) ?? 0;
    guarded(() => handler.close(localName(name)));
  };
  parser.ontext = (text) => guarded(() => handler.text(text));
  parser.oncdata = (text) => guarded(() => handler.text(text));
  const decoder = new TextDecoder();
  for await (const bytesOfPiece of bytes) {
    const text = decoder.decode(bytesOfPiece, { stream: true });
    for (let at = 0; at < text.length; at += PIECE_CHARS) {
      const piece = text.slice(at, at + PIECE_CHARS);
      parser.position += piece.length;
      parser.write(piece);
      if (failure !== null) throw failure;
      if (isBroken) throw unsupported('a damaged workbook');
      yield;
    }
  }
}

/** Reads an XML file to its end, if it has no more elements than can be kept. */
export async function readWholeXml(
  bytes: AsyncIterable<Uint8Array>,
  open: XmlHandler['open'],
): Promise<void> {
  let elements = 0;
  const counted: XmlHandler['open'] = (name, attributes) => {
    if (++elements > MAX_ELEMENTS_KEPT) throw unsupported('a workbook with so many parts or styles');
    open(name, attributes);
  };
  const handler = { open: counted, close: () => undefined, text: () => undefined };
  for await (const _ of readXml(bytes, handler));
}
