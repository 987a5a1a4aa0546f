"""`check` and `plan`: sizes, filters, domains, and who reads which language by which step."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tests.workshop import Workshop, rows

NOTICE = "notices/index-change"
ASKED = ("en", "sr-Latn", "zh-SG", "pt", "sv", "sv", "fi", "de-AT")


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path / "shop")


def people(shop: Workshop) -> Path:
    made = rows(len(ASKED))
    for row, locale in zip(made, ASKED, strict=True):
        row[2] = locale
    return shop.customers(made)


def test_languages_are_counted_by_step_and_an_undeclared_fallback_is_said(shop: Workshop) -> None:
    audience = people(shop)
    for verb in ("check", "plan"):
        said = shop.run(verb, "index-change", "--audience", audience, "--json").said
        found = {line["wanted"]: (line["read"], line["step"]) for line in said["languages"]}
        assert found == {
            "en": ("en", "exact"),
            "sr-Latn": ("en", "source"),
            "zh-SG": ("zh-Hans", "broader"),
            "pt": ("pt-BR", "related"),
            "sv": ("en", "source"),
            "fi": ("en", "source"),
            "de-AT": ("de", "broader"),
        }
        assert sum(line["recipients"] for line in said["languages"]) == len(ASKED)
        (warning,) = [
            each for each in said["findings"] if "asked for a language" in each["problem"]
        ]
        assert warning["warning"]
        assert "4 recipients" in warning["problem"]
        assert "sv 2" in warning["problem"]


def test_a_locale_can_be_left_for_later_and_is_counted(shop: Workshop) -> None:
    (shop.root / NOTICE / "locales" / "ja.po").unlink()
    audience = shop.customers([[*row[:2], "ja", *row[3:]] for row in rows(3)])
    refused = shop.run("check", "index-change", "--json").said
    assert [each["locale"] for each in refused["findings"]] == ["ja"]
    shop.edit(
        f"{NOTICE}/notice.toml",
        "[variables.first_name]",
        '[fallback]\nja = "de"\n"*" = "en"\n\n[variables.first_name]',
    )
    said = shop.run("plan", "index-change", "--audience", audience, "--json").said
    (line,) = said["languages"]
    assert line == {"wanted": "ja", "read": "de", "step": "declared", "recipients": 3}
    assert not said["findings"]
    status = shop.run("translate", "status", "index-change", "--json").said
    assert {each["locale"]: each["fallback"] for each in status["catalogues"]}["ja"] == "de"
    shown = shop.run("plan", "index-change", "--audience", audience).out
    assert "declared" in shown
    assert shop.run("preview", "index-change", "--no-pictures", "--out", shop.root / "p").code == 0
    assert not (shop.root / "p" / "ja.html").exists()


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('fr = "sv"', "fr would read sv, which is not sent itself"),
        ('en = "de"', "en is the source"),
        ('ja = "de"\nde = "ja"', "ja would read de, which is not sent itself"),
        ('deutsch = "en"', "'deutsch' is not a locale"),
    ],
)
def test_a_fallback_that_leads_nowhere_is_refused(shop: Workshop, table: str, said: str) -> None:
    shop.edit(f"{NOTICE}/notice.toml", "[variables.first", f"[fallback]\n{table}\n[variables.first")
    refused = shop.run("check", "index-change")
    assert refused.code == 3
    assert said in refused.everything


def test_everything_wrong_is_said_at_once_in_the_order_of_mending(shop: Workshop) -> None:
    shop.edit(f"{NOTICE}/notice.toml", 'kind = "service"', 'kind = "servise"')
    shop.edit(f"{NOTICE}/notice.toml", 'sender = "notices"', 'sender = "nobody"\ncolour = "red"')
    shop.edit(f"{NOTICE}/body.md", "Dear {{ first_name }}", "Dear {{ firstname }}")
    shop.edit(f"{NOTICE}/locales/de.po", "sechs statt vier", "6 statt 40")
    shop.edit(f"{NOTICE}/locales/ja.po", "変更点", "")
    audience = shop.root / "few.csv"
    audience.write_text("id,email,locale\na,a@x.example,en\n", "utf-8")
    said = shop.run("check", "index-change", "--audience", audience, "--json").said
    text = (shop.root / NOTICE / "notice.toml").read_text("utf-8")
    (locales,) = re.findall(r"(?m)^locales = \[(.*)\]", text)
    targets = [each for each in re.findall(r'"([\w-]+)"', locales) if each != "en"]
    files = [each["where"].partition(":")[0] for each in said["findings"]]
    assert [file for at, file in enumerate(files) if file not in files[:at]] == [
        "notices/index-change/notice.toml",
        "notices/index-change/body.md",
        *(f"notices/index-change/locales/{locale}.po" for locale in targets),
        "severally.toml",
        "few.csv",
    ]
    assert all(each["cure"] for each in said["findings"] if "/" in each["where"])


FAKE = """#!/bin/sh
grep '^X-Severally-Check: ' | sort -r | while read name number; do
printf 'X-Spam-Status: Yes, score=7.%s required=5.0 tests=ALL_TRUSTED=-1,\\n\\t' $number
printf 'NO_RECEIVED=-0.001,DEAR_FRIEND=2.1,URGENT_BIZ=3.0 end=1\\n%s %s\\n\\nbody\\n' $name $number
done
"""
"""Answers in another order than it was asked in, as the real one does."""


def test_a_filter_of_this_machine_is_asked(
    shop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "spamassassin").write_text(FAKE)
    (programs / "spamassassin").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    said = shop.run("check", "index-change", "--json").said
    assert said["sound"]
    assert {each["filter"] for each in said["measures"]} == {"SpamAssassin"}
    scores = [each["score"] for each in said["measures"]]
    assert scores == [round(float(f"7.{number}") + 1, 2) for number in range(len(scores))]
    assert said["measures"][0]["rules"] == ["URGENT_BIZ 3.0", "DEAR_FRIEND 2.1"]
    warned = [each for each in said["findings"] if "SpamAssassin gives it 8." in each["problem"]]
    assert len(warned) == len(said["measures"])


def test_a_filter_that_does_not_answer_is_said(
    shop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rspamc").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "rspamc").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    said = shop.run("check", "index-change", "--json").said
    assert said["sound"]
    assert {each["score"] for each in said["measures"]} == {None}
    (warning,) = said["findings"]
    assert warning["where"] == "Rspamd"
    assert "did not answer" in warning["problem"]


def test_sizes_and_links_are_measured_and_too_much_is_said(shop: Workshop) -> None:
    line = next(
        line
        for line in (shop.root / NOTICE / "notice.toml").read_text("utf-8").splitlines()
        if line.startswith("locales = ")
    )
    shop.edit(f"{NOTICE}/notice.toml", line, 'locales = ["en"]')
    said = shop.run("check", "index-change", "--json").said
    assert said["measures"][0]["links"] == 2
    assert 5_000 < said["measures"][0]["html_bytes"] < said["measures"][0]["message_bytes"]
    link = "[one more](https://exchange.example/more) " + "word " * 300 + "\n\n"
    shop.edit(f"{NOTICE}/body.md", "## What you can do", link * 80 + "## What you can do")
    said = shop.run("check", "index-change", "--json").said
    problems = [each["problem"] for each in said["findings"]]
    assert said["sound"]
    assert any("Gmail hides what comes after 102 KB" in problem for problem in problems)
    assert any("82 links" in problem for problem in problems)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ('reply_to = "help@elsewhere.example"', "reply_to is at elsewhere.example"),
        ('return_path = "b@relay.example"', "SPF does not count for DMARC"),
        ('reply_to = "help@shop.exchange.example"', ""),
        ('return_path = "b@bounces.exchange.example"', ""),
    ],
)
def test_the_senders_domains_are_compared(shop: Workshop, setting: str, said: str) -> None:
    key = setting.partition(" ")[0]
    text = (shop.root / "severally.toml").read_text("utf-8")
    line = next(line for line in text.splitlines() if line.startswith(key))
    shop.edit("severally.toml", line, setting)
    checked = shop.run("check", "index-change", "--json").said
    found = {each["problem"]: each["where"] for each in checked["findings"]}
    assert checked["sound"]
    assert bool(said) == bool(found)
    for problem, where in found.items():
        number = (shop.root / "severally.toml").read_text("utf-8").splitlines().index(setting) + 1
        assert said in problem
        assert where == f"severally.toml:{number} (senders.notices.{key})"


def test_signatures_of_others_speak_for_nobody(shop: Workshop) -> None:
    key = shop.root / "keys" / "dkim.pem"
    key.write_bytes(
        Ed25519PrivateKey.generate().private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
    )
    key.chmod(0o600)
    dkim = 'dkim = [{ domain = "relay.example", selector = "s1", key_file = "keys/dkim.pem" }]\n'
    shop.edit("severally.toml", 'name = "Example', f'{dkim}name = "Example')
    (one,) = shop.run("check", "index-change", "--json").said["findings"]
    assert "the signatures are of relay.example: DMARC does not count them" in one["problem"]
    shop.edit("severally.toml", "bounces@exchange.example", "bounces@relay.example")
    said = shop.run("check", "index-change", "--json").said["findings"]
    assert "nothing of ours speaks for exchange.example" in said[0]["problem"]
    assert all(re.match(r"severally\.toml:\d+ ", each["where"]) for each in said)


@pytest.mark.parametrize(
    ("before", "after", "key"),
    [
        ('type = "text"', 'type = "words"', "type"),
        ('value = "2026-12-01T12:00:00Z"', 'value = "soon"', "value"),
        ('sample = "AC-410000"', 'sample = "A 1"', "sample"),
        ('sample = "AC-410000"', "secret = true", "secret"),
        ('value = "2026-12-01T12:00:00Z"', "value = 2026-12-01", "value"),
        ('layout = "default"', 'fallback = { ja = "xx" }', "fallback"),
    ],
)
def test_every_setting_is_named_by_its_line(
    shop: Workshop, before: str, after: str, key: str
) -> None:
    shop.edit(f"{NOTICE}/notice.toml", before, after)
    text = (shop.root / NOTICE / "notice.toml").read_text("utf-8")
    line = next(n for n, each in enumerate(text.splitlines(), 1) if each.startswith(after))
    said = shop.run("check", "index-change", "--json").said["findings"]
    assert f"{NOTICE}/notice.toml:{line}" in [each["where"] for each in said], key


def test_a_moment_may_be_written_as_toml_has_it(shop: Workshop) -> None:
    shop.two_languages()
    shop.edit(f"{NOTICE}/notice.toml", '"2026-12-01T12:00:00Z"', "2026-12-01T12:00:00Z")
    assert shop.run("check", "index-change", "--json").said["sound"]
