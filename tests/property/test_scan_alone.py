"""The scan's short cut for an address that stands alone finds what the whole scan finds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from severally.guard.scan import addresses

LOCAL = st.text("abz09._-+%=", min_size=1, max_size=20)
DOMAIN = st.text("abz09.-", min_size=1, max_size=16)
END = st.sampled_from(["", ".example", ".io", ".c", ".com.", ".EXAMPLE"])


@given(LOCAL, DOMAIN, END)
def test_alone_or_after_a_space_it_is_the_same(local: str, domain: str, end: str) -> None:
    text = f"{local}@{domain}{end}"
    assert addresses(text) == addresses(f" {text}")
