/** The entry point of a database thread: opens the database, and reads or writes. Each request is read on one view of it. */
import { filesOf } from '../data-directory.js';
import type { Database } from '../database.js';
import { bytesOf, bytesOfLog, openForReading, openForWriting } from '../open.js';
import { answer, data, finish, onRequest, perform } from './answers.js';
import { FileWatch } from './file-watch.js';
import { pauseIfAsked } from './log-truncation.js';
import { databaseErrorOf, type ThreadReply, type ThreadRequest } from './messages.js';
import { readerOperations } from './operations.js';
import { DiskReserve } from './reserve.js';
import { Writer } from './writer.js';

const { directory } = data;

function serveReads(db: Database): void {
  onRequest((request) => {
    if (request === 'close') finish(db);
    else {
      pauseIfAsked(data.readPause);
      answer(performOnOneView(db, request));
    }
  });
}

/** All reads of one request see one state: a page's total fits its results, and a scan notices that its file is gone. */
function performOnOneView(db: Database, request: ThreadRequest): ThreadReply {
  try {
    db.exec('BEGIN');
    const reply = perform(db, readerOperations, request);
    db.exec('COMMIT');
    return reply;
  } catch (error) {
    if (db.inTransaction) db.exec('ROLLBACK');
    return { id: request.id, error: databaseErrorOf(error, directory) };
  }
}

try {
  if (data.role === 'reader') serveReads(openForReading(directory));
  else {
    const reserve = new DiskReserve(directory, data.diskReserveBytes ?? 0);
    const db = openForWriting(directory, () => reserve.giveUp());
    reserve.check();
    new Writer(db, reserve, new FileWatch(filesOf(directory), [() => bytesOf(db), () => bytesOfLog(db)]));
  }
  answer({ id: 0, value: 'open' });
} catch (error) {
  answer({ id: 0, error: databaseErrorOf(error, directory) });
}
