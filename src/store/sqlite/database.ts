/** A connection to an SQLite file, through its driver. */

import Libsql from 'libsql';

/** A value for a statement. Any other type (a boolean, a Date, an object) aborts the process inside the driver. */
export type Bind = string | number | null;
type Row = Record<string, string | number | null>;

/**
 * A connection of the driver: statements are prepared once, and take only values that are safe. Values are passed as one list:
 * the driver takes a single null for an object with named values.
 */
export class Database {
  readonly #db: Libsql.Database;
  readonly #statements = new Map<string, Libsql.Statement>();
  #isOpen = true;

  constructor(path: string) {
    this.#db = new Libsql(path);
  }

  run(sql: string, ...binds: Bind[]): { changes: number; lastInsertRowid: number } {
    const { changes, lastInsertRowid } = this.#prepare(sql).run(binds);
    return { changes, lastInsertRowid: Number(lastInsertRowid) };
  }

  /** Adds a row. Its members are named by the code, never from outside: they become the columns of the statement. */
  insert(table: string, row: Readonly<Record<string, Bind>>): { lastInsertRowid: number } {
    const columns = Object.keys(row);
    const places = columns.map(() => '?').join(', ');
    return this.run(`INSERT INTO ${table} (${columns.join(', ')}) VALUES (${places})`, ...Object.values(row));
  }

  get<T = Row>(sql: string, ...binds: Bind[]): T | undefined {
    const row = this.#prepare(sql).get(binds) as (T & { _metadata?: unknown }) | undefined;
    // The driver says in the row, beside the columns, how long it took.
    if (row !== undefined) delete row._metadata;
    return row;
  }

  all<T = Row>(sql: string, ...binds: Bind[]): T[] {
    return this.#prepare(sql).all(binds) as T[];
  }

  exec(sql: string): void {
    this.#db.exec(sql);
  }

  /** The driver aborts the process where a closed connection is asked for this. */
  get inTransaction(): boolean {
    return this.#isOpen && this.#db.inTransaction;
  }

  /** Closing twice is a no-op. */
  close(): void {
    if (!this.#isOpen) return;
    this.#statements.clear();
    // Prepared statements keep a closed connection, and what it has locked, until they are garbage.
    if (this.inTransaction) this.#db.exec('ROLLBACK');
    this.#isOpen = false;
    this.#db.close();
  }

  #prepare(sql: string): Libsql.Statement {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}
