-- The state file, version 3. Times are seconds since the epoch, UTC.
CREATE TABLE migrations (
    id              TEXT PRIMARY KEY,                       -- UUID, 32 hexadecimal digits
    server          TEXT NOT NULL,                          -- ServerIdentity.uuid
    host            TEXT NOT NULL,
    schema_name     TEXT NOT NULL,
    table_name      TEXT NOT NULL,
    statement       TEXT NOT NULL,                          -- the ALTER as it was given
    settings        TEXT NOT NULL CHECK (json_valid(settings)), -- all but secrets
    phase           TEXT NOT NULL,
    came_from       TEXT,                                   -- the state that was left for `failed`
    seq             INTEGER NOT NULL DEFAULT 0,             -- the last row of the journal
    epoch           INTEGER NOT NULL DEFAULT 0,             -- +1 for every run: the fencing token
    token           TEXT NOT NULL DEFAULT '',               -- this file's own: whose lease the server shows
    owner           TEXT NOT NULL DEFAULT '',               -- host and process of the last run
    reason          TEXT NOT NULL DEFAULT '',               -- why it ended, or stopped
    created_at      REAL NOT NULL,
    finished_at     REAL,
    taken_over      TEXT NOT NULL DEFAULT ''                -- by whom and when: then it is finished for this file
) STRICT;

CREATE UNIQUE INDEX one_unfinished_migration_per_table
    ON migrations (server, schema_name, table_name) WHERE finished_at IS NULL;

CREATE TABLE journal (
    migration       TEXT NOT NULL REFERENCES migrations ON DELETE CASCADE,
    seq             INTEGER NOT NULL,
    source          TEXT NOT NULL,
    outcome         TEXT NOT NULL,
    dest            TEXT NOT NULL,
    reason          TEXT NOT NULL,
    epoch           INTEGER NOT NULL,
    at              REAL NOT NULL,
    facts           TEXT NOT NULL DEFAULT '{}',             -- what it had come to, as JSON
    PRIMARY KEY (migration, seq)
) STRICT;

CREATE TABLE progress (
    migration       TEXT PRIMARY KEY REFERENCES migrations ON DELETE CASCADE,
    document        TEXT NOT NULL CHECK (json_valid(document)),
    plan            TEXT CHECK (plan IS NULL OR json_valid(plan)),
    readings        TEXT NOT NULL CHECK (json_valid(readings)),
    start_at        TEXT,                                   -- coordinates, file:position
    safe_at         TEXT,
    checkpoints     INTEGER NOT NULL DEFAULT 0,
    at              REAL NOT NULL
) STRICT;

CREATE TABLE chunks (
    migration       TEXT NOT NULL REFERENCES migrations ON DELETE CASCADE,
    number          INTEGER NOT NULL,
    after           TEXT,                                   -- exclusive; null: from the start
    upto            TEXT NOT NULL,                          -- inclusive
    rows            INTEGER,                                -- null until it is known to be committed
    seconds         REAL,
    PRIMARY KEY (migration, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE connections (
    migration       TEXT NOT NULL REFERENCES migrations ON DELETE CASCADE,
    number          INTEGER NOT NULL,
    epoch           INTEGER NOT NULL,
    purpose         TEXT NOT NULL,
    gone            INTEGER NOT NULL DEFAULT 0 CHECK (gone IN (0, 1)),
    PRIMARY KEY (migration, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE hook_runs (
    migration       TEXT NOT NULL,
    seq             INTEGER NOT NULL,                       -- the transition that it belongs to
    moment          TEXT NOT NULL,
    place           INTEGER NOT NULL,                       -- their order within a transition
    status          TEXT NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'running', 'ok', 'failed')),
    attempts        INTEGER NOT NULL DEFAULT 0,
    output          TEXT NOT NULL DEFAULT '',
    at              REAL,
    PRIMARY KEY (migration, seq, moment),
    FOREIGN KEY (migration, seq) REFERENCES journal ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE commands (
    id              INTEGER PRIMARY KEY,
    migration       TEXT NOT NULL REFERENCES migrations ON DELETE CASCADE,
    verb            TEXT NOT NULL,
    value           TEXT NOT NULL DEFAULT '',
    at              REAL NOT NULL,
    taken_at        REAL,
    answer          TEXT,                                   -- null until there is one
    took_effect     INTEGER CHECK (took_effect IN (0, 1))
) STRICT;
