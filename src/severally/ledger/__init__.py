"""The record: who was sent what, who was not, and who is in doubt, after any crash.

Kept in memory (`memory`) or in SQLite (`sqlite`), behind `ports.Ledger` and one test suite.
"""
