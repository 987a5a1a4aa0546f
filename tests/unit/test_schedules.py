"""When a notice may leave: what is written, what goes before, and that it is no other mailing."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from tests.ledger_samples import FROZEN

from severally.app.config import load
from severally.app.operations.beginning import init
from severally.app.operations.fitness import identity_of
from severally.app.windows import scheduled
from severally.model.errors import Refused, UsageError
from severally.model.schedule import Schedule, parse_window
from severally.notice.compiling import Compiled, compile_notice

NOTICE = "notices/index-change"
SCHEDULE = '\n[schedule]\nwindow = "09:00-20:00"\nstart = "2026-12-01T09:00:00Z"\n'


@pytest.fixture
def place(tmp_path: Path) -> Path:
    init(tmp_path / "w")
    return tmp_path / "w"


def compiled(place: Path, schedule: str) -> Compiled:
    with (place / NOTICE / "notice.toml").open("a", encoding="utf-8") as file:
        file.write(schedule)
    return compile_notice(place / NOTICE, place / "layouts")


def test_the_notice_goes_before_the_workspace_and_the_option_before_both(place: Path) -> None:
    with (place / "severally.toml").open("a", encoding="utf-8") as file:
        file.write('\n[windows]\nservice = "mon-fri 10:00-12:00"\nsecurity = "always"\n')
    windows = load(place).windows
    plain = compile_notice(place / NOTICE, place / "layouts")
    assert scheduled(FROZEN, plain, windows, None).times == Schedule(
        window=parse_window("mon-fri 10:00-12:00")
    )
    draft = compiled(place, SCHEDULE)
    times = scheduled(FROZEN, draft, windows, None).times
    assert times == Schedule(1_796_115_600.0, 0.0, parse_window("09:00-20:00"))
    assert scheduled(FROZEN, draft, windows, 5.0).times.start == 5.0
    assert scheduled(FROZEN, plain, {}, None) is FROZEN


def test_always_takes_the_workspaces_window_off(place: Path) -> None:
    draft = compiled(place, '\n[schedule]\nwindow = "always"\n')
    windows = {draft.notice.kind: parse_window("09:00-10:00")}
    assert scheduled(FROZEN, draft, windows, None) is FROZEN


def test_times_are_no_other_mailing_and_old_digests_stand() -> None:
    timed = msgspec.structs.replace(FROZEN, schedule=Schedule(start=5.0))
    assert identity_of(timed, "x") == identity_of(FROZEN, "x")
    assert b"schedule" not in msgspec.json.encode(FROZEN), "as before there were times"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('window = "9-18"', "is no window"),
        ('start = "tomorrow"', "is no time"),
        ('by = "2026-12-01T09:00:00"', "has no time zone"),
        ('end = "2026-12-01T09:00:00Z"', "there is no such time"),
        ('start = "2026-12-02T09:00:00Z"\nby = "2026-12-01T09:00:00Z"', "not after"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(place: Path, line: str, said: str) -> None:
    with pytest.raises(Refused) as refused:
        compiled(place, f"\n[schedule]\n{line}\n")
    (finding,) = refused.value.findings
    assert said in finding.problem and finding.where.startswith("notices/index-change/notice.toml:")


def test_wrong_windows_of_a_workspace_are_named(place: Path) -> None:
    with (place / "severally.toml").open("a", encoding="utf-8") as file:
        file.write('\n[windows]\nspam = "always"\nservice = 3\nmarketing = "mon-xyz 1:00-2:00"\n')
    with pytest.raises(UsageError, match=r"no kind 'spam'") as error:
        load(place)
    assert "must be text" in str(error.value) and "is no day" in str(error.value)
