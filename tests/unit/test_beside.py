"""The official clients and our routes: requests that show nobody to anybody, to the same people."""

from __future__ import annotations

import pytest
from tests.beside import CLIENTS, equal


@pytest.mark.parametrize(("name", "title"), CLIENTS.items(), ids=CLIENTS.keys())
def test_a_client_and_our_route_disclose_the_same(name: str, title: str) -> None:
    assert equal(name, title)
