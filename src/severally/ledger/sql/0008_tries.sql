-- Wrong passwords and codes of an operator, one after the other; see model.operator.waits_until.

ALTER TABLE operator ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE operator ADD COLUMN tried_at REAL NOT NULL DEFAULT 0;
