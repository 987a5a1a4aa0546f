"""The loops: claim, compose, seal, send, record. All I/O goes through ports."""
