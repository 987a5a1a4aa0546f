"""The lifecycle of a mailing beyond a trial: digest, approvals, canary, ramp, gates."""
