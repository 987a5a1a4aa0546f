"""Sending urgent messages: from the record to a receiver's answer, over whichever route is well.

`courier` sends what the ledger has accepted, `way` is one route, `grouped` commits for both.
"""
