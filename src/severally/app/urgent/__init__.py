"""Urgent messages, as people and programs ask for them: settings, notices, keys, the desk.

`asking` checks one request, `desk` commits it, `part` is what runs beside the HTTP side.
"""
