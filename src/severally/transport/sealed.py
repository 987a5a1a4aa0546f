"""The last look before a byte leaves: is this still what the guard has sealed?"""

from __future__ import annotations

import re

from severally.model.envelope import Sealed, SmtpPayload, payload_digest
from severally.model.errors import Halted

_UNFIT = re.compile("[\x00-\x20<>\x7f]")


def opened(sealed: Sealed) -> SmtpPayload:
    """The payload, or Halted where it is not the one that was sealed."""
    payload = sealed.payload
    if type(payload.message) is not bytes or payload_digest(payload) != sealed.sha256:
        raise Halted("a sealed message was changed after the guard had passed it; nothing was sent")
    for address in (payload.mail_from, *payload.rcpt_to):
        if _UNFIT.search(address) is not None:
            raise Halted("an envelope address holds a control character, a space or a bracket")
    return payload
