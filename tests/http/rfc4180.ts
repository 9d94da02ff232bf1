/** A reader of RFC 4180 and nothing else, written against the RFC: what it cannot read is an error. */
export function readCsv(text: string): string[][] {
  const rows: string[][] = [];
  let at = 0;
  while (at < text.length) {
    const row: string[] = [];
    for (;;) {
      const { cell, next } = text[at] === '"' ? quoted(text, at) : plain(text, at);
      row.push(cell);
      at = next;
      if (text[at] === ',') {
        at++;
        continue;
      }
      if (!text.startsWith('\r\n', at)) throw new Error(`a row does not end at ${at}`);
      at += 2;
      break;
    }
    rows.push(row);
  }
  return rows;
}

function quoted(text: string, start: number): { cell: string; next: number } {
  let at = start + 1;
  for (;;) {
    const quote = text.indexOf('"', at);
    if (quote < 0) throw new Error(`a quote at ${start} does not end`);
    if (text[quote + 1] !== '"')
      return { cell: text.slice(start + 1, quote).replaceAll('""', '"'), next: quote + 1 };
    at = quote + 2;
  }
}

function plain(text: string, start: number): { cell: string; next: number } {
  const cell = /^[^",\r\n]*/.exec(text.slice(start, start + 10_000))?.[0] ?? '';
  return { cell, next: start + cell.length };
}
