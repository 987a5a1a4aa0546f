-- Urgent messages (model.urgent): notices that may be sent any number of times, the keys of the
-- programs that ask for it, and the messages. They belong to no mailing.

CREATE TABLE urgent_notice (
    digest TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    event TEXT NOT NULL,
    expires_s REAL NOT NULL,
    proposed_at REAL NOT NULL,
    proposed_by TEXT NOT NULL,
    approved_at REAL NOT NULL,
    approved_by TEXT NOT NULL,
    frozen BLOB NOT NULL
);

CREATE TABLE api_key (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    scope TEXT NOT NULL,
    hash BLOB NOT NULL,
    per_minute INTEGER NOT NULL,
    made_at REAL NOT NULL,
    made_by TEXT NOT NULL,
    expires_at REAL NOT NULL,
    revoked_at REAL NOT NULL
) WITHOUT ROWID;

-- seq keeps the order of arrival, and makes the inserts of a batch neighbours on disk
CREATE TABLE urgent (
    seq INTEGER PRIMARY KEY,
    ident INTEGER NOT NULL UNIQUE,
    digest TEXT NOT NULL,
    event TEXT NOT NULL,
    exempt INTEGER NOT NULL,
    key TEXT NOT NULL,
    scope TEXT NOT NULL,
    reference TEXT NOT NULL,
    idem BLOB NOT NULL,
    body BLOB NOT NULL,
    person BLOB NOT NULL,
    salt BLOB NOT NULL,
    box BLOB NOT NULL,
    accepted_at REAL NOT NULL,
    expires_at REAL NOT NULL,
    due REAL NOT NULL,
    state INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    doubts INTEGER NOT NULL DEFAULT 0,
    date INTEGER NOT NULL DEFAULT 0,
    route TEXT NOT NULL DEFAULT '',
    code INTEGER NOT NULL DEFAULT 0,
    enhanced TEXT NOT NULL DEFAULT '',
    text TEXT NOT NULL DEFAULT '',
    into_ident INTEGER NOT NULL DEFAULT 0,
    UNIQUE (key, idem)
);
CREATE INDEX urgent_waiting ON urgent (due) WHERE state IN (0, 4);
CREATE INDEX urgent_open ON urgent (state, accepted_at) WHERE state IN (0, 1, 2, 4, 11);
CREATE INDEX urgent_by_person ON urgent (person, event, accepted_at);
CREATE INDEX urgent_by_event ON urgent (event, accepted_at);
CREATE INDEX urgent_by_reference ON urgent (scope, reference) WHERE reference <> '';

CREATE TABLE urgent_happening (
    ident INTEGER NOT NULL,
    at REAL NOT NULL,
    what TEXT NOT NULL,
    route TEXT NOT NULL,
    text TEXT NOT NULL
);
CREATE INDEX urgent_happening_of ON urgent_happening (ident);
