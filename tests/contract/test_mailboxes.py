"""One suite over the mailboxes that are read back: a Maildir, and the same through IMAP."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.servers.dovecot import PASSWORD, dovecot

from severally.adapters.mailboxes import Imap, ImapMailbox, MaildirMailbox
from severally.model.errors import SeverallyError
from severally.ports import Mailbox

NOW = 1_795_000_000.0
Put = Callable[[str, bytes, float], None]


@pytest.fixture(params=["maildir", pytest.param("imap", marks=pytest.mark.server("dovecot"))])
def boxes(request: pytest.FixtureRequest) -> Iterator[tuple[Mailbox, Put]]:
    """A mailbox with an inbox and a Junk folder, and how to put a message into a folder."""
    mail = Path(tempfile.mkdtemp(prefix="severally-mail-"))
    mail.chmod(0o755)
    box = mail / "sentinel-de"
    for folder in (box, box / ".Junk"):
        for part in ("new", "cur", "tmp"):
            (folder / part).mkdir(parents=True)

    def put(folder: str, raw: bytes, at: float) -> None:
        place = box / "new" if folder == "INBOX" else box / f".{folder}" / "cur"
        file = place / f"{len(list(place.iterdir()))}.{int(at)}.test"
        file.write_bytes(raw)
        os.utime(file, (at, at))
        _hand_over(mail)

    _hand_over(mail)
    try:
        if request.param == "maildir":
            yield MaildirMailbox(box), put
        else:
            with dovecot(mail) as server:
                yield ImapMailbox(_imap(server.port)), put
    finally:
        shutil.rmtree(mail)


def _imap(port: int, password: str = PASSWORD) -> Imap:
    return Imap("127.0.0.1", port, "sentinel-de", password, tls=False)


def _hand_over(mail: Path) -> None:
    if os.geteuid() == 0:
        for path in (mail, *mail.rglob("*")):
            shutil.chown(path, "nobody", "nogroup")


def test_what_arrived_is_given_with_its_folder_and_time(boxes: tuple[Mailbox, Put]) -> None:
    mailbox, put = boxes
    put("INBOX", b"Subject: one\r\n\r\nfirst\r\n", NOW + 5)
    put("Junk", b"Subject: two\r\n\r\nsecond\r\n", NOW + 9)
    found = {a.folder: a for a in mailbox.since(NOW)}
    assert found.keys() == {"INBOX", "Junk"}
    assert found["INBOX"].raw.replace(b"\r\n", b"\n") == b"Subject: one\n\nfirst\n"
    assert (found["INBOX"].at, found["Junk"].at) == (NOW + 5, NOW + 9)


def test_older_mail_is_left_out_and_nothing_is_changed(boxes: tuple[Mailbox, Put]) -> None:
    mailbox, put = boxes
    put("INBOX", b"Subject: old\r\n\r\nold\r\n", NOW - 90_000)
    put("INBOX", b"Subject: new\r\n\r\nnew\r\n", NOW + 1)
    for _ in range(2):
        assert [b"new" in a.raw for a in mailbox.since(NOW)] == [True]


def test_an_empty_mailbox_holds_nothing(boxes: tuple[Mailbox, Put]) -> None:
    assert list(boxes[0].since(NOW)) == []


@pytest.mark.server("dovecot")
def test_a_wrong_password_is_an_error_without_it(tmp_path: Path) -> None:
    with dovecot(tmp_path) as server, pytest.raises(SeverallyError) as caught:
        ImapMailbox(_imap(server.port, "something wrong")).since(NOW)
    assert "something wrong" not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)


def test_a_server_that_is_not_there_is_an_error() -> None:
    with pytest.raises(SeverallyError, match="cannot be read"):
        ImapMailbox(_imap(1)).since(NOW)
