/**
 * The tables of the SQLite file. Times are in milliseconds since 1970. A later request of a file opens a new generation, and
 * what belongs to the number of the old one is cleaned up. Batches are numbered in the order of registration, so a result's
 * *place*, see results.ts, sorts the results of a file in arrival order.
 */
export const SCHEMA = `
CREATE TABLE generations (
  generation INTEGER PRIMARY KEY AUTOINCREMENT,
  fileId TEXT NOT NULL,
  requestId TEXT,
  userId TEXT,                            -- the owner
  producer TEXT,                           -- who registered it, see ownership.ts
  state INTEGER NOT NULL DEFAULT 0,        -- 0 current, 1 replaced by a later request, 2 removed
  cleaned INTEGER NOT NULL DEFAULT 0,      -- 1: its results are deleted
  cleanedTo INTEGER NOT NULL DEFAULT 0,   -- ordinal up to which they are
  endedAt INTEGER,
  totalEmails INTEGER,
  totalBatches INTEGER,
  batches INTEGER NOT NULL DEFAULT 0,      -- registered so far
  run INTEGER NOT NULL DEFAULT 0,          -- the run of the index that is being filled
  runLength INTEGER NOT NULL DEFAULT 0,   -- addresses in it
  createdAt INTEGER NOT NULL,
  updatedAt INTEGER NOT NULL,
  lastMessageAt INTEGER NOT NULL,          -- last message about it, whether it changed anything or not
  changes INTEGER NOT NULL DEFAULT 0,
  announcedChanges INTEGER NOT NULL DEFAULT 0, -- value of changes at the last kept stats
  stats TEXT,
  counted TEXT,                            -- JSON of what it adds to the sums of files, see overview.ts
  finishedAt INTEGER,                     -- from the kept stats; NULL: not yet
  submission TEXT,                         -- JSON of the SubmissionProgress; NULL: not submitted as a list
  purged TEXT                              -- JSON of the Summary from before its addresses were deleted; NULL: it has them
);
CREATE UNIQUE INDEX generations_current ON generations (fileId) WHERE state = 0;
CREATE INDEX generations_by_age ON generations (createdAt, fileId) WHERE state = 0;
CREATE INDEX generations_unannounced ON generations (generation) WHERE state = 0 AND changes <> announcedChanges;
CREATE INDEX generations_ended ON generations (fileId, requestId) WHERE state <> 0;
CREATE INDEX generations_to_clean ON generations (generation) WHERE state <> 0 AND cleaned = 0;
CREATE INDEX generations_by_owner ON generations (userId, createdAt, fileId)
  WHERE state = 0 AND userId IS NOT NULL;
CREATE INDEX generations_finished ON generations (finishedAt)
  WHERE state = 0 AND purged IS NULL AND finishedAt IS NOT NULL;

CREATE TABLE batches (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  batchId TEXT NOT NULL UNIQUE,
  generation INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,                -- counts the batches of its generation from 0
  version INTEGER NOT NULL DEFAULT 1,      -- counts the changes of this row
  begun INTEGER NOT NULL DEFAULT 0,
  complete INTEGER NOT NULL DEFAULT 0,
  stalled INTEGER NOT NULL DEFAULT 0,
  failedAtCount INTEGER,                       -- counts as failed until more than this many are processed
  status TEXT NOT NULL DEFAULT 'waiting',  -- what follows from the four before, see batch-progress.ts
  failure TEXT,
  totalEmails INTEGER,
  processedCount INTEGER NOT NULL DEFAULT 0,
  list INTEGER NOT NULL DEFAULT 0,         -- which of its lists is the stored one, see results.ts
  length INTEGER NOT NULL DEFAULT 0,
  fingerprint TEXT NOT NULL DEFAULT '',
  rewrites TEXT NOT NULL DEFAULT '[]',     -- see rewrites.ts
  summary TEXT NOT NULL,
  lastUpdateAt INTEGER NOT NULL,
  open INTEGER NOT NULL DEFAULT 1          -- 1: neither ended nor stalled, so it is watched for silence
);
CREATE UNIQUE INDEX batches_in_order ON batches (generation, ordinal);
CREATE INDEX batches_open ON batches (lastUpdateAt) WHERE open = 1;

-- Counts by cell of each batch (level 0), and added up over 32, 1024 and 32768 neighbouring ones, see rollups.ts. The nodes
-- below one node lie together, sorted by cell: a page of what is rare reads only the counts of what it shows.
CREATE TABLE rollups (
  generation INTEGER NOT NULL, level INTEGER NOT NULL, parent INTEGER NOT NULL, cell INTEGER NOT NULL, node INTEGER NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (generation, level, parent, cell, node)
) WITHOUT ROWID;

-- The domains and providers of files that have ended, see breakdowns.ts.
CREATE TABLE breakdowns (
  generation INTEGER NOT NULL,
  property TEXT NOT NULL,
  changes INTEGER NOT NULL,                -- of the generation when it was counted
  ranking TEXT NOT NULL,                   -- JSON of the Ranking
  PRIMARY KEY (generation, property)
) WITHOUT ROWID;

-- Results in the order of arrival; the new ones of one update lie together.
CREATE TABLE chunks (
  place INTEGER PRIMARY KEY,               -- place of its first result
  length INTEGER NOT NULL,                 -- results in it
  cells TEXT NOT NULL,                     -- a character for each result: the code of its cell
  body TEXT NOT NULL                       -- the JSON of the results, a line each
);

-- Lists of batches, or their ends, that no read finds, see hidden-lists.ts: they are being written, or deleted some at a time.
CREATE TABLE hidden_lists (
  list INTEGER NOT NULL UNIQUE,            -- number of the list, see results.ts
  generation INTEGER NOT NULL,
  start INTEGER NOT NULL DEFAULT 0,        -- position from which on it is hidden
  writing INTEGER NOT NULL DEFAULT 0       -- 1: an update is being written there; 0: it is to be deleted
);

-- The index of addresses and domains: a few sorted runs for each generation, see runs.ts. One sorted list would touch
-- another page of the file for almost every address that is added.
CREATE TABLE addresses (
  generation INTEGER NOT NULL, run INTEGER NOT NULL, key TEXT NOT NULL, place INTEGER NOT NULL, cell INTEGER NOT NULL,
  PRIMARY KEY (generation, run, key, place)
) WITHOUT ROWID;

-- Addresses of one chunk share domains, so a row is for all results of a chunk with the same domain.
CREATE TABLE domains (
  generation INTEGER NOT NULL, run INTEGER NOT NULL, key TEXT NOT NULL,
  place INTEGER NOT NULL,                  -- of the chunk
  offsets TEXT NOT NULL,                   -- where in the chunk they are, as a JSON array
  cells TEXT NOT NULL,                     -- a character for each of them: the code of its cell
  PRIMARY KEY (generation, run, key, place)
) WITHOUT ROWID;

CREATE TABLE runs (
  generation INTEGER NOT NULL,
  run INTEGER NOT NULL,
  level INTEGER NOT NULL,                  -- how often its entries have been merged
  target INTEGER,                          -- the run that it is being merged into; NULL: none
  PRIMARY KEY (generation, run)
) WITHOUT ROWID;
CREATE INDEX runs_to_merge ON runs (generation, target) WHERE target IS NOT NULL;

CREATE TABLE held (
  batchId TEXT NOT NULL,
  holder TEXT NOT NULL,                    -- the user to whom it belongs; empty: to any registration of the batch
  receivedAt INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  envelope TEXT NOT NULL,                  -- JSON of the update without its results
  results TEXT NOT NULL,                   -- JSON of these; in a column of its own: which of two updates is newer is found without it
  PRIMARY KEY (batchId, holder)
);
CREATE INDEX held_by_age ON held (receivedAt);
CREATE INDEX held_of_holder ON held (holder, receivedAt);

-- Registered batches whose held updates are applied afterwards, see due-updates.ts.
CREATE TABLE due_updates (
  batchId TEXT PRIMARY KEY,
  generation INTEGER NOT NULL,
  userId TEXT,                            -- who has registered it, and gets what is held for this user
  isAdmin INTEGER NOT NULL,                -- 1: and what is held for all others
  registeredAt INTEGER NOT NULL,
  isOver INTEGER NOT NULL                  -- 1: its request is, and what is held is to be deleted
) WITHOUT ROWID;
CREATE INDEX due_updates_of_generation ON due_updates (generation);
CREATE INDEX due_updates_over ON due_updates (batchId) WHERE isOver = 1;

-- Bytes of all held updates, and of each holder's, kept by triggers: adding them up would read all for each one that is held.
CREATE TABLE held_total (bytes INTEGER NOT NULL);
INSERT INTO held_total (bytes) VALUES (0);
CREATE TABLE held_shares (holder TEXT PRIMARY KEY, bytes INTEGER NOT NULL) WITHOUT ROWID;
CREATE TRIGGER held_added AFTER INSERT ON held BEGIN
  UPDATE held_total SET bytes = bytes + NEW.bytes;
  INSERT INTO held_shares (holder, bytes) VALUES (NEW.holder, NEW.bytes)
    ON CONFLICT (holder) DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER held_dropped AFTER DELETE ON held BEGIN
  UPDATE held_total SET bytes = bytes - OLD.bytes;
  UPDATE held_shares SET bytes = bytes - OLD.bytes WHERE holder = OLD.holder;
  DELETE FROM held_shares WHERE holder = OLD.holder AND bytes <= 0;
END;

CREATE TABLE dead_letters (
  id TEXT PRIMARY KEY,                     -- sorts by time, see dead-letter-records.ts
  inlet TEXT NOT NULL,
  reason TEXT NOT NULL,
  truncated INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  fileId TEXT,                            -- the file that it belongs to; NULL: unknown
  batchId TEXT,
  head TEXT NOT NULL,
  tail TEXT NOT NULL
);
CREATE INDEX dead_letters_of_file ON dead_letters (fileId) WHERE fileId IS NOT NULL;
CREATE INDEX dead_letters_of_batch ON dead_letters (batchId) WHERE batchId IS NOT NULL;

CREATE TABLE dead_letters_total (bytes INTEGER NOT NULL);
INSERT INTO dead_letters_total (bytes) VALUES (0);
CREATE TRIGGER dead_letter_added AFTER INSERT ON dead_letters
  BEGIN UPDATE dead_letters_total SET bytes = bytes + NEW.bytes; END;
CREATE TRIGGER dead_letter_dropped AFTER DELETE ON dead_letters
  BEGIN UPDATE dead_letters_total SET bytes = bytes - OLD.bytes; END;

-- What is sent to the validator, and how far it is, see submissions.ts.
CREATE TABLE submissions (
  id TEXT PRIMARY KEY,
  fileId TEXT NOT NULL,
  filing TEXT UNIQUE,                      -- its file, while no other submission of the file may begin
  key TEXT UNIQUE,                         -- of its caller; NULL: none
  fingerprint TEXT NOT NULL,
  requestId TEXT,                         -- NULL: the validator names it
  body TEXT NOT NULL,                      -- JSON: what a gateway needs to go on with it
  state TEXT NOT NULL,
  total INTEGER NOT NULL,
  submitted INTEGER NOT NULL DEFAULT 0,
  uncertain INTEGER NOT NULL DEFAULT 0,
  error TEXT,
  failures INTEGER NOT NULL DEFAULT 0,
  owner TEXT NOT NULL,                     -- of the lease
  dueAt INTEGER NOT NULL,                 -- end of its lease or of its pause
  expiresAt INTEGER NOT NULL,             -- of the key and the answer
  answer TEXT,
  ended INTEGER NOT NULL DEFAULT 0         -- 1: what it holds is being deleted; 2: only its key and answer are left
);
CREATE INDEX submissions_of_file ON submissions (fileId);
CREATE INDEX submissions_due ON submissions (dueAt) WHERE ended = 0 AND state IN ('preparing', 'open');
CREATE INDEX submissions_by_age ON submissions (expiresAt);
CREATE INDEX submissions_ended ON submissions (id) WHERE ended = 1;

CREATE TABLE slices (
  submission TEXT NOT NULL,
  number INTEGER NOT NULL,
  state TEXT NOT NULL,
  emails INTEGER NOT NULL,
  attempt TEXT,                            -- who has sent it last
  acceptance TEXT,                         -- JSON: what the validator answered
  PRIMARY KEY (submission, number)
) WITHOUT ROWID;
CREATE INDEX slices_to_send ON slices (submission, number) WHERE state IN ('waiting', 'sending', 'accepted');

-- The addresses of a slice in pieces of a text.
CREATE TABLE submission_pieces (
  submission TEXT NOT NULL,
  slice INTEGER NOT NULL,
  piece INTEGER NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (submission, slice, piece)
) WITHOUT ROWID;

-- Written to find out whether a write succeeds.
CREATE TABLE probe (at INTEGER NOT NULL);
INSERT INTO probe (at) VALUES (0);

-- What the files of an owner add up to, see overview.ts; the empty owner stands for all files.
CREATE TABLE overviews (
  owner TEXT PRIMARY KEY,
  counts TEXT NOT NULL,                    -- JSON
  lastUpdated INTEGER NOT NULL
) WITHOUT ROWID;

-- The tokens of a user that were issued before a time are refused. A later revocation gets a new number.
CREATE TABLE revocations (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  sub TEXT NOT NULL UNIQUE,
  at INTEGER NOT NULL
);

CREATE TABLE webhooks (
  webhookId TEXT PRIMARY KEY,
  ownerId TEXT,
  seesEveryFile INTEGER NOT NULL,
  url TEXT NOT NULL,
  events TEXT NOT NULL,                    -- JSON list
  fileId TEXT,
  secret TEXT NOT NULL,
  createdAt INTEGER NOT NULL,
  isActive INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE deliveries (
  deliveryId TEXT PRIMARY KEY,            -- sorts by time
  webhookId TEXT NOT NULL,
  type TEXT NOT NULL,
  state TEXT NOT NULL,                     -- pending, delivered or failed
  attempts INTEGER NOT NULL DEFAULT 0,
  lastStatus INTEGER,
  lastError TEXT,
  createdAt INTEGER NOT NULL,
  since INTEGER NOT NULL,                  -- pending since its creation or its replay
  lastAttemptAt INTEGER,
  nextAttemptAt INTEGER,                 -- while an attempt is under way: when its gateway counts as dead
  body TEXT NOT NULL
);
CREATE INDEX deliveries_due ON deliveries (webhookId, nextAttemptAt) WHERE state = 'pending';
CREATE INDEX deliveries_of_webhook ON deliveries (webhookId, deliveryId);
CREATE INDEX deliveries_ended ON deliveries (createdAt) WHERE state <> 'pending';

-- Uploaded lists, see lists.ts.
CREATE TABLE lists (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  listId TEXT NOT NULL UNIQUE,
  userId TEXT,                            -- the uploader; NULL: an anonymous caller
  name TEXT NOT NULL,
  bytes INTEGER NOT NULL DEFAULT 0,
  summary TEXT,                            -- JSON of the ListSummary; NULL: it is being uploaded
  expiresAt INTEGER,                      -- NULL: it is attached to a generation, and ends with that
  generation INTEGER,
  fileId TEXT,
  reservedFor TEXT,                        -- the submission that works on it; NULL: none
  ended INTEGER NOT NULL DEFAULT 0         -- 1: its chunks are being deleted
);
CREATE INDEX lists_by_age ON lists (expiresAt) WHERE ended = 0 AND expiresAt IS NOT NULL;
CREATE INDEX lists_of_generation ON lists (generation) WHERE generation IS NOT NULL;
CREATE INDEX lists_of_user ON lists (userId) WHERE generation IS NULL;
CREATE INDEX lists_ended ON lists (fileId) WHERE ended = 1;

CREATE TABLE list_chunks (
  place INTEGER PRIMARY KEY,               -- number of its list × 2^20 + its own
  body BLOB NOT NULL
);
`;

/** Stored as the file's `user_version`. A file of another version is refused and not changed. */
export const SCHEMA_VERSION = 26;
