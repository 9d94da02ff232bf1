/** The tables of the SQLite file. Times are in milliseconds since 1970. */
import { CELL_COUNT } from '../../domain/verdict.js';

/** Counts by status and risk, a column each, so that SQL can add up any selection of them. */
export const CELL_COLUMNS = Array.from({ length: CELL_COUNT }, (_, cell) => `c${cell}`);
const cellColumns = CELL_COLUMNS.map((column) => `${column} INTEGER NOT NULL DEFAULT 0`).join(', ');

/**
 * A later request of a file opens a new generation; everything that belongs to the old one's number is cleaned up.
 * Batches are numbered in order of registration, so a result's *place*, `batch number × 2^24 + position`, sorts the
 * results of a file in arrival order.
 */
export const SCHEMA = `
CREATE TABLE generations (
  generation INTEGER PRIMARY KEY AUTOINCREMENT,
  file_id TEXT NOT NULL,
  request_id TEXT,
  user_id TEXT,                            -- the owner
  producer TEXT,                           -- who registered it, see ownership.ts
  state INTEGER NOT NULL DEFAULT 0,        -- 0 current, 1 replaced by a later request, 2 removed
  cleaned INTEGER NOT NULL DEFAULT 0,      -- 1: its results are deleted
  cleaned_to INTEGER NOT NULL DEFAULT 0,   -- ordinal up to which they are
  ended_at INTEGER,
  total_emails INTEGER,
  total_batches INTEGER,
  batches INTEGER NOT NULL DEFAULT 0,      -- registered so far
  run INTEGER NOT NULL DEFAULT 0,          -- the sorted run of the address index that is being filled
  run_length INTEGER NOT NULL DEFAULT 0,   -- addresses in it
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  last_message_at INTEGER NOT NULL,          -- last message about it, whether it changed anything or not
  changes INTEGER NOT NULL DEFAULT 0,
  announced_changes INTEGER NOT NULL DEFAULT 0, -- value of changes at the last kept stats
  stats TEXT,
  counted TEXT,                            -- JSON of what it adds to the sums of files, see overview.ts
  finished_at INTEGER,                     -- from the kept stats; NULL: not yet
  purged TEXT                              -- JSON of the Summary from before its addresses were deleted; NULL: it has them
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
  failed_at INTEGER,                       -- counts as failed until more than this many are processed
  failure TEXT,
  total_emails INTEGER,
  processed_count INTEGER NOT NULL DEFAULT 0,
  length INTEGER NOT NULL DEFAULT 0,
  fingerprint TEXT NOT NULL DEFAULT '',
  rewrites TEXT NOT NULL DEFAULT '[]',     -- see rewrites.ts
  summary TEXT NOT NULL,
  last_update_at INTEGER NOT NULL,
  open INTEGER NOT NULL DEFAULT 1,         -- 1: neither ended nor stalled, so it is watched for silence
  ${cellColumns}
);
CREATE UNIQUE INDEX batches_in_order ON batches (generation, ordinal);
CREATE INDEX batches_open ON batches (last_update_at) WHERE open = 1;

-- Counts added up over 16, 256, 4096 … neighbouring batches, see rollups.ts.
CREATE TABLE rollups (
  generation INTEGER NOT NULL, level INTEGER NOT NULL, node INTEGER NOT NULL,
  ${cellColumns},
  PRIMARY KEY (generation, level, node)
) WITHOUT ROWID;

-- Results in the order of arrival; the new ones of one update lie together.
CREATE TABLE chunks (
  place INTEGER PRIMARY KEY,               -- place of its first result
  length INTEGER NOT NULL,                 -- results in it
  run INTEGER NOT NULL,                    -- the run of the address index that has their addresses
  cells TEXT NOT NULL,                     -- a character for each result: the code of its cell
  body TEXT NOT NULL                       -- the JSON of the results, a line each
);

-- The address index: a few sorted runs of about a thousand addresses for each generation. Adding to a short run touches few
-- pages of the file; one sorted list would touch another page for almost every address of a large file.
CREATE TABLE addresses (
  generation INTEGER NOT NULL, run INTEGER NOT NULL, key TEXT NOT NULL, place INTEGER NOT NULL, cell INTEGER NOT NULL,
  PRIMARY KEY (generation, run, key, place)
) WITHOUT ROWID;

CREATE TABLE held (
  batch_id TEXT NOT NULL,
  holder TEXT NOT NULL,                    -- the user to whom it belongs; empty: to any registration of the batch
  received_at INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (batch_id, holder)
);
CREATE INDEX held_by_age ON held (received_at);

-- Bytes of all held updates, kept by triggers: adding them up would read them all for each update that is held.
CREATE TABLE held_total (bytes INTEGER NOT NULL);
INSERT INTO held_total (bytes) VALUES (0);
CREATE TRIGGER held_added AFTER INSERT ON held BEGIN UPDATE held_total SET bytes = bytes + NEW.bytes; END;
CREATE TRIGGER held_dropped AFTER DELETE ON held BEGIN UPDATE held_total SET bytes = bytes - OLD.bytes; END;

CREATE TABLE dead_letters (
  id TEXT PRIMARY KEY,                     -- sorts by time, see dead-letter-records.ts
  inlet TEXT NOT NULL,
  reason TEXT NOT NULL,
  truncated INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  file_id TEXT,                            -- the file that it belongs to; NULL: unknown
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

-- Answers to submissions that name an Idempotency-Key, so that a repeated one is answered alike.
CREATE TABLE receipts (
  file_id TEXT NOT NULL,
  key TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  owner TEXT NOT NULL,
  answer TEXT,                             -- NULL: under way
  lease_until INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (file_id, key)
) WITHOUT ROWID;
CREATE INDEX receipts_by_age ON receipts (expires_at);

-- Uploaded lists, see lists.ts.
CREATE TABLE lists (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  list_id TEXT NOT NULL UNIQUE,
  user_id TEXT,                            -- the uploader; NULL: an anonymous caller
  name TEXT NOT NULL,
  bytes INTEGER NOT NULL DEFAULT 0,
  summary TEXT,                            -- JSON of the ListSummary; NULL: it is being uploaded
  expires_at INTEGER,                      -- NULL: it is attached to a generation, and ends with that
  generation INTEGER,
  file_id TEXT,
  ended INTEGER NOT NULL DEFAULT 0         -- 1: its chunks are being deleted
);
CREATE INDEX lists_by_age ON lists (expires_at) WHERE ended = 0 AND expires_at IS NOT NULL;
CREATE INDEX lists_of_generation ON lists (generation) WHERE generation IS NOT NULL;
CREATE INDEX lists_of_user ON lists (user_id) WHERE generation IS NULL;
CREATE INDEX lists_ended ON lists (file_id) WHERE ended = 1;

CREATE TABLE list_chunks (
  place INTEGER PRIMARY KEY,               -- number of its list × 2^20 + its own
  body BLOB NOT NULL
);

-- What the files of an owner add up to, see overview.ts; the empty owner stands for all files.
CREATE TABLE overviews (
  owner TEXT PRIMARY KEY,
  counts TEXT NOT NULL,                    -- JSON
  last_updated INTEGER NOT NULL
) WITHOUT ROWID;

-- The tokens of a user that were issued before a time are refused. A later revocation gets a new number.
CREATE TABLE revocations (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  sub TEXT NOT NULL UNIQUE,
  at INTEGER NOT NULL
);

CREATE TABLE webhooks (
  webhook_id TEXT PRIMARY KEY,
  owner_id TEXT,
  sees_every_file INTEGER NOT NULL,
  url TEXT NOT NULL,
  events TEXT NOT NULL,                    -- JSON list
  file_id TEXT,
  secret TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  is_active INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE deliveries (
  delivery_id TEXT PRIMARY KEY,            -- sorts by time
  webhook_id TEXT NOT NULL,
  type TEXT NOT NULL,
  state TEXT NOT NULL,                     -- pending, delivered or failed
  attempts INTEGER NOT NULL DEFAULT 0,
  last_status INTEGER,
  last_error TEXT,
  created_at INTEGER NOT NULL,
  since INTEGER NOT NULL,                  -- pending since its creation or its replay
  last_attempt_at INTEGER,
  next_attempt_at INTEGER,                 -- while an attempt is under way: when its gateway counts as dead
  body TEXT NOT NULL
);
CREATE INDEX deliveries_due ON deliveries (next_attempt_at) WHERE state = 'pending';
CREATE INDEX deliveries_of_webhook ON deliveries (webhook_id, delivery_id);
CREATE INDEX deliveries_ended ON deliveries (created_at) WHERE state <> 'pending';
`;

/** Stored as the file's `user_version`. A file of another version is refused and not changed. */
export const SCHEMA_VERSION = 11;
