"""Sending urgent messages: from the record to a receiver's answer, over whichever route is well.

`intake` commits what is asked for, `courier` sends what was committed, `way` is one route.
"""
