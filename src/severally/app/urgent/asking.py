"""One urgent message, as it is asked for: checked in every field, and made ready to be kept.

There is no field that takes two recipients. Nothing that is wrong is repeated in what is said
about it: it could be somebody's address.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated

import msgspec

from severally.app.config import Workspace
from severally.app.urgent.notices import Catalogue
from severally.audience.reading import ID, canonical_locale, known_zone
from severally.model.address import Address, AddressError, parse_address
from severally.model.errors import Finding, Refused
from severally.model.mailing import Frozen
from severally.model.notice import Kind, ValueType
from severally.model.recipient import Recipient, row_of
from severally.model.urgent import IDENT_BITS, ApiKey, KeyScope, Urgent, shown
from severally.model.values import ValueRefused, parse_value, refuse_unlisted
from severally.ports import Keys, RowCipher

LONGEST_S = 3 * 86_400.0
"""Neither is a message kept back for longer, nor tried for longer."""

Moment = Annotated[datetime, msgspec.Meta(tz=True, description="RFC 3339, with a time zone")]


class To(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One recipient."""

    email: Annotated[str, msgspec.Meta(min_length=3, max_length=320)]
    id: Annotated[str, msgspec.Meta(max_length=64, pattern=r"^[A-Za-z0-9._-]*$")] = ""


class Ask(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked for. `variables` hold a text or a whole number for each one of the notice."""

    notice: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    recipient: To
    locale: Annotated[str, msgspec.Meta(max_length=35)] = ""
    timezone: Annotated[str, msgspec.Meta(max_length=64)] = ""
    variables: dict[str, str | int] = {}
    reference: Annotated[str, msgspec.Meta(max_length=100, pattern=r"^[^@\x00-\x1f]*$")] = ""
    expires_at: Moment | None = None
    send_after: Moment | None = None


class WrongFields(Refused):
    """Something in what was asked for cannot be taken; each finding's `where` is a field."""


class NotAllowed(Refused):
    """This key may not do that."""


class Checked(msgspec.Struct, frozen=True):
    """Ready to be kept. `kind` decides about suppression."""

    urgent: Urgent
    kind: Kind


class Asking:
    """Checks requests against the approved notices of one workspace."""

    def __init__(
        self, workspace: Workspace, keys: Keys, cipher: RowCipher, catalogue: Catalogue
    ) -> None:
        self._workspace = workspace
        self._keys = keys
        self._cipher = cipher
        self._catalogue = catalogue

    def checked(self, ask: Ask, key: ApiKey, idem: str, now: float) -> Checked:
        """Raises WrongFields with all that is wrong, NotAllowed for what the key may not do."""
        if not self._workspace.urgent.routes:
            raise NotAllowed("this workspace sends no urgent messages: [urgent] routes is missing")
        if key.scope is KeyScope.TEST and self._workspace.purpose == "live":
            raise NotAllowed("a test key does nothing in a live workspace")
        found = self._catalogue.find(ask.notice)
        if found is None:
            raise WrongFields(
                "that cannot be sent",
                [Finding("notice", "there is no approved urgent notice of this name")],
            )
        notice, frozen = found
        findings: list[Finding] = []
        address = self._address(ask.recipient.email, key, findings)
        recipient = self._recipient(ask, address, frozen, findings)
        due, expires = _times(ask, now, notice.expires_s, findings)
        if findings or address is None or recipient is None:
            raise WrongFields("that cannot be sent", findings)
        ident = secrets.randbits(IDENT_BITS)
        recipient = msgspec.structs.replace(recipient, id=recipient.id or shown(ident))
        salt, box = self._cipher.seal(ident, row_of(recipient))
        urgent = Urgent(
            ident,
            notice.digest,
            notice.event,
            frozen.notice.kind is Kind.SECURITY,
            key.id,
            key.scope,
            ask.reference,
            hashlib.sha256(idem.encode()).digest(),
            hashlib.sha256(msgspec.json.encode(ask, order="sorted")).digest(),
            self._keys.blind(address.folded),
            salt,
            box,
            now,
            due,
            expires,
        )
        return Checked(urgent, frozen.notice.kind)

    def _address(self, text: str, key: ApiKey, findings: list[Finding]) -> Address | None:
        try:
            address = parse_address(text)
        except AddressError as error:
            findings.append(Finding("recipient.email", str(error)))
            return None
        if not self._workspace.allowed.domain(address.domain):
            findings.append(
                Finding("recipient.email", "a domain this trial workspace does not send to")
            )
        if key.scope is KeyScope.TEAM and not self._workspace.urgent.team.domain(address.domain):
            raise NotAllowed("this key writes to the team alone ([urgent] team)")
        return address

    def _recipient(
        self, ask: Ask, address: Address | None, frozen: Frozen, findings: list[Finding]
    ) -> Recipient | None:
        defaults = self._workspace.audience
        locale = canonical_locale(ask.locale or defaults.default_locale)
        zone = known_zone(ask.timezone or defaults.default_timezone)
        if locale is None:
            findings.append(Finding("locale", "not known (BCP 47, for example de or pt-BR)"))
        if zone is None:
            findings.append(Finding("timezone", "not known (IANA, for example Europe/Berlin)"))
        if ask.recipient.id and not ID.fullmatch(ask.recipient.id):
            findings.append(Finding("recipient.id", "1 to 64 of A-Z a-z 0-9 . _ - are needed"))
        values = dict(_values(ask.variables, frozen, findings))
        if address is None or locale is None or zone is None:
            return None
        return Recipient(ask.recipient.id, str(address), locale, zone, values)


def _values(
    given: Mapping[str, str | int], frozen: Frozen, findings: list[Finding]
) -> Iterator[tuple[str, str]]:
    """Each variable that needs a value has one, of its type, unless it is optional; there are
    no others."""
    wanted = {v.name: v for v in frozen.notice.variables if v.value is None}
    for name, variable in wanted.items():
        if name not in given and variable.optional:
            continue
        if name not in given:
            findings.append(Finding(f"variables.{name}", "is missing"))
            continue
        try:
            value = parse_value(variable.type, str(given[name]))
            if variable.type is ValueType.URL:
                refuse_unlisted(value, frozen.notice.link_hosts)
        except ValueRefused as error:
            findings.append(Finding(f"variables.{name}", str(error)))
        else:
            yield name, value
    unknown = len(given.keys() - wanted.keys())
    if unknown:
        known = ", ".join(wanted) or "none"
        findings.append(
            Finding("variables", f"{unknown} that the notice does not have; it has {known}")
        )


def _times(ask: Ask, now: float, lasts_s: float, findings: list[Finding]) -> tuple[float, float]:
    due = ask.send_after.timestamp() if ask.send_after else now
    expires = ask.expires_at.timestamp() if ask.expires_at else max(due, now) + lasts_s
    if due > now + LONGEST_S:
        findings.append(Finding("send_after", "more than three days ahead"))
    if expires > max(due, now) + LONGEST_S:
        findings.append(Finding("expires_at", "more than three days ahead"))
    if expires <= now:
        findings.append(Finding("expires_at", "has passed already"))
    elif expires <= due:
        findings.append(Finding("expires_at", "is not after send_after"))
    return max(due, now), expires
