-- The first shape of the ledger. Once released, a migration is never edited: add the next one.
-- Recipients and deliveries are numbered without gaps, so that claims are ranges and
-- updates touch neighbouring pages.

CREATE TABLE ledger (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    epoch INTEGER NOT NULL,
    next_audience INTEGER NOT NULL,
    next_recipient INTEGER NOT NULL,
    next_delivery INTEGER NOT NULL,
    next_cohort INTEGER NOT NULL
);
INSERT INTO ledger VALUES (1, 0, 1, 1, 1, 1);

-- Numbers that somebody is filling, batch by batch. Nothing in these ranges counts yet.
CREATE TABLE building (
    kind TEXT NOT NULL CHECK (kind IN ('audience', 'mailing')),
    number INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL
);

CREATE TABLE audience (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    count INTEGER NOT NULL,
    root TEXT NOT NULL,
    content TEXT NOT NULL,
    locales TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    at REAL NOT NULL
);

-- Recipients stand in order of their receiver group: a group is a range.
CREATE TABLE receiver_group (
    audience INTEGER NOT NULL,
    receiver TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (audience, receiver)
) WITHOUT ROWID;

CREATE TABLE recipient (
    id INTEGER PRIMARY KEY,
    audience INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    rid TEXT NOT NULL,
    locale TEXT NOT NULL,
    salt BLOB,
    box BLOB,
    leaf BLOB NOT NULL
);

-- The two ways to look a recipient up. Tables of their own, led by the audience: an import
-- appends to them in order, where an index on `recipient` would be written at random places.
CREATE TABLE recipient_by_rid (
    audience INTEGER NOT NULL,
    rid TEXT NOT NULL,
    recipient INTEGER NOT NULL,
    PRIMARY KEY (audience, rid)
) WITHOUT ROWID;
CREATE TABLE recipient_by_blind (
    audience INTEGER NOT NULL,
    blind BLOB NOT NULL,
    recipient INTEGER NOT NULL,
    PRIMARY KEY (audience, blind, recipient)
) WITHOUT ROWID;

CREATE TABLE mailing (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    notice TEXT NOT NULL,
    audience TEXT NOT NULL,
    count INTEGER NOT NULL,
    digest TEXT NOT NULL,
    state TEXT NOT NULL,
    route TEXT NOT NULL,
    halt_epoch INTEGER NOT NULL,
    created_at REAL NOT NULL,
    started_at REAL NOT NULL,
    ended_at REAL NOT NULL,
    estimate_s REAL NOT NULL,
    reason TEXT NOT NULL,
    sealed INTEGER NOT NULL DEFAULT 0,
    refused INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX mailing_by_digest ON mailing (digest);
CREATE INDEX mailing_open ON mailing (state) WHERE state NOT IN ('done', 'void', 'cancelled');

CREATE TABLE frozen (
    mailing TEXT PRIMARY KEY,
    body BLOB NOT NULL
);

CREATE TABLE cohort (
    id INTEGER PRIMARY KEY,
    mailing TEXT NOT NULL,
    receiver TEXT NOT NULL,
    lane TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL
);
CREATE INDEX cohort_by_mailing ON cohort (mailing);

-- `state` is model.delivery.DeliveryState. `date` is the second of the first claim, `at` the
-- time of the last record. `due` stays while a deferred delivery is claimed again.
CREATE TABLE delivery (
    id INTEGER PRIMARY KEY,
    recipient INTEGER NOT NULL,
    cohort INTEGER NOT NULL,
    state INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    date INTEGER,
    reply INTEGER,
    at REAL NOT NULL,
    due REAL
);
-- Only deferred deliveries stand in it: it costs nothing to those that never were.
CREATE INDEX delivery_due ON delivery (cohort, due) WHERE state = 4;

-- What receivers said. Most say the same few things, so deliveries share these rows.
CREATE TABLE reply (
    id INTEGER PRIMARY KEY,
    code INTEGER NOT NULL,
    enhanced TEXT NOT NULL,
    text TEXT NOT NULL,
    rule TEXT NOT NULL
);

-- Deliveries per cohort and state, kept in the transactions that change them.
CREATE TABLE tally (
    cohort INTEGER NOT NULL,
    state INTEGER NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (cohort, state)
) WITHOUT ROWID;

CREATE TABLE lane_stat (
    mailing TEXT NOT NULL,
    lane TEXT NOT NULL,
    first_at REAL NOT NULL,
    last_at REAL NOT NULL,
    peak_rate INTEGER NOT NULL,
    peak_connections INTEGER NOT NULL,
    PRIMARY KEY (mailing, lane)
) WITHOUT ROWID;

CREATE TABLE act (
    number INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    mailing TEXT NOT NULL,
    what TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX act_by_mailing ON act (mailing);
