"""Every example in every verb's help, run as it stands; and help that answers at once."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest

from severally.app.cli.main import commands, main
from severally.app.cli.pages import page
from severally.app.config import load
from severally.app.office import open_office
from severally.app.operations import operators
from severally.app.urgent import keys, notices, sending
from severally.app.wiring import Wiring
from severally.model.entries import Act
from severally.model.event import Party
from severally.model.operator import Operator, Role
from severally.model.submission import Boxed, Submission, SubmissionState
from severally.model.suppression import Suppression, Why

ROOT = Path(__file__).parents[2]
VERBS = dict(commands())
EXAMPLES = [
    line.strip()
    for text in VERBS.values()
    for line in text.partition("Examples:\n")[2].partition("\n\n")[0].splitlines()
]
EXAMPLE_ID = "m-7k2d9x"
EXAMPLE_KEY = "0123456789abcdef0123456789abcdef"
WITHOUT_PICTURES = Wiring(find_camera=lambda: None)
"""Pictures have tests of their own (`test_preview.py`) and take their time."""
SEND = ("send", "index-change", "--audience", "customers.csv")
NOT_ADDRESSES = ("4001,nobody", "4002,a@x.example; b@x.example", "4003,@x.example")


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace as `init` makes it."""
    folder = tmp_path_factory.mktemp("new") / "newsroom"
    assert main(["init", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def begun(new: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One in which a mailing was begun and left, because its route was too slow."""
    folder = tmp_path_factory.mktemp("begun") / "newsroom"
    shutil.copytree(new, folder)
    settings = folder / "severally.toml"
    text = settings.read_text("utf-8")
    slow = text.replace("[routes.main]", '[routes.main]\nrate = "2/min"')  # one is for urgent ones
    settings.write_text(slow, "utf-8")
    assert main(["--workspace", str(folder), *_here(folder), "--until", "+1s"]) == 5
    settings.write_text(text, "utf-8")
    return folder


@pytest.fixture(scope="module")
def halted(begun: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One in which it was halted then."""
    folder = tmp_path_factory.mktemp("halted") / "newsroom"
    shutil.copytree(begun, folder)
    done(folder, "halt", "--all")
    return folder


@pytest.fixture(scope="module")
def withdrawn(halted: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One in which its recipients were withdrawn."""
    folder = tmp_path_factory.mktemp("withdrawn") / "newsroom"
    shutil.copytree(halted, folder)
    done(folder, "withdraw", mailing_in(folder), "--reason", "wrong date")
    return folder


@pytest.fixture(scope="module")
def sent(new: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One in which the sample was sent."""
    folder = tmp_path_factory.mktemp("sent") / "newsroom"
    shutil.copytree(new, folder)
    assert main(["--workspace", str(folder), *_here(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def translated(new: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One with files that came back from translators."""
    folder = tmp_path_factory.mktemp("translated") / "newsroom"
    shutil.copytree(new, folder)
    for format in ("po", "xliff2.0"):
        export = ("export", "index-change", "--format", format, "--out", str(folder / "translated"))
        assert main(["--workspace", str(folder), "translate", *export]) == 0
    return folder


def _here(folder: Path) -> Iterator[str]:
    yield from (*SEND[:-1], str(folder / SEND[-1]))


def done(folder: Path, *arguments: str, code: int = 0) -> None:
    """One verb in a workspace, as it must end."""
    assert main(["--workspace", str(folder), *arguments]) == code


@pytest.fixture(scope="module")
def proposed(new: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One in which the sample was proposed."""
    folder = tmp_path_factory.mktemp("proposed") / "newsroom"
    shutil.copytree(new, folder)
    done(folder, "propose", *list(_here(folder))[1:])
    return folder


@pytest.fixture(scope="module")
def approved(proposed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One in which it was approved too."""
    folder = tmp_path_factory.mktemp("approved") / "newsroom"
    shutil.copytree(proposed, folder)
    done(folder, "approve", mailing_in(folder), "--count", "12")
    return folder


@pytest.fixture(scope="module")
def waiting(new: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One in which a mailing waits at a gate for a person: twelve are too few to tell by."""
    folder = tmp_path_factory.mktemp("waiting") / "newsroom"
    shutil.copytree(new, folder)
    with (folder / "severally.toml").open("a", encoding="utf-8") as file:
        file.write("\n[staging]\ncanary = 6\nchunk = 6\n")
    done(folder, "propose", *list(_here(folder))[1:])
    mailing = mailing_in(folder)
    done(folder, "approve", mailing, "--count", "12")
    done(folder, "send", mailing, "--until", "+10s", code=5)
    return folder


@pytest.fixture(scope="module")
def guarding(new: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One with a drop-in guard that holds something."""
    folder = tmp_path_factory.mktemp("guarding") / "newsroom"
    shutil.copytree(new, folder)
    with (folder / "severally.toml").open("a", encoding="utf-8") as file:
        places = 'http = "127.0.0.1:0"\nsmtp = "127.0.0.1:0"'
        file.write(f'\n[guard]\n{places}\nkeys_file = "keys/guard.keys"\n')
    (folder / "keys" / "guard.keys").touch(mode=0o600)
    (folder / "keys" / "guard.keys").write_text("SG.a-key\n")
    with open_office(load(folder), Wiring()) as office:
        held = Submission("g-1f0c2a9d4e5b6c70", "sendgrid", 1.0, b"content", 2)
        boxes = [Boxed(number, b"blind", b"salt", b"box") for number in range(2)]
        assert office.ledger.hand_in(held, boxes, most=1, since=0.0).state is SubmissionState.HELD
    return folder


@pytest.fixture(scope="module")
def hearing(new: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that hears what comes back, with lists beside it and two suppressions."""
    folder = tmp_path_factory.mktemp("hearing") / "newsroom"
    shutil.copytree(new, folder)
    with (folder / "severally.toml").open("a", encoding="utf-8") as file:
        file.write('\n[senders.notices.incoming]\nmaildir = "back"\n')
    (folder / "gone.txt").write_text("gone@there.example\n")
    (folder / "back.txt").write_text("back@there.example\n")
    (folder / "list.csv").write_text("email\none@there.example\n")
    (folder / "shared.key").write_text("a key that both of us hold\n")
    with open_office(load(folder), Wiring()) as office:
        for blind in (office.keys.blind("back@there.example"), bytes.fromhex(EXAMPLE_KEY)):
            one = Suppression(Party(blind), "all", Why.PERSON, "asked", 1.0)
            assert office.ledger.suppress([one], 1.0) == 1
    return folder


def mailing_in(folder: Path) -> str:
    """The only mailing of a workspace."""
    with open_office(load(folder), Wiring()) as office:
        (mailing,) = office.ledger.mailings()
    return mailing.id


@pytest.fixture(scope="module")
def broken(proposed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One in which the glass was broken for the mailing."""
    folder = tmp_path_factory.mktemp("broken") / "newsroom"
    shutil.copytree(proposed, folder)
    reason = ("--incident", "INC-7", "--reason", "logins fail")
    done(folder, "send", mailing_in(folder), "--break-glass", *reason)
    return folder


@pytest.fixture(scope="module")
def passwords(new: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One with files for two passwords."""
    folder = tmp_path_factory.mktemp("passwords") / "newsroom"
    shutil.copytree(new, folder)
    for name in ("alice", "bob"):
        file = folder / f"{name}.password"
        file.write_text(f"{name} has a long password\n", "utf-8")
        file.chmod(0o600)
    return folder


@pytest.fixture(scope="module")
def staffed(passwords: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One with an approver, alice; the secret of her codes lies beside her password."""
    folder = tmp_path_factory.mktemp("staffed") / "newsroom"
    shutil.copytree(passwords, folder)
    with open_office(load(folder), Wiring()) as office:
        added = operators.add(office, "alice", ("approver",), "alice has a long password", "")
    (folder / "alice.secret").write_text(added.secret, "ascii")
    return folder


@pytest.fixture(scope="module")
def pair(staffed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One with an author as well, bob."""
    folder = tmp_path_factory.mktemp("pair") / "newsroom"
    shutil.copytree(staffed, folder)
    with open_office(load(folder), Wiring()) as office:
        bob = Operator("bob", (Role.AUTHOR,), "", b"", b"")
        office.ledger.add_operator(bob, Act(1.0, "", "operator added", "bob", "alice"))
    return folder


@pytest.fixture(scope="module")
def urged(new: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One with an urgent notice that was approved, a message of it, and a key."""
    folder = tmp_path_factory.mktemp("urged") / "newsroom"
    shutil.copytree(new, folder)
    values = {"first_name": "Anna", "device": "Firefox", "signed_in_at": "2026-11-25T08:14:05Z"}
    order = sending.Order("sign-in-alert", "anna@customer.example", values)
    with open_office(load(folder), Wiring()) as office:
        notices.approve(office, "sign-in-alert", "", "")
        (folder / "message").write_text(sending.send(office, order, 0.0, "").id, "ascii")
        (folder / "key").write_text(keys.make(office, "x", "test", 60, 3600.0, "").id, "ascii")
    return folder


def code_at(folder: Path, steps: int) -> str:
    """Alice's code, so many steps of 30 seconds from now."""
    return str(
        pyotp.TOTP((folder / "alice.secret").read_text("ascii")).at(time.time() + 30 * steps)
    )


OPERATORS = ("operator", "sign-in", "sign-out")


def prepared(words: list[str], request: pytest.FixtureRequest) -> Path:
    """The workspace in which this example makes sense."""
    verb = words[1]
    if verb in ("guard", "held") or "--guard" in words:
        return request.getfixturevalue("guarding")
    if verb in ("suppression", "intake"):
        return request.getfixturevalue("hearing")
    if verb in OPERATORS:
        first = words[1:4] == ["operator", "add", "alice"]
        place = {"add": "passwords" if first else "staffed", "disable": "pair"}
        return request.getfixturevalue(place.get(" ".join(words[2:3]), "staffed"))
    if verb == "send" and EXAMPLE_ID in words:
        return request.getfixturevalue("proposed" if "--break-glass" in words else "approved")
    if verb in ("urgent", "key"):
        return request.getfixturevalue("urged" if words[2] in ("send", "show", "revoke") else "new")
    if verb == "audit":
        return request.getfixturevalue("sent")
    place = {"approve": "proposed", "decide": "waiting", "acknowledge": "broken"}
    place |= {"review": "broken", "withdraw": "halted"}
    if "--instead-of" in words:
        return request.getfixturevalue("withdrawn")
    if verb in place:
        return request.getfixturevalue(place[verb])
    if words[1:3] == ["translate", "import"]:
        return request.getfixturevalue("translated")
    if verb in ("halt", "resume"):
        return request.getfixturevalue("begun")
    if verb in ("status", "watch", "report") or "--again" in words:
        return request.getfixturevalue("sent")
    return request.getfixturevalue("new")


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_runs(
    example: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    capfd: pytest.CaptureFixture[str],
) -> None:
    words = shlex.split(example)
    folder = tmp_path / "here"
    if words[1] in ("init", "demo", "drill"):
        folder.mkdir()
    else:
        shutil.copytree(prepared(words, request), folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    if (folder / "alice.secret").exists():
        if words[1] == "operator":
            signing = ["sign-in", "alice", "--password-file", "alice.password", "--code"]
            # the half minute may end between asking for the code and reading it: then once more
            assert 0 in (main([*signing, code_at(folder, -1)]) for _ in range(2))
        words = [code_at(folder, 0) if word == "123456" else word for word in words]
    if "--accept-rejects" in words:
        with (folder / "customers.csv").open("a", encoding="utf-8") as file:
            file.writelines(f"{row},en,UTC,X,AC-1,1.00 USD\n" for row in NOT_ADDRESSES)
    if "domains.csv" in words:
        (folder / "domains.csv").write_text("domain,recipients\ngmail.com,900\n", "utf-8")
    if words[1] in ("urgent", "key"):
        names = {"u-aaaaaaaaaaaaa": "message", "k-7k2d9x": "key"}
        words = [(folder / names[w]).read_text("ascii") if w in names else w for w in words]
    if EXAMPLE_ID in words:
        words[words.index(EXAMPLE_ID)] = mailing_in(folder)
    if words in (["severally", "demo"], ["severally", "drill"]):
        words += ["--customers", "300"]  # as it stands `make demo` runs the one
    if words[1] == "serve":
        words += ["--port", "0", "--until", "+1s"]
    if words[1:3] == ["intake", "--until"]:
        words[3] = "+1s"
    if words[1] == "guard":
        words += ["--until", "+1s"]
    code = main(words[1:], WITHOUT_PICTURES if words[1] == "preview" else None)
    said = capfd.readouterr()
    assert code == 0, f"{example}: {code}\n{said.out}\n{said.err}"
    assert "Traceback" not in said.err


def test_every_verb_has_examples_and_exit_codes() -> None:
    assert len(VERBS) >= 13
    for verb, text in VERBS.items():
        assert f"  severally {verb}" in text.partition("Examples:\n")[2], verb
        assert "Exit codes:" in text, verb


def test_the_page_of_commands_is_what_help_says() -> None:
    cure = "python -m severally.app.cli.pages > docs/commands.md"
    assert (ROOT / "docs" / "commands.md").read_text("utf-8") == page(), cure


def in_a_process_of_its_own(*words: str) -> tuple[str, set[str]]:
    """What a verb prints, and the packages that it has loaded."""
    program = (
        "import sys\nfrom severally.app.cli.main import main\n"
        "assert main(sys.argv[1:]) == 0\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, check=True
    )
    return done.stdout, set(done.stderr.split())


@pytest.mark.parametrize("verb", [[], *(name.split() for name in VERBS)], ids=" ".join)
def test_help_imports_nothing_heavy(verb: list[str]) -> None:
    printed, loaded = in_a_process_of_its_own(*verb, "--help")
    heavy = {"asyncio", "babel", "cryptography", "dns", "email_validator", "markdown_it"}
    heavy |= {"mrml", "msgspec", "multiprocessing", "rich", "sqlite3", "structlog", "uvloop"}
    assert not heavy & loaded
    assert "Usage: severally" in printed


def test_no_verb_but_serve_loads_what_serves(new: Path) -> None:
    program = (
        "import sys\nfrom severally.app.cli.main import main\n"
        "for verb in sys.argv[2:]:\n"
        "    assert main([*verb.split(), '--workspace', sys.argv[1]]) == 0\n"
        "import severally.app.urgent.sending  # of `urgent send` and `urgent show`\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(new), "status", "urgent list", "key list"],
        capture_output=True,
        text=True,
        check=True,
    )
    serving = {"httpx", "litestar", "prometheus_client", "psycopg", "uvicorn"}
    assert not serving & set(done.stderr.split())


def test_a_verb_that_asks_the_ledger_alone_loads_no_compiler_and_no_http_client(new: Path) -> None:
    _, loaded = in_a_process_of_its_own("--workspace", str(new), "suppression", "list")
    assert "msgspec" in loaded
    assert not {"dns", "dkim", "httpx", "markdown_it", "mrml"} & loaded
