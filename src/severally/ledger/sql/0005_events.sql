-- What came back about deliveries, once for each kind, and who is not to be written to.
-- `waits`: its delivery's own outcome is not recorded yet; it is looked at again then.

CREATE TABLE event (
    delivery INTEGER NOT NULL,
    kind TEXT NOT NULL,
    at REAL NOT NULL,
    source TEXT NOT NULL,
    notice TEXT NOT NULL,
    blind BLOB NOT NULL,
    salt BLOB NOT NULL,
    box BLOB NOT NULL,
    code INTEGER NOT NULL,
    enhanced TEXT NOT NULL,
    text TEXT NOT NULL,
    rule TEXT NOT NULL,
    waits INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (delivery, kind)
) WITHOUT ROWID;
CREATE INDEX event_waiting ON event (delivery) WHERE waits = 1;
CREATE INDEX event_soft ON event (blind, delivery, at) WHERE kind IN ('soft', 'full');

CREATE TABLE suppression (
    blind BLOB NOT NULL,
    scope TEXT NOT NULL,
    salt BLOB NOT NULL,
    box BLOB NOT NULL,
    why TEXT NOT NULL,
    source TEXT NOT NULL,
    at REAL NOT NULL,
    expires REAL NOT NULL,
    PRIMARY KEY (blind, scope)
) WITHOUT ROWID;

-- Mailings that suppressed recipients are taken out of, with the kind of their notice.
CREATE TABLE excluding (
    mailing TEXT PRIMARY KEY,
    kind TEXT NOT NULL
) WITHOUT ROWID;
