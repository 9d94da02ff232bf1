/** Reads the elements of an XML file while it arrives. */
import sax from 'sax';
import { unsupported } from '../recognize.js';

export interface XmlHandler {
  /** `name` without its namespace prefix. */
  open(name: string, attributes: Readonly<Record<string, string>>): void;
  close(name: string): void;
  text(text: string): void;
}

const localName = (name: string): string => name.slice(name.indexOf(':') + 1);

/** A text of a cell: `_x000D_` stands for a character that XML cannot have (ST_Xstring of ECMA-376). */
export const unescaped = (text: string): string =>
  text.includes('_x')
    ? text.replace(/_x([0-9a-f]{4})_/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
    : text;

/** Fulfilled after each piece, so that the handler's findings can be taken. @throws Fault `unsupported_list` where it is no XML */
export async function* readXml(bytes: AsyncIterable<Uint8Array>, handler: XmlHandler): AsyncGenerator<void> {
  const parser = sax.parser(true, { position: false });
  let isBroken = false;
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
  parser.onopentag = ({ name, attributes }) =>
    guarded(() => handler.open(localName(name), attributes as Record<string, string>));
  parser.onclosetag = (name) => guarded(() => handler.close(localName(name)));
  parser.ontext = (text) => guarded(() => handler.text(text));
  parser.oncdata = (text) => guarded(() => handler.text(text));
  const decoder = new TextDecoder();
  for await (const piece of bytes) {
    parser.write(decoder.decode(piece, { stream: true }));
    if (failure !== null) throw failure;
    if (isBroken) throw unsupported('a damaged workbook');
    yield;
  }
}

/** Reads an XML file to its end. */
export async function readWholeXml(
  bytes: AsyncIterable<Uint8Array>,
  open: XmlHandler['open'],
): Promise<void> {
  const handler = { open, close: () => undefined, text: () => undefined };
  for await (const _ of readXml(bytes, handler));
}
