"""A clock that jumps, and a receiving world with limits, moods and faults."""
