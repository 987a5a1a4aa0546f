"""How a locale writes numbers, amounts and dates: plain data, and the fast way to apply it."""

from __future__ import annotations

import msgspec


class LocaleFormat(msgspec.Struct, frozen=True):
    """Placeholder; filled by the notice room."""

    locale: str
