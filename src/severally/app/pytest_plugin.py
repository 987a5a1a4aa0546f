"""For other teams' tests: the fixture `mail_guard`, which fails a test whose code would leak.

pytest loads this module wherever Severally is installed, so it imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from severally.app.guarding.watching import Watch


@pytest.fixture
def mail_guard() -> Iterator[Watch]:
    """A stand-in for the mail provider on loopback. Point the code under test to `mail_guard.url`
    (SendGrid, SES v2, Mailgun, Postmark, Resend) or `mail_guard.smtp_host` and `smtp_port`.

    After the test it fails if anybody would have seen another recipient, whether or not the code
    noticed. `mail_guard.recipients` are those who were written to.
    """
    from severally.app.guarding.watching import Watch

    with Watch() as watch:
        yield watch
    if watch.leaks:
        pytest.fail("mail would leak:\n  " + "\n  ".join(watch.leaks), pytrace=False)
    if watch.problems:
        pytest.fail("mail nobody can judge:\n  " + "\n  ".join(watch.problems), pytrace=False)
