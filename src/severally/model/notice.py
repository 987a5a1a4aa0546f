"""A notice: what is said, and the variables it is said with."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Kind(StrEnum):
    """Why a notice is sent; decides about unsubscribing and suppression."""

    SERVICE = "service"
    SECURITY = "security"
    MARKETING = "marketing"


class ValueType(StrEnum):
    """The types a variable can have; `model.values` reads them, `model.formats` shows them."""

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    MONEY = "money"
    DATE = "date"
    DATETIME = "datetime"
    EMAIL = "email"
    URL = "url"
    CODE = "code"


class SameAddress(StrEnum):
    """What happens to a second customer with the same address."""

    ONCE = "once"
    EACH = "each"


class Variable(msgspec.Struct, frozen=True):
    """A declared variable. With `value` (canonical text) it is the same for everybody.
    `optional`: a recipient may have none; the notice says what is read then."""

    name: str
    type: ValueType
    private: bool = False
    value: str | None = None
    optional: bool = False


class Notice(msgspec.Struct, frozen=True):
    """What `notice.toml` declares, checked.

    `addresses` are the mail addresses that stand in the notice's or the layout's own source:
    the only ones besides the recipient's and the sender's that may appear in a message.
    `fallback` maps locales (or `*`) to the one of `locales` that is read instead.
    """

    name: str
    title: str
    kind: Kind
    sender: str
    source_locale: str
    locales: tuple[str, ...]
    variables: tuple[Variable, ...]
    link_hosts: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    same_address: SameAddress = SameAddress.ONCE
    fallback: dict[str, str] = {}
