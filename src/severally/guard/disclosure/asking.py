"""Which provider's rule a request falls under: its path says so, on whatever host."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Mapping

from severally.guard.disclosure import (
    Disclosure,
    NotUnderstood,
    mailgun,
    postmark,
    resend,
    sendgrid,
    ses,
)

_RULES = (
    (re.compile(r"/v3/mail/send/?"), sendgrid.disclosure),
    (re.compile(r"/v2/email/outbound-(bulk-)?emails/?"), ses.disclosure),
    (re.compile(r"/v3/[^/]+/messages(\.mime)?/?"), mailgun.disclosure),
    (re.compile(r"/email(/(batch|withtemplate|batchwithtemplates))?/?", re.I), postmark.disclosure),
    (re.compile(r"/emails(/batch)?/?"), resend.disclosure),
)
"""No two providers have one path, so that a stand-in on any host is known by it."""


def asked(method: str, url: str, headers: Mapping[str, str], body: bytes | str) -> Disclosure:
    """As `severally.guard.disclosure.of`."""
    path = urllib.parse.urlsplit(url).path
    for place, rule in _RULES:
        if place.fullmatch(path):
            return rule(method, path, headers, body.encode() if isinstance(body, str) else body)
    raise NotUnderstood("not an endpoint of a provider that is known here")
