-- Acts become a hash chain (model.audit). Rows from before it have no hash and are not of it.

ALTER TABLE act ADD COLUMN who TEXT NOT NULL DEFAULT '';
ALTER TABLE act ADD COLUMN seq INTEGER;
ALTER TABLE act ADD COLUMN hash BLOB;
CREATE UNIQUE INDEX act_by_seq ON act (seq) WHERE seq IS NOT NULL;
