import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { Database } from '../../src/store/sqlite/database.js';
import { LogTruncation, newReadPause, pauseIfAsked } from '../../src/store/sqlite/thread/log-truncation.js';
import { onTeardown, temporaryDirectory } from '../support/teardown.js';

function open(path: string): Database {
  const db = new Database(path);
  onTeardown(() => db.close());
  db.all('PRAGMA journal_mode = WAL');
  return db;
}

it('has readers pause where the log was read at each try, until it is truncated', () => {
  const path = join(temporaryDirectory(), 'log.db');
  const [writer, reader] = [open(path), open(path)];
  writer.exec('CREATE TABLE t (n INTEGER)');
  const shared = newReadPause();
  const isAsked = () => Atomics.load(new Int32Array(shared), 0) === 1;
  const [patient, log] = [new LogTruncation(shared), new LogTruncation(shared, 0)];
  reader.exec('BEGIN');
  reader.all('SELECT * FROM t');
  writer.exec('INSERT INTO t VALUES (1)');
  expect(patient.try(writer)).toBe(false);
  expect(isAsked()).toBe(false);
  expect(log.try(writer)).toBe(false);
  expect(isAsked()).toBe(true);
  // One that is asked goes on after a while by itself: another one may be at a long read.
  pauseIfAsked(shared);
  reader.exec('COMMIT');
  expect(log.try(writer)).toBe(true);
  expect(isAsked()).toBe(false);
});
