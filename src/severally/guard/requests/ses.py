"""What SES will write: the raw message as it is given, to its one destination.

Source: the SES v2 API reference, `SendEmail` and `RawMessage` (read November 2026).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping

from severally.guard.disclosure import NotUnderstood
from severally.guard.disclosure.shown import json_body, table
from severally.guard.requests.written import Written, one, only, word

_KNOWN = ("Destination", "Content", "EmailTags", "ConfigurationSetName")


def written(headers: Mapping[str, str], body: bytes) -> Iterator[Written]:
    """The message. Raises NotUnderstood."""
    request = table(json_body(body), "the body")
    only(request, _KNOWN, "the body")
    destination = table(request.get("Destination"), "Destination")
    only(destination, ("ToAddresses",), "Destination")
    content = table(request.get("Content"), "Content")
    only(content, ("Raw",), "Content")
    raw = table(content.get("Raw"), "Raw")
    only(raw, ("Data",), "Raw")
    tag = table(one(request.get("EmailTags"), "EmailTags"), "a tag")
    if tag.keys() != {"Name", "Value"} or tag["Name"] != "delivery":
        raise NotUnderstood("a tag that is not the delivery's")
    try:
        message = base64.b64decode(word(raw.get("Data"), "Data"), validate=True)
    except binascii.Error:
        raise NotUnderstood("raw data that is not base64") from None
    box = word(one(destination.get("ToAddresses"), "ToAddresses"), "ToAddresses")
    yield Written(box, word(tag["Value"], "a tag"), raw=message)
