import { CELL_COUNT } from '../../domain/verdict.js';

/** Counts by status and risk, a column each, so that SQL can add up any choice of them. */
export const CELL_COLUMNS = Array.from({ length: CELL_COUNT }, (_, cell) => `c${cell}`);
const cellColumns = CELL_COLUMNS.map((column) => `${column} INTEGER NOT NULL DEFAULT 0`).join(', ');

/**
 * A *generation* is one incarnation of a file: a later request opens a new one, and everything of the old one falls away
 * with its number. Batches are numbered in order of registration, so a result's *place*, `batch number × 2^24 +
 * position`, sorts a file's results in arrival order.
 */
export const SCHEMA = `
CREATE TABLE generations (
  generation INTEGER PRIMARY KEY AUTOINCREMENT,
  file_id TEXT NOT NULL,
  request_id TEXT,
  user_id TEXT,
  state INTEGER NOT NULL DEFAULT 0,        -- 0 current, 1 replaced by a later request, 2 removed
  cleaned INTEGER NOT NULL DEFAULT 0,      -- 1: nothing is left of its results
  ended_at INTEGER,
  total_emails INTEGER,
  total_batches INTEGER,
  batches INTEGER NOT NULL DEFAULT 0,      -- registered so far
  run INTEGER NOT NULL DEFAULT 0,          -- the run of the address index that is being filled
  run_length INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  last_heard_at INTEGER NOT NULL,               -- last message about it, be there news in it or not
  changes INTEGER NOT NULL DEFAULT 0,
  announced_changes INTEGER NOT NULL DEFAULT 0,         -- value of changes at the last kept stats
  stats TEXT,
  finished_at INTEGER,                     -- as the kept stats say; NULL: it has not ended
  purged TEXT                              -- JSON of the summary that it had before its addresses were deleted
);
CREATE UNIQUE INDEX generations_current ON generations (file_id) WHERE state = 0;
CREATE INDEX generations_by_age ON generations (created_at, file_id) WHERE state = 0;
CREATE INDEX generations_unannounced ON generations (generation) WHERE state = 0 AND changes <> announced_changes;
CREATE INDEX generations_ended ON generations (file_id, request_id) WHERE state <> 0;
CREATE INDEX generations_to_clean ON generations (generation) WHERE state <> 0 AND cleaned = 0;
CREATE INDEX generations_by_owner ON generations (user_id, created_at, file_id)
  WHERE state = 0 AND user_id IS NOT NULL;
CREATE INDEX generations_finished ON generations (finished_at)
  WHERE state = 0 AND purged IS NULL AND finished_at IS NOT NULL;

CREATE TABLE batches (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  batch_id TEXT NOT NULL UNIQUE,
  generation INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,                -- counts the batches of its generation from 0
  version INTEGER NOT NULL DEFAULT 1,      -- counts the changes of this row
  begun INTEGER NOT NULL DEFAULT 0,
  complete INTEGER NOT NULL DEFAULT 0,
  stalled INTEGER NOT NULL DEFAULT 0,
  failed_at INTEGER,                       -- it counts as failed until it gets beyond this many processed
  failure TEXT,
  total_emails INTEGER,
  processed_count INTEGER NOT NULL DEFAULT 0,
  length INTEGER NOT NULL DEFAULT 0,
  fingerprint TEXT NOT NULL DEFAULT '',
  rewrites TEXT NOT NULL DEFAULT '[]',     -- see rewrites.ts
  summary TEXT NOT NULL,
  last_news_at INTEGER NOT NULL,
  open INTEGER NOT NULL DEFAULT 1,         -- neither ended nor stalled: watched for silence
  ${cellColumns}
);
CREATE UNIQUE INDEX batches_in_order ON batches (generation, ordinal);
CREATE INDEX batches_open ON batches (last_news_at) WHERE open = 1;

-- Sums over 16, 256, 4096 … neighbouring batches, so that a page is found in a few steps however long the file is.
CREATE TABLE sums (
  generation INTEGER NOT NULL, level INTEGER NOT NULL, node INTEGER NOT NULL,
  ${cellColumns},
  PRIMARY KEY (generation, level, node)
) WITHOUT ROWID;

-- Results as they arrived: a line each, the new ones of one update together.
CREATE TABLE chunks (
  place INTEGER PRIMARY KEY,               -- place of its first result
  length INTEGER NOT NULL,
  run INTEGER NOT NULL,
  cells TEXT NOT NULL,                     -- a letter a result: its cell
  body TEXT NOT NULL
);

-- The addresses of a generation, sorted within runs of about a thousand: adding to a short run touches few pages, where one
-- sorted list would touch another page for almost every address of a large file.
CREATE TABLE addresses (
  generation INTEGER NOT NULL, run INTEGER NOT NULL, key TEXT NOT NULL, place INTEGER NOT NULL, cell INTEGER NOT NULL,
  PRIMARY KEY (generation, run, key, place)
) WITHOUT ROWID;

CREATE TABLE held (
  batch_id TEXT PRIMARY KEY,
  received_at INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  body TEXT NOT NULL
);
CREATE INDEX held_by_age ON held (received_at);

-- Bytes of all that is held. To add them up would be to read all of it, for each update that is held.
CREATE TABLE held_total (bytes INTEGER NOT NULL);
INSERT INTO held_total (bytes) VALUES (0);
CREATE TRIGGER held_added AFTER INSERT ON held BEGIN UPDATE held_total SET bytes = bytes + NEW.bytes; END;
CREATE TRIGGER held_dropped AFTER DELETE ON held BEGIN UPDATE held_total SET bytes = bytes - OLD.bytes; END;

CREATE TABLE dead_letters (
  id TEXT PRIMARY KEY,                     -- sorts by time, see letter-records.ts
  inlet TEXT NOT NULL,
  reason TEXT NOT NULL,
  truncated INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  file_id TEXT,                            -- whose it is, where that can be told
  batch_id TEXT,
  head TEXT NOT NULL,
  tail TEXT NOT NULL
);
CREATE INDEX dead_letters_of_file ON dead_letters (file_id) WHERE file_id IS NOT NULL;
CREATE INDEX dead_letters_of_batch ON dead_letters (batch_id) WHERE batch_id IS NOT NULL;

CREATE TABLE dead_letters_total (bytes INTEGER NOT NULL);
INSERT INTO dead_letters_total (bytes) VALUES (0);
CREATE TRIGGER dead_letter_added AFTER INSERT ON dead_letters
  BEGIN UPDATE dead_letters_total SET bytes = bytes + NEW.bytes; END;
CREATE TRIGGER dead_letter_dropped AFTER DELETE ON dead_letters
  BEGIN UPDATE dead_letters_total SET bytes = bytes - OLD.bytes; END;

-- What was answered to submissions that may be repeated.
CREATE TABLE receipts (
  file_id TEXT NOT NULL,
  key TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  owner TEXT NOT NULL,
  answer TEXT,                             -- null: under way
  lease_until INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (file_id, key)
) WITHOUT ROWID;
CREATE INDEX receipts_by_age ON receipts (expires_at);
`;

/** Kept in the file's `user_version`. A file of another version is refused and left as it is. */
export const SCHEMA_VERSION = 5;
