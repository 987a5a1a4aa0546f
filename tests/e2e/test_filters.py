"""The real SpamAssassin and Rspamd, where this machine has them.

`make servers` installs neither: they are heavy, and `check` is whole without them. Where one is
not there its tests are skipped, in continuous integration too. Both know GTUBE, a line that
every filter takes for spam.
"""

from __future__ import annotations

import re
import shutil
import socket
from pathlib import Path

import pytest
from tests.workshop import Workshop, run

from severally.adapters.filters import Filter, Rspamd, SpamAssassin

EXAMPLES = Path(__file__).parents[2] / "examples"
GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"


def _rspamd_runs() -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return shutil.which("rspamc") is not None and not probe.connect_ex(("127.0.0.1", 11333))


@pytest.fixture(params=["SpamAssassin", "Rspamd"])
def filter(request: pytest.FixtureRequest) -> Filter:
    """One that is here."""
    if request.param == "Rspamd":
        if not _rspamd_runs():
            pytest.skip("no Rspamd runs here (Debian: apt install rspamd)")
        return Rspamd(shutil.which("rspamc") or "")
    program = shutil.which("spamassassin")
    if program is None:
        pytest.skip("no SpamAssassin here (Debian: apt install spamassassin)")
    return SpamAssassin(program)


def test_messages_are_judged_in_their_order(filter: Filter, tmp_path: Path) -> None:
    shop = Workshop(tmp_path / "shop")
    out = tmp_path / "preview"
    ran = shop.run("preview", "index-change", "--locale", "de", "--no-pictures", "--out", out)
    assert not ran.code, ran.everything
    sound = (out / "de.eml").read_bytes()
    head = re.sub(rb"(?m)^(Content-|MIME-).*\r\n( .*\r\n)*", b"", sound.partition(b"\r\n\r\n")[0])
    spam = head + b"\r\n\r\n" + GTUBE.encode() + b"\r\n"
    first, second, third = filter.judge([sound, spam, sound])
    assert first is not None and second is not None
    assert first == third
    assert first.score < first.warn_at < first.required <= second.score


def test_the_examples_displease_no_filter(
    filter: Filter, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = "rspamc" if isinstance(filter, Rspamd) else "spamassassin"
    (tmp_path / program).symlink_to(shutil.which(program) or "")
    monkeypatch.setenv(
        "PATH", f"{tmp_path}:/usr/bin:/bin" if program == "spamassassin" else str(tmp_path)
    )
    for notice in ("liquidation", "withdrawal-confirmation"):
        said = run("--workspace", EXAMPLES, "check", notice, "--json").said
        assert said["findings"] == []
        assert {each["filter"] for each in said["measures"]} == {filter.name}
        assert None not in {each["score"] for each in said["measures"]}
