"""SMTP replies and what comes back later -> outcomes and events."""
