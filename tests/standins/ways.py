"""Every provider that is a route: its stand-in, its key, how its route is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from severally.transport.api import Provider, Secret
from severally.transport.mailgun import Mailgun
from severally.transport.postmark import Postmark
from severally.transport.resend import Resend
from severally.transport.sendgrid import Sendgrid
from severally.transport.ses import Ses
from tests.standins import Expand, mailgun, postmark, resend, sendgrid, ses


@dataclass(frozen=True)
class Way:
    """`make(url, key, batch)` is the transport's side, `table` the route's in severally.toml.

    `again`: a request that got no answer is sent again, because its key is known. `whole`: it
    keeps the message's bytes.
    """

    expand: Expand
    key: str
    table: str
    make: Callable[[str, Secret, int], Provider]
    batch: int = 4
    again: bool = False
    whole: bool = False

    def provider(self, url: str) -> Provider:
        return self.make(url, Secret(self.key), self.batch)


WAYS = {
    "sendgrid": Way(
        sendgrid.expand,
        sendgrid.KEY,
        'type = "sendgrid"',
        lambda url, key, batch: Sendgrid(key, url, batch),
    ),
    "ses": Way(
        ses.expand,
        ses.KEY,
        f'type = "ses"\nregion = "{ses.REGION}"\naccess_key = "{ses.ACCESS}"',
        lambda url, key, batch: Ses(key, ses.ACCESS, ses.REGION, url),
        batch=1,
        whole=True,
    ),
    "mailgun": Way(
        mailgun.expand,
        mailgun.KEY,
        f'type = "mailgun"\ndomain = "{mailgun.DOMAIN}"',
        lambda url, key, batch: Mailgun(key, mailgun.DOMAIN, url, batch),
    ),
    "postmark": Way(
        postmark.expand,
        postmark.KEY,
        'type = "postmark"',
        lambda url, key, batch: Postmark(key, url, batch),
    ),
    "resend": Way(
        resend.expand,
        resend.KEY,
        'type = "resend"',
        lambda url, key, batch: Resend(key, url, batch),
        again=True,
    ),
}
