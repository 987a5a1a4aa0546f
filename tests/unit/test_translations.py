"""What a translation may and may not do: every refusal by its name, segment, locale and line."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from tests.drafts import GERMAN, findings, make, problems, say

COUNT = "Sie haben {n, plural, one {**# Bestellung**} other {**# Bestellungen**}} im Wert von "


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose notice is completely and well translated."""
    root = tmp_path_factory.mktemp("sound")
    folder = make(root)
    say(folder, "de", GERMAN)
    assert problems(folder) == []
    return root


@pytest.fixture
def notice(tmp_path: Path, sound: Path) -> Path:
    """A copy to spoil."""
    return shutil.copytree(sound, tmp_path / "copy") / "notices" / "orders"


HOSTILE = {
    "lost": ("greeting", "Guten Tag,", "lost {{ first_name }}"),
    "lost in one case": (
        "count",
        "{n, plural, one {Sie haben **# Bestellung** für {{ amount }}.} "
        "other {Sie haben **# Bestellungen**.}}",
        "lost {{ amount }}",
    ),
    "invented": ("title", "Ihre {{ amount }}", "invented {{ amount }}"),
    "undeclared": ("greeting", "Guten Tag {{ first_nam }},", "nobody declared the variable"),
    "another one": ("greeting", "Guten Tag {{ sex }},", "lost {{ first_name }}"),
    "html": ("title", "Ihre <b>Bestellungen</b>", "raw HTML"),
    "script": ("greeting", "{{ first_name }}<script>alert(1)</script>", "raw HTML"),
    "link": ("look", "[Ansehen](https://exchange.example/other)", "changed a link target"),
    "host": ("look", "[Ansehen](https://evil.example/orders)", "link_hosts does not list"),
    "javascript": ("look", "[Ansehen](javascript:alert)", "a link that is not https"),
    "shown host": (
        "look",
        "[bank.example](https://exchange.example/orders)",
        "the link text shows bank.example",
    ),
    "no button": ("look", "Bitte ansehen", "a button that is not one link"),
    "bare address": ("title", "Ihre Bestellungen auf evil.example", "the address of evil.example"),
    "autolink": ("title", "Ihre Bestellungen: https://evil.example/", "link_hosts does not list"),
    "mail": ("title", "Fragen an help@evil.example", "a mail address"),
    "bidi": ("title", "Ihre \u202eBestellungen", "turns the writing direction"),
    "zero width": ("title", "Ihre Be\u200bstellungen", "the invisible character U+200B"),
    "control": ("title", "Ihre\x07 Bestellungen", "a control character"),
    "long": ("title", "Ihre Bestellungen " * 600, "10,800 characters for 11"),
    "markup open": ("count", COUNT.replace("**}", "}") + "{{ amount }}.", "broken markup"),
    "markup gone": ("count", COUNT.replace("**", "") + "{{ amount }}.", "broken markup"),
    "number": ("terms", GERMAN["terms"].replace("30", "90"), "'30', the translation '90'"),
    "decimal": ("terms", GERMAN["terms"].replace("0,5", "5"), "'0.5', the translation '5'"),
    "date": ("terms", GERMAN["terms"].replace("1. Dez", "11. Dez"), "the translation '11. Dez"),
    "figure": ("greeting", GERMAN["greeting"] + " 50 %", "'50' is not in the source"),
    "category": ("count", COUNT.replace("one", "few") + "{{ amount }}.", "'few', which de does no"),
    "no other": ("count", COUNT.replace("other", "two") + "{{ amount }}.", "has no case 'other'"),
    "unclosed": (
        "count",
        "Sie {n, plural, one {# other {{ amount }}",
        "a choice that is not closed",
    ),
    "statement": ("title", "{% for x in y %}Bestellungen{% endfor %}", "is not a variable"),
    "expression": ("greeting", "{{ first_name.__class__ }}", "is not a variable"),
    "filter": ("greeting", "{{ first_name | safe }}", "is not a variable"),
    "single brace": ("greeting", "Guten Tag { first_name },", "a single '{'"),
    "template code": ("subject", "Ihre {n, number}", "is not available"),
    "wrong type": ("count", "{amount, plural, one {a} other {b}}", "which is of type money"),
    "line break": ("subject", "Ihre\nBestellungen", "a line break"),
    "encoded word": ("subject", "=?utf-8?q?Ihre?= {{ n }}", "an encoded word"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_translation_is_refused_by_name(notice: Path, case: str) -> None:
    segment, text, said = HOSTILE[case]
    say(notice, "de", {segment: text})
    found = findings(notice)
    assert any(said in finding.problem for finding in found), found
    for finding in found:
        assert (finding.locale, finding.segment) == ("de", segment)
        assert f"de, segment '{segment}': " in finding.problem
        assert re.fullmatch(r"notices/orders/locales/de\.po:\d+", finding.where)
        assert finding.cure
    line = int(found[0].where.rpartition(":")[2])
    around = (notice / "locales" / "de.po").read_text("utf-8").splitlines()[line - 2 : line]
    assert f'msgctxt "{segment}"' in around


def test_a_misspelt_variable_is_named(notice: Path) -> None:
    say(notice, "de", {"greeting": "Guten Tag {{ first_nam }},"})
    (finding,) = findings(notice)
    assert finding.cure == "did you mean 'first_name'?"


def test_a_number_must_be_shown_where_it_is_not_certain(tmp_path: Path) -> None:
    """Russian `one` is also 21; English `one` and `=1` are 1 alone."""
    folder = make(tmp_path, '"ru", "ja"')
    body = {
        "subject": "{n, plural, one {# заказ} few {# заказа} many {# заказов} other {# заказа}}",
        "title": "Ваши заказы",
        "greeting": "Здравствуйте, {{ first_name }}!",
        "terms": "1 декабря 2026 г. мы закроем то, что старше 30 дней, по 0,5 % стоимости.",
        "look": "[Посмотреть](https://exchange.example/orders)",
    }
    cases = "few {**# заказа**} many {**# заказов**} other {**# заказа**}"
    tail = "} на сумму {{ amount }}."
    body["count"] = "У вас {n, plural, one {**заказ**} " + cases + tail
    say(folder, "ru", body)
    japanese = {
        "subject": "ご注文 {{ n }} 件",
        "title": "ご注文",
        "greeting": "{{ first_name }} 様",
        "count": "**{{ n }} 件**のご注文、{{ amount }} 相当があります。",
        "terms": "2026年12月1日に、30 日を超えたものを価値の 0.5 % で終了します。",
        "look": "[見る](https://exchange.example/orders)",
    }
    say(folder, "ja", japanese)
    assert problems(folder) == ["ru, segment 'count': the translation lost {{ n }}"]
    for one in ("one {**# заказ**}", "=1 {**заказ**} one {**# заказ**}"):
        say(folder, "ru", {"count": "У вас {n, plural, " + one + " " + cases + tail})
        assert problems(folder) == []
    say(folder, "ru", {"count": "У вас {n, plural, one {**# заказ**} other {**# заказов**}" + tail})
    (finding,) = findings(folder)
    assert finding.problem.endswith("the plural of n lacks 'few', 'many'")
    assert finding.cure == "ru needs it (few as in 2, 3, 4; many as in 0, 5, 6)"


@pytest.mark.parametrize(
    ("locale", "text"),
    [
        ("fr", "Au 1er décembre 2026, nous fermons ce qui a plus de 30 jours, à 0,5 %."),
        ("tr", "1 Aralık 2026’da 30 günden eski olanları değerinin % 0,5’i ile kapatırız."),
        ("pt-BR", "Em 1º de dezembro de 2026 fechamos o que tem mais de 30 dias, a 0,5 %."),
        ("zh-Hant", "2026 年 12 月 1 日,我們將以 0.5 % 結清超過 30 天的部分。"),
        ("ko", "2026년 12월 1일에 30일이 지난 것을 0.5 %로 종료합니다."),
        ("ar", "في ١ ديسمبر ٢٠٢٦ نغلق ما مضى عليه أكثر من ٣٠ يومًا بنسبة ٠٫٥ %."),
        ("es", "El 1 de diciembre de 2026 cerramos lo que tenga más de 30 días, al 0,5 %."),
    ],
)
def test_figures_may_be_written_as_the_language_writes_them(
    tmp_path: Path, locale: str, text: str
) -> None:
    folder = make(tmp_path, f'"{locale}"')
    say(folder, locale, {"terms": text})
    assert not [problem for problem in problems(folder) if "'terms'" in problem]


def test_a_problem_of_the_source_is_said_once(notice: Path) -> None:
    body = notice / "body.md"
    body.write_text(body.read_text("utf-8").replace("Dear {{ first_name }}", "Dear {{ nam }}"))
    (first, second) = findings(notice)
    assert (first.where, first.problem) == (
        "notices/orders/body.md:5",
        "segment 'greeting': nobody declared the variable 'nam'",
    )
    assert "stale" in second.problem
