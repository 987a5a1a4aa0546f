"""Severally sends important notices to a whole customer base, one private message each."""

__version__ = "0.1.0"
