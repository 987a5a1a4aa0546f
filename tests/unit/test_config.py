"""severally.toml: read strictly, every mistake named with its place, secrets kept out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from severally.app.allowed import DEFAULT_DOMAINS, DEFAULT_HOSTS, Allowed
from severally.app.config import find_root, load
from severally.app.operations.moments import moment
from severally.app.sections import MxRoute, SmtpRoute
from severally.model.errors import UsageError
from severally.model.lane import Limits, Rate

ROOT = Path(__file__).parents[2]
WHOLE = re.search(
    r"```toml\n(.*?)```", (ROOT / "docs" / "configuration.md").read_text("utf-8"), re.DOTALL
)


def workspace(folder: Path, text: str) -> Path:
    (folder / "severally.toml").write_text(text, "utf-8")
    return folder


def problems(folder: Path, text: str) -> str:
    with pytest.raises(UsageError) as caught:
        load(workspace(folder, text))
    return str(caught.value)


def test_the_documented_example_is_read(tmp_path: Path) -> None:
    assert WHOLE is not None
    found = load(workspace(tmp_path, WHOLE[1]))
    assert found.purpose == "trial"
    assert found.audience.columns == {"id": "Customer no.", "email": "E-Mail"}
    route = found.routes["main"]
    assert isinstance(route, SmtpRoute)
    assert (route.host, route.port, route.tls) == ("127.0.0.1", 2525, "starttls")
    assert found.limits["yahoo"].limits == Limits(Rate(600, 60), 5, 20)
    assert found.route_limits("main") == Limits(None, 20, None)
    assert (found.retries.first_s, found.retries.give_up_s) == (900, 72 * 3600)
    assert found.path("keys/relay.password") == tmp_path / "keys" / "relay.password"


def test_an_empty_file_is_a_trial(tmp_path: Path) -> None:
    found = load(workspace(tmp_path, ""))
    assert found.purpose == "trial"
    assert found.allowed.domain("gmail.example")
    assert not found.allowed.domain("gmail.com")
    assert found.processes >= 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[routs.main]\n", "severally.toml:1 (routs): there is no section [routs]"),
        ('[workspace]\npurpos = "live"\n', "severally.toml:2 (workspace.purpos)"),
        ('[workspace]\npurpos = "live"\n', "did you mean purpose?"),
        ('[workspace]\npurpose = "test"\n', "severally.toml:2 (workspace.purpose)"),
        ("[workspace]\nallow_domains = 'x'\n", "must be a list, not text"),
        ('[workspace]\nallow_domains = ["a*b"]\n', "neither a domain nor *.domain"),
        ('[workspace]\nallow_hosts = ["not a host"]\n', "no host name, address or network"),
        ('[senders.a]\nname = "x"\n', "(senders.a): address is missing"),
        ('[routes.main]\nhost = "x"\n', "type is missing"),
        ('[routes.main]\ntype = "smpt"\n', "there is no route type 'smpt'"),
        ('[routes.main]\ntype = "sendgrid"\n', "has no key; name one: key_file"),
        ('[routes.m]\ntype = "sendgrid"\nkey_file = "k"\nbatch = 1001\n', "to 1000"),
        ('[routes.m]\ntype = "sendgrid"\nkey_env = "K"\nurl = "http://x.example"\n', "unencrypted"),
        ('[routes.main]\ntype = "smtp"\n', "host is missing"),
        (
            '[routes.m]\ntype = "smtp"\nhost = "h"\nport = "25"\n',
            "(routes.m.port): must be a whole number, not text",
        ),
        ('[routes.m]\ntype = "smtp"\nhost = "h"\nport = 70000\n', "70000 is no port"),
        ('[routes.m]\ntype = "smtp"\nhost = "h"\nrate = "5"\n', "'5' is not a rate"),
        ('[routes.m]\ntype = "smtp"\nhost = "h"\nconnections = -1\n', "0 (no limit) or more"),
        ('[routes.m]\ntype = "smtp"\nhost = "h"\nusername = "u"\n', "password_env is missing"),
        (
            '[routes.m]\ntype = "smtp"\nhost = "h"\ntls = "none"\nusername = "u"\n'
            'password_env = "P"\n',
            "would send the password unencrypted",
        ),
        ('[limits.yahoo]\nrate = "fast"\n', "severally.toml:2 (limits.yahoo.rate)"),
        ('[retries]\nfirst = "soon"\n', "'soon' is no length of time"),
        ("[retries]\nfactor = 0.5\n", "must be from 1 to 100"),
        ('[retries]\ngive_up_of = { security = "soon" }\n', "'soon' is no length of time"),
        (
            '[retries]\ngive_up_of = { spam = "1h" }\n',
            "no kind 'spam'; kinds are service, security, ",
        ),
        ('[audience]\ndelimiter = ";;"\n', "must be one character"),
        ("[sending]\nmax_in_doubt = 0\n", "from 1 to 100000"),
        ("[workspace\n", "severally.toml:1: not valid TOML"),
        ("workspace = 3\n", "must be a table"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    assert said in problems(tmp_path, text)


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    said = problems(
        tmp_path, '[workspace]\npurpos = "x"\n[retries]\nfirst = "never"\n[limits.a]\nrat = "1/s"\n'
    )
    assert "3 mistakes" in said
    assert "purpos" in said
    assert "never" in said
    assert "limits.a.rat" in said


def test_a_secret_in_the_file_is_refused_without_repeating_it(tmp_path: Path) -> None:
    said = problems(
        tmp_path, '[routes.main]\ntype = "smtp"\nhost = "h"\npassword = "hunter2-hunter2"\n'
    )
    assert "secrets do not belong" in said
    assert "password_file" in said
    assert "hunter2" not in said


def test_a_login_on_loopback_may_be_plain(tmp_path: Path) -> None:
    text = '[routes.m]\ntype = "smtp"\nhost = "127.0.0.1"\ntls = "none"\nusername = "u"\n'
    assert load(workspace(tmp_path, text + 'password_env = "P"\n')).routes.keys() == {"m"}


def test_the_workspace_is_found_from_below(tmp_path: Path) -> None:
    workspace(tmp_path, "")
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert find_root(below, None) == tmp_path
    assert find_root(Path("/"), tmp_path) == tmp_path
    with pytest.raises(UsageError, match="severally init"):
        find_root(below, below)


def test_the_route_is_chosen_or_asked_for(tmp_path: Path) -> None:
    one = '[routes.a]\ntype = "discard"\n'
    two = one + '[routes.b]\ntype = "mx"\nresolver = "127.0.0.1:53"\n'
    assert load(workspace(tmp_path, one)).choose_route(None) == "a"
    found = load(workspace(tmp_path, two))
    assert isinstance(found.routes["b"], MxRoute)
    assert found.choose_route("b") == "b"
    with pytest.raises(UsageError, match="--route"):
        found.choose_route(None)
    with pytest.raises(UsageError, match="no route 'c'"):
        found.choose_route("c")
    assert load(workspace(tmp_path, two + '[routes.main]\ntype = "discard"\n')).choose_route(
        None
    ) == "main"  # fmt: skip


@pytest.mark.parametrize(
    ("domain", "allowed"),
    [
        ("gmail.example", True),
        ("a.b.example", True),
        ("example", False),
        ("localhost", True),
        ("notexample", False),
        ("evil-example.com", False),
        ("example.com", False),
    ],
)
def test_reserved_domains_only(domain: str, allowed: bool) -> None:
    assert Allowed(DEFAULT_DOMAINS, DEFAULT_HOSTS).domain(domain) is allowed


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("10.0.0.1", False),
        ("127.0.0.1.example.com", False),
        ("0.0.0.0", False),
    ],
)
def test_loopback_only(host: str, allowed: bool) -> None:
    assert Allowed(DEFAULT_DOMAINS, DEFAULT_HOSTS).host(host) is allowed


def test_a_live_workspace_allows_all_and_an_empty_list_nothing() -> None:
    assert Allowed((), (), everything=True).domain("gmail.com")
    assert not Allowed((), ()).domain("gmail.example")
    assert Allowed((), ("10.0.0.0/8",)).host("10.1.2.3")


NOON = 1_796_126_400.0
"""2026-12-01T12:00:00Z."""


@pytest.mark.parametrize(
    ("text", "unix"),
    [
        ("2026-12-01T12:00:10Z", NOON + 10),
        ("2026-12-01T14:00:00+01:00", NOON + 3600),
        ("+2h", NOON + 7200),
        ("+90s", NOON + 90),
    ],
)
def test_a_moment_is_read(text: str, unix: float) -> None:
    assert moment(text, NOON) == unix


@pytest.mark.parametrize(
    "text", ["soon", "2026-12-01", "2020-01-01T00:00:00Z", "+2 weeks", "25:00"]
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--until"):
        moment(text, NOON)


def test_a_time_of_day_is_the_next_one() -> None:
    then = moment("12:30", NOON)
    assert then is not None
    assert 0 < then - NOON <= 86_400


@pytest.mark.parametrize(
    ("hosts", "here"),
    [
        (DEFAULT_HOSTS, True),
        (("127.0.0.1",), True),
        (("localhost", "192.0.2.0/24"), False),
        (("127.0.0.1", "relay.exchange.example"), False),
        (("0.0.0.0/0",), False),
    ],
)
def test_whether_only_this_machine_can_be_reached(hosts: tuple[str, ...], here: bool) -> None:
    assert Allowed((), hosts).only_here is here
    assert not Allowed((), hosts, everything=True).only_here
