"""Telling a mailing's sentinels: a small mailing of its own with the same frozen notice.

Responsible for its rows and for it being made once. It is sent by whoever sends the mailing,
through the same lanes, batches and guard; nothing in the sending code knows that it is special.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping

import msgspec
from cryptography.hazmat.primitives import serialization

from severally.app.lanes import lane_of
from severally.app.office import Office
from severally.app.operations import audiences
from severally.app.operations.locating import locate
from severally.app.operations.previews import sample
from severally.deliver.sentinels import Sent, Told
from severally.model.delivery import Purpose, delivery_token
from severally.model.errors import Refused
from severally.model.mailing import (
    SENTINELS,
    Frozen,
    Mailing,
    MailingState,
    is_to_sentinels_of,
    sentinels_of,
)
from severally.model.notice import Notice, ValueType
from severally.model.recipient import Recipient, recipient_of, row_of
from severally.model.sender import Sender
from severally.model.staged import StagedRow
from severally.model.staging import StagingPlan


def tell(office: Office, mailing_id: str, plan: StagingPlan) -> Sent:
    """Tell them, unless they were told since it was last halted; how."""
    known = {mailing.id: mailing for mailing in office.ledger.mailings()}
    name = sentinels_of(mailing_id, known[mailing_id].halt_epoch)
    told = known.get(name) or _make(office, known[mailing_id], name, plan)
    frozen = office.ledger.frozen(name)
    return Sent(
        told.created_at, list(_told(office, told, plan)), frozen, key_records(office, frozen.sender)
    )


def end(office: Office, mailing_id: str, why: str, who: str) -> None:
    """What went to a mailing's sentinels so far has ended, wherever it stood."""
    now = office.wiring.clock.wall()
    for other in office.ledger.mailings():
        under_way = other.state in (MailingState.HALTED, MailingState.SENDING)
        if under_way and is_to_sentinels_of(other.id, mailing_id):
            office.ledger.set_state(other.id, MailingState.CANCELLED, now, why, who=who)


def _make(office: Office, mailing: Mailing, name: str, plan: StagingPlan) -> Mailing:
    ledger, now = office.ledger, office.wiring.clock.wall()
    whole = office.ledger.frozen(mailing.id)
    # they are read before anybody is told: at once, whatever the hour
    frozen = msgspec.structs.replace(whole, staging=None, proposal=None, schedule=msgspec.UNSET)
    audience_id = audiences.new_id("a")
    staging = ledger.stage(audience_id)
    try:
        staging.add(list(_rows(office, audience_id, frozen, plan)))
        wiring = office.wiring
        resolver = wiring.resolver(office.workspace, mailing.route, office.keys, wiring.clock)
        if problems := locate(staging, resolver):
            raise Refused("a sentinel cannot be reached; see [sentinels]", problems)
        audience = staging.freeze("sentinels", now)
    finally:
        staging.discard()
    made = Mailing(
        name,
        mailing.notice,
        audience.id,
        audience.count,
        f"{mailing.digest}{SENTINELS}",
        MailingState.DRAFT,
        mailing.route,
        created_at=now,
    )
    receivers = ledger.receivers(audience.id)
    lanes = {each: lane_of(office.workspace, mailing.route, each).key for each in receivers}
    ledger.create_mailing(made, frozen, lanes, now)
    return ledger.set_state(made.id, MailingState.SENDING, now)


def _rows(
    office: Office, audience_id: str, frozen: Frozen, plan: StagingPlan
) -> Iterator[StagedRow]:
    keys = office.keys
    cipher = office.wiring.row_cipher(keys.audience_key(audience_id), audience_id)
    for seq, sentinel in enumerate(plan.sentinels):
        made_up = sample(frozen.notice, sentinel.locale)
        values = _own(frozen.notice, made_up.values, seq + 1)
        person = Recipient(
            sentinel.name, sentinel.address, sentinel.locale, made_up.timezone, values
        )
        row = row_of(person)
        salt, box = cipher.seal(seq, row)
        blind = keys.blind(person.address.casefold())
        domain = person.address.rpartition("@")[2]
        leaf = hashlib.sha256(salt + person.id.encode() + b"\0" + row).digest()
        yield StagedRow(
            seq + 1,
            seq,
            person.id,
            domain,
            person.locale,
            blind,
            blind,
            leaf,
            seq,
            salt,
            box,
            leaf,
        )


def _own(notice: Notice, values: Mapping[str, str], number: int) -> dict[str, str]:
    """Values that no other sentinel has, where their type allows it: so that the body of one
    in the message of another is seen."""
    marks = {
        variable.name: mark.format(number)
        for variable in notice.variables
        if (mark := _MARKS.get(variable.type))
    }
    return {name: value + marks.get(name, "") for name, value in values.items()}


_MARKS = {ValueType.TEXT: " {}", ValueType.CODE: "-{}"}


def _told(office: Office, told: Mailing, plan: StagingPlan) -> Iterator[Told]:
    ledger, keys = office.ledger, office.keys
    cipher = office.wiring.row_cipher(keys.audience_key(told.audience), told.audience)
    token_key = keys.token_key(told.id)
    for cohort in ledger.cohorts(told.id):
        for claim in ledger.look_through(cohort, 0, len(plan.sentinels)):
            person = recipient_of(cipher.open(claim.seq, claim.salt, claim.box))
            token = delivery_token(token_key, claim.delivery)
            out = delivery_token(token_key, claim.delivery, Purpose.UNSUBSCRIBE)
            yield Told(person.id, person, token, out)


def key_records(office: Office, sender: Sender) -> dict[str, bytes]:
    """`selector._domainkey.domain` -> the public key's record (RFC 6376 3.6.1, RFC 8463 4)."""
    records: dict[str, bytes] = {}
    for key in sender.dkim:
        pem = office.keys.dkim_key(key.fingerprint)
        public = serialization.load_pem_private_key(pem, None).public_key()
        if key.algorithm == "ed25519-sha256":
            form = serialization.Encoding.Raw, serialization.PublicFormat.Raw
            kind = "ed25519"
        else:
            form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            kind = "rsa"
        value = base64.b64encode(public.public_bytes(*form)).decode()
        records[f"{key.selector}._domainkey.{key.domain}"] = (
            f"v=DKIM1; k={kind}; p={value}".encode()
        )
    return records
