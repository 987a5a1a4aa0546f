"""From a composed message to an SMTP payload: what smtp, mx, maildir and discard hand over."""

from __future__ import annotations

from severally.model.envelope import Composed, SmtpPayload


def build_smtp(composed: Composed) -> SmtpPayload:
    """One recipient, the bytes as composed; SMTPUTF8 only where the envelope needs it."""
    utf8 = not (composed.rcpt_to.isascii() and composed.mail_from.isascii())
    return SmtpPayload(composed.mail_from, (composed.rcpt_to,), composed.message, utf8)
