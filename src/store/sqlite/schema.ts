import { CELLS } from '../../domain/verdict.js';

/** Version of the layout below, kept in the file's `user_version`. A newer file is refused, never touched. */
export const SCHEMA_VERSION = 1;

/** Counts by status and risk, a column each, so that SQL can add up any choice of them. */
export const CELL_COLUMNS = Array.from({ length: CELLS }, (_, cell) => `c${cell}`);
const cellColumns = CELL_COLUMNS.map((column) => `${column} INTEGER NOT NULL DEFAULT 0`).join(', ');

/**
 * A *life* is one request's life of a file: a later request opens a new one, and everything of the old one falls away
 * with its number. Batches are numbered in order of registration, so a result's *place*, `batch number × 2^24 +
 * position`, sorts a file's results in arrival order.
 */
export const SCHEMA = `
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

/** Laid out apart from the rest: a database of an earlier version gets it when it is opened. */
export const RECEIPTS_SCHEMA = `
CREATE TABLE IF NOT EXISTS receipts (
  file_id TEXT NOT NULL,
  key TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  owner TEXT NOT NULL,
  answer TEXT,                             -- null: under way
  lease_until INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (file_id, key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS receipts_by_age ON receipts (expires_at);
`;
