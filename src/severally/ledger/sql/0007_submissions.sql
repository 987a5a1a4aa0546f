-- What other programs hand in to the drop-in guard. A letter's `state` is
-- model.delivery.DeliveryState; `due` is 0 where it may leave at once. Its payload is encrypted
-- and forgotten when it is final.

CREATE TABLE submission (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    way TEXT NOT NULL,
    at REAL NOT NULL,
    content BLOB NOT NULL,
    count INTEGER NOT NULL,
    standing TEXT NOT NULL
);
CREATE INDEX submission_by_content ON submission (content, at);
CREATE INDEX submission_held ON submission (number) WHERE standing = 'held';

CREATE TABLE letter (
    id INTEGER PRIMARY KEY,
    submission INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    blind BLOB NOT NULL,
    state INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    due REAL NOT NULL,
    first_at INTEGER NOT NULL,
    at REAL NOT NULL,
    salt BLOB,
    box BLOB,
    code INTEGER NOT NULL DEFAULT 0,
    text TEXT NOT NULL DEFAULT ''
);
CREATE INDEX letter_due ON letter (due, id) WHERE state IN (0, 4);
CREATE INDEX letter_in_hands ON letter (id) WHERE state = 2;
CREATE INDEX letter_of ON letter (submission);
CREATE INDEX letter_by_blind ON letter (blind);

CREATE TABLE allowed_content (
    content BLOB PRIMARY KEY,
    until REAL NOT NULL
) WITHOUT ROWID;

CREATE TABLE guard_halt (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    reason TEXT NOT NULL
);
