"""A message handed in by SMTP: the envelope's recipients and the bytes of DATA.

The envelope says who gets it; the fields of the message only give their names.
"""

from __future__ import annotations

import email
import email.policy
import email.utils
from collections.abc import Sequence

from severally.submit.draft import Draft, NamedAddress, Read

NAME = "smtp"
CURE = "send one message to each recipient, with that recipient alone in To and no Cc"


def read(mail_from: str, rcpt_to: Sequence[str], message: bytes) -> Read:
    """One draft; nobody but the envelope's recipients stands in it."""
    head = email.message_from_bytes(message, policy=email.policy.compat32)
    fields = [str(f) for name in ("to", "cc") for f in head.get_all(name, [])]
    names = {box.lower(): name for name, box in email.utils.getaddresses(fields) if box}
    people = tuple(NamedAddress(box, names.get(box.lower(), "")) for box in rcpt_to)
    return Read((Draft(NamedAddress(mail_from), people, raw=message),))
