"""Urgent messages, as people and programs ask for them: settings, notices, keys, the desk.

`asking` checks one request, `desk` commits it, `carrying` sends, `part` runs beside the HTTP side.
"""
