-- The steps of a mailing's ramp: a cohort is one receiver's part of one step, and a mailing
-- says up to which step its deliveries may leave.

ALTER TABLE cohort ADD COLUMN step INTEGER NOT NULL DEFAULT 0;
ALTER TABLE mailing ADD COLUMN step INTEGER NOT NULL DEFAULT 0;
