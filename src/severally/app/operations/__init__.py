"""The verbs that command line, API and web share: plain arguments in, plain structs out.

Nothing here prints, reads the command line or ends the process.
"""
