"""The tables of severally.toml, as they are written: names, types and defaults.

Responsible for nothing but their shape; `config` reads and checks them.
"""

from __future__ import annotations

from typing import Literal

import msgspec


class WorkspaceSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[workspace]`."""

    purpose: Literal["trial", "live"] = "trial"
    allow_domains: tuple[str, ...] | None = None
    allow_hosts: tuple[str, ...] | None = None


class AudienceSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[audience]`: how an audience file is read. `columns` maps our heading to theirs."""

    delimiter: str = ","
    columns: dict[str, str] = {}
    default_locale: str = "en"
    default_timezone: str = "UTC"


class DkimSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One signature of a sender."""

    domain: str
    selector: str
    key_file: str


class IncomingSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[senders.NAME.incoming]`: where what comes back is read. `listen` is host and port."""

    listen: str = ""
    protocol: Literal["lmtp", "smtp"] = "lmtp"
    maildir: str = ""
    imap_host: str = ""
    imap_port: int = 993
    imap_tls: bool = True
    username: str = ""
    password_file: str = ""
    password_env: str = ""
    ca_file: str = ""
    folders: tuple[str, ...] = ("INBOX",)


class SenderSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[senders.NAME]`."""

    address: str
    name: str = ""
    reply_to: str = ""
    return_path: str = ""
    unsubscribe: str = ""
    unsubscribe_url: str = ""
    dkim: tuple[DkimSection, ...] = ()
    incoming: IncomingSection | None = None


class SmtpRoute(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`type = "smtp"`: a relay that takes everything."""

    host: str
    port: int = 587
    tls: Literal["none", "starttls", "implicit"] = "starttls"
    username: str = ""
    password_file: str = ""
    password_env: str = ""
    ca_file: str = ""
    ehlo: str = ""
    source_ip: str = ""
    connections: int = 20
    messages_per_connection: int = 0
    rate: str = "0"


class MxRoute(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`type = "mx"`: straight to each domain's own servers."""

    resolver: str = ""
    port: int = 25
    source_ip: str = ""
    ehlo: str = ""
    ca_file: str = ""
    sts_port: int = 443
    connections: int = 200
    messages_per_connection: int = 0
    rate: str = "0"


class MaildirRoute(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`type = "maildir"`: into a folder, for rehearsals."""

    path: str
    connections: int = 4
    rate: str = "0"


class DiscardRoute(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`type = "discard"`: checked in full, then thrown away."""

    connections: int = 4
    rate: str = "0"


class ApiRoute(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every provider's API needs. `url` in place of the provider's own; `batch`: messages
    in one request at most, 0 for as many as the provider takes. `events_key_*`: what its webhook
    is verified by."""

    key_file: str = ""
    key_env: str = ""
    url: str = ""
    batch: int = 0
    connections: int = 8
    rate: str = "0"
    events_key_file: str = ""
    events_key_env: str = ""


class SendgridRoute(ApiRoute, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`type = "sendgrid"`."""


class SesRoute(ApiRoute, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`type = "ses"`. `access_key`: the key's id; its secret is in `key_file` or `key_env`.
    `events_topic`: the ARN of the SNS topic that its events come by."""

    region: str
    access_key: str
    configuration_set: str = ""
    events_topic: str = ""
    connections: int = 50


class MailgunRoute(ApiRoute, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`type = "mailgun"`. `domain`: the one that Mailgun knows us by."""

    domain: str


class PostmarkRoute(ApiRoute, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`type = "postmark"`. `stream`: the message stream's id."""

    stream: str = "outbound"


class ResendRoute(ApiRoute, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`type = "resend"`. Five requests a second are allowed, each of 100 messages."""

    rate: str = "500/s"


Route = SmtpRoute | MxRoute | MaildirRoute | DiscardRoute | ApiRoute
ROUTES: dict[str, type[Route]] = {
    "smtp": SmtpRoute,
    "mx": MxRoute,
    "maildir": MaildirRoute,
    "discard": DiscardRoute,
    "sendgrid": SendgridRoute,
    "ses": SesRoute,
    "mailgun": MailgunRoute,
    "postmark": PostmarkRoute,
    "resend": ResendRoute,
}


class LimitsSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[limits.RECEIVER]`. What is not written is as shipped; 0 takes a limit off."""

    rate: str | None = None
    connections: int | None = None
    messages_per_connection: int | None = None


class PreflightSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[preflight]`. `addresses` are those that the world sees our mail come from."""

    resolver: str = ""
    addresses: tuple[str, ...] = ()
    smtp_port: int = 25


class RetriesSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[retries]`, as written: `first = "15m"`."""

    first: str = "15m"
    factor: float = 2.0
    most: str = "4h"
    give_up: str = "72h"
    give_up_of: dict[str, str] = {}


class SendingSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[sending]`. `processes` compose; 0 means one for each core, 8 at most."""

    max_in_doubt: int = 100
    processes: int = 0


class StagingSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[staging]`: how a mailing is let out. `approvals` people other than the author.
    `follow_links` without a word: in a live workspace. `staff`: receivers that are our own
    people."""

    approvals: int = 1
    canary: int = 1200
    chunk: int = 100
    steps: tuple[float, ...] = (0.05, 0.25, 1.0)
    trickle: str = "10m"
    patience: str = "6h"
    sentinel_patience: str = "15m"
    follow_links: bool | None = None
    staff: tuple[str, ...] = ()


class SentinelSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[sentinels.NAME]`: a mailbox of ours, read by `maildir` or by IMAP."""

    address: str
    locale: str
    maildir: str = ""
    imap_host: str = ""
    imap_port: int = 993
    imap_tls: bool = True
    username: str = ""
    password_file: str = ""
    password_env: str = ""
    ca_file: str = ""
    folders: tuple[str, ...] = ("INBOX", "Junk", "Spam")


class ServeSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[serve]`: where the HTTP API listens. `max_body` in bytes."""

    host: str = "127.0.0.1"
    port: int = 8025
    max_body: int = 65_536


class AuditSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[audit]`: files beyond `.severally/checkpoints.jsonl` that get every checkpoint."""

    checkpoints: tuple[str, ...] = ()
