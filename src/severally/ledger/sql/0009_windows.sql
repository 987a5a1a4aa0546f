-- Sending windows in the recipient's time zone: who is counted together shares a zone. Empty where a
-- mailing has no window, so that a zone stands in the clear only where pacing needs it.

ALTER TABLE recipient ADD COLUMN zone TEXT NOT NULL DEFAULT '';
ALTER TABLE cohort ADD COLUMN zone TEXT NOT NULL DEFAULT '';
