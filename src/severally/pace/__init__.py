"""Pacing: lanes, limits, retry plan, schedule, estimate. `state + now + rng -> decision`."""
