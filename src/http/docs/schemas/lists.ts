/** The answers about uploaded lists. */
import { z } from 'zod';
import { DELIMITERS, LIST_ENCODINGS, LIST_FORMATS } from '../../../domain/list-summary.js';
import { count, time } from './shapes.js';

export const limits = z.object({
  listBytes: count.describe('of an uploaded list, `MAX_LIST_BYTES`'),
  listRows: count.describe('of an uploaded list, `MAX_LIST_ROWS`'),
  emails: count.describe('submitted as `emails`, `MAX_EMAILS_PER_VALIDATION`'),
});

const cells = z.array(z.string());
const ofColumn = count.nullable().describe('of the email column; null: it is not known which one is meant');
export const uploadedList = z
  .object({
    listId: z.string(),
    name: z.string(),
    format: z.enum(LIST_FORMATS),
    encoding: z.enum(LIST_ENCODINGS),
    delimiter: z.enum(DELIMITERS).nullable(),
    header: z.boolean().describe('the first row names the columns'),
    columns: z.array(
      z.object({
        index: count,
        name: z.string().nullable().describe('null: the list has no header'),
        addresses: count.describe('cells that look like an address, repeats among them'),
      }),
    ),
    emailColumn: count.nullable().describe('null: two columns or more may be meant; say which one'),
    rows: count.describe('without the header and without empty rows'),
    unique: ofColumn,
    repeats: ofColumn,
    withoutAt: ofColumn,
    sample: z.array(cells).describe('the first rows, the header among them; long cells are cut'),
    expiresAt: time.nullable().describe('null: a file uses it, and it is deleted with that'),
  })
  .meta({
    examples: [
      {
        listId: '8a1f6f0e-7a55-4a0b-9d3e-0c4a7d0c2f11',
        name: 'customers.csv',
        format: 'csv',
        encoding: 'windows-1252',
        delimiter: ';',
        header: true,
        columns: [
          { index: 0, name: 'E-Mail', addresses: 49_630 },
          { index: 1, name: 'Name', addresses: 0 },
        ],
        emailColumn: 0,
        rows: 50_000,
        unique: 49_100,
        repeats: 900,
        withoutAt: 370,
        sample: [
          ['E-Mail', 'Name'],
          ['ann@example.com', 'Ann'],
        ],
        expiresAt: '2026-11-28T11:00:00.000Z',
      },
    ],
  });
