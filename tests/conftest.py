"""Fixtures for every test, and the marker for those that need a real server program."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from severally.adapters.chromium import Chromium, find_chromium
from severally.adapters.fonts import installed_fonts
from severally.model.errors import SeverallyError
from tests.servers import dovecot as dovecot_program
from tests.servers import judges
from tests.servers import maildev as maildev_program
from tests.servers import mailhost as mailhost_program
from tests.servers import postfix as postfix_program
from tests.servers import postgresql as postgresql_program


def _no_chromium() -> str:
    """Why no picture can be taken, or nothing."""
    if find_chromium() is None:
        return "it is not installed"
    try:
        missing = installed_fonts().missing("aЯ漢かの한ع")
    except SeverallyError as error:
        return str(error)
    return "the fonts of some scripts are missing" if missing else ""


_UNAVAILABLE = {
    "chromium": _no_chromium,
    "dovecot": dovecot_program.unavailable,
    "postfix": postfix_program.unavailable,
    "mailhost": mailhost_program.unavailable,
    "maildev": maildev_program.unavailable,
    "postgresql": postgresql_program.unavailable,
    "gettext": judges.without_gettext,
    "schemas": judges.without_schemas,
    "toolkit": judges.without_toolkit,
}


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what cannot be had here, saying why; in continuous integration that is a failure."""
    for marker in item.iter_markers("server"):
        (name,) = marker.args
        if reason := _UNAVAILABLE[name]():
            said = f"no {name} here: {reason}"
            if os.environ.get("CI") == "true":
                pytest.fail(said, pytrace=False)
            pytest.skip(said)


@pytest.fixture
def postfix() -> Iterator[postfix_program.Postfix]:
    """A private Postfix that wants STARTTLS and AUTH, delivering into one Maildir."""
    with postfix_program.postfix() as server:
        yield server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[postgresql_program.Postgresql]:
    """A private PostgreSQL; a test makes its own table."""
    with postgresql_program.postgresql() as server:
        yield server


@pytest.fixture
def maildev() -> Iterator[maildev_program.Maildev]:
    """npm's maildev, keeping what it is given."""
    with maildev_program.maildev() as server:
        yield server


@pytest.fixture
def chromium() -> Iterator[Chromium]:
    """Debian's Chromium, without a window."""
    program = find_chromium()
    assert program is not None
    with Chromium(program) as camera:
        yield camera
