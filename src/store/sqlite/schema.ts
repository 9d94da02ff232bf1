import { CELLS } from '../../domain/verdict.js';

/** Counts by status and risk, a column each, so that SQL can add up any choice of them. */
export const CELL_COLUMNS = Array.from({ length: CELLS }, (_, cell) => `c${cell}`);
const cellColumns = CELL_COLUMNS.map((column) => `${column} INTEGER NOT NULL DEFAULT 0`).join(', ');

/**
 * A *life* is one request's life of a file: a later request opens a new one, and everything of the old one falls away
 * with its number. Batches are numbered in order of registration, so a result's *place*, `batch number × 2^24 +
 * position`, sorts a file's results in arrival order.
 */
const FIRST_LAYOUT = `
CREATE TABLE lives (
  life INTEGER PRIMARY KEY AUTOINCREMENT,
  file_id TEXT NOT NULL,
  request_id TEXT,
  user_id TEXT,
  state INTEGER NOT NULL DEFAULT 0,        -- 0 stands, 1 replaced by a later request, 2 removed
  cleaned INTEGER NOT NULL DEFAULT 0,      -- 1: nothing is left of its results
  ended_at INTEGER,
  total_emails INTEGER,
  total_batches INTEGER,
  batches INTEGER NOT NULL DEFAULT 0,      -- registered so far
  run INTEGER NOT NULL DEFAULT 0,          -- the run of the address index that is being filled
  run_length INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  heard_at INTEGER NOT NULL,               -- last message about it, be there news in it or not
  changes INTEGER NOT NULL DEFAULT 0,
  kept INTEGER NOT NULL DEFAULT 0,         -- value of changes at the last kept stats
  stats TEXT
);
CREATE UNIQUE INDEX lives_standing ON lives (file_id) WHERE state = 0;
CREATE INDEX lives_by_age ON lives (created_at, file_id) WHERE state = 0;
CREATE INDEX lives_unannounced ON lives (life) WHERE state = 0 AND changes <> kept;
CREATE INDEX lives_ended ON lives (file_id, request_id) WHERE state <> 0;
CREATE INDEX lives_to_clean ON lives (life) WHERE state <> 0 AND cleaned = 0;

CREATE TABLE batches (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  batch_id TEXT NOT NULL UNIQUE,
  life INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,                -- counts the batches of its life from 0
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
  news_at INTEGER NOT NULL,
  open INTEGER NOT NULL DEFAULT 1,         -- neither ended nor stalled: watched for silence
  ${cellColumns}
);
CREATE UNIQUE INDEX batches_in_order ON batches (life, ordinal);
CREATE INDEX batches_open ON batches (news_at) WHERE open = 1;

-- Sums over 16, 256, 4096 … neighbouring batches, so that a page is found in a few steps however long the file is.
CREATE TABLE sums (
  life INTEGER NOT NULL, level INTEGER NOT NULL, node INTEGER NOT NULL,
  ${cellColumns},
  PRIMARY KEY (life, level, node)
) WITHOUT ROWID;

-- Results as they arrived: a line each, the new ones of one update together.
CREATE TABLE chunks (
  place INTEGER PRIMARY KEY,               -- place of its first result
  length INTEGER NOT NULL,
  run INTEGER NOT NULL,
  cells TEXT NOT NULL,                     -- a letter a result: its cell
  body TEXT NOT NULL
);

-- The addresses of a life, sorted within runs of about a thousand: adding to a short run touches few pages, where one
-- sorted list would touch another page for almost every address of a large file.
CREATE TABLE addresses (
  life INTEGER NOT NULL, run INTEGER NOT NULL, key TEXT NOT NULL, place INTEGER NOT NULL, cell INTEGER NOT NULL,
  PRIMARY KEY (life, run, key, place)
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
`;

const DEAD_LETTERS = `
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
`;

/** Who sees which files; and what became of the addresses of those that finished long ago. */
const OWNERS_AND_RETENTION = `
CREATE INDEX lives_by_owner ON lives (user_id, created_at, file_id) WHERE state = 0 AND user_id IS NOT NULL;

ALTER TABLE lives ADD COLUMN finished_at INTEGER;          -- as the kept stats say; NULL: it is not over
ALTER TABLE lives ADD COLUMN purged TEXT;                  -- summary of what it was before its addresses went
UPDATE lives SET finished_at = updated_at
  WHERE stats IS NOT NULL AND json_extract(stats, '$.completedAt') IS NOT NULL;
CREATE INDEX lives_finished ON lives (finished_at) WHERE state = 0 AND purged IS NULL AND finished_at IS NOT NULL;
`;

/** What was answered to submissions that may be repeated. */
const RECEIPTS = `
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

/** What makes each version of the layout of the one before it; the first one, of an empty file. */
export const LAYOUTS = [FIRST_LAYOUT, DEAD_LETTERS, OWNERS_AND_RETENTION, RECEIPTS];
/** Kept in the file's `user_version`. A newer file is refused, never touched. */
export const SCHEMA_VERSION = LAYOUTS.length;
