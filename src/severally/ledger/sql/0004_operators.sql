-- Who works with this workspace, and the passes they show (model.operator). No secret stands
-- here in the clear: passwords as argon2id hashes, the secrets of one-time codes encrypted, passes
-- as SHA-256.

CREATE TABLE operator (
    name TEXT PRIMARY KEY,
    roles TEXT NOT NULL,
    password TEXT NOT NULL,
    salt BLOB NOT NULL,
    box BLOB NOT NULL,
    step INTEGER NOT NULL,
    added_at REAL NOT NULL,
    disabled_at REAL NOT NULL
) WITHOUT ROWID;

CREATE TABLE pass (
    hash BLOB PRIMARY KEY,
    operator TEXT NOT NULL,
    kind TEXT NOT NULL,
    label TEXT NOT NULL,
    scopes TEXT NOT NULL,
    purpose TEXT NOT NULL,
    made_at REAL NOT NULL,
    expires_at REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX pass_by_operator ON pass (operator);
