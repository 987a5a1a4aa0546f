"""What is kept of somebody else's words holds nobody's address, whole or in part."""

from __future__ import annotations

import pytest

from severally.model.wording import blotted


@pytest.mark.parametrize(
    "words",
    [
        "no such user anna@customer.example here",
        '<"anna lindqvist"@customer.example>: unknown',
        "anna@ customer.example",
        "a line that was cut: anna@",
        "@",
    ],
)
def test_no_at_is_left(words: str) -> None:
    kept = blotted(words)
    assert "@" not in kept
    assert "anna@" not in kept and "@customer" not in kept
    assert "[address]" in kept


def test_the_rest_stays() -> None:
    assert blotted("550 user anna@customer.example unknown") == "550 user [address] unknown"
