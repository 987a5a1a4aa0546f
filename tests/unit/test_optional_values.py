"""Values that a recipient may not have: what must be written for them, and who reads what."""

from __future__ import annotations

import io
import itertools
from pathlib import Path

import pytest
from tests.drafts import GERMAN, NOW, TOML, findings, make, problems, say

from severally.audience.reading import BadRow, GoodRow, Reader, Spec
from severally.compose.compositor import Compositor
from severally.guard.sealing import Guard
from severally.model.choices import ChoiceKind, case_of, selector
from severally.model.delivery import Ticket
from severally.model.envelope import Refusal, Sealed
from severally.model.mailing import Frozen
from severally.model.notice import ValueType, Variable
from severally.model.recipient import Recipient, row_of
from severally.model.sender import Sender
from severally.notice.compiling import compile_notice
from severally.notice.updating import update_catalogues
from severally.transport.build import build_smtp

TICKET = Ticket(0, "a" * 26, 1_764_000_000)
GREETING = "{first_name, select, missing {Dear customer} other {Dear {{ first_name }}}},"
COUNT = (
    "You have {n, select, missing {orders} other {{n, plural, one {**# order**} "
    "other {**# orders**}}}} worth {{ amount }}."
)
IN_GERMAN = {
    **GERMAN,
    "greeting": "{first_name, select, missing {Guten Tag} "
    "other {{sex, select, female {Liebe} male {Lieber} other {Guten Tag}} {{ first_name }}}},",
    "count": "{n, select, missing {Sie haben Bestellungen} other {Sie haben {n, plural, "
    "one {**# Bestellung**} other {**# Bestellungen**}}}} im Wert von {{ amount }}.",
    "subject": "{n, select, missing {Ihre Bestellungen} other {Ihre {n, plural, "
    "one {Bestellung} other {# Bestellungen}}}}",
}


def spoilt(
    root: Path, greeting: str = GREETING, count: str = COUNT, optional: str = "first_name n"
) -> Path:
    """The notice of `tests.drafts` in English alone, with these two sentences."""
    folder = make(root)
    settings = TOML.replace(", {locales}", "").replace(
        'subject = "Your {n, plural, one {order} other {# orders}}"',
        'subject = "Your {n, select, missing {orders} other {'
        '{n, plural, one {order} other {# orders}}}}"',
    )
    for name in optional.split():
        settings = settings.replace(f"[variables.{name}]", f"[variables.{name}]\noptional = true")
    (folder / "notice.toml").write_text(settings, "utf-8")
    body = (folder / "body.md").read_text("utf-8")
    body = body.replace("Dear {{ first_name }},", greeting)
    before = "You have {n, plural, one {**# order**} other {**# orders**}} worth {{ amount }}."
    (folder / "body.md").write_text(body.replace(before, count), "utf-8")
    return folder


def test_what_is_read_without_the_value_can_be_said(tmp_path: Path) -> None:
    assert problems(spoilt(tmp_path)) == []


@pytest.mark.parametrize(
    ("greeting", "said"),
    [
        ("Dear {{ first_name }},", "first_name is optional, and nothing says what is read where"),
        (
            "{first_name, select, missing {Dear {{ first_name }}} other {Dear customer}},",
            "{{ first_name }} is shown in the case in which it is missing",
        ),
        (
            "{first_name, select, other {Dear {{ first_name }}}},",
            "first_name is optional, and nothing says what is read where",
        ),
        (
            "{sex, select, missing {Dear} other {Dear}} {first_name, select, missing {you} "
            "other {{{ first_name }}}},",
            "the select of sex has the case 'missing', and sex never is",
        ),
    ],
)
def test_a_source_that_leaves_it_open_is_refused(tmp_path: Path, greeting: str, said: str) -> None:
    (finding,) = findings(spoilt(tmp_path, greeting))
    assert said in finding.problem
    assert finding.where == "notices/orders/body.md:5"
    assert finding.cure


def test_a_number_that_may_be_missing_decides_nothing_alone(tmp_path: Path) -> None:
    folder = spoilt(tmp_path, count="{n, plural, one {# order} other {# orders}}: {{ amount }}.")
    assert problems(folder) == [
        "segment 'count': n is optional, and nothing says what is read where it is missing"
    ]


def test_an_amount_may_be_asked_for_but_not_chosen_by(tmp_path: Path) -> None:
    count = "{amount, select, missing {You have some} other {Worth {{ amount }}}}."
    assert problems(spoilt(tmp_path / "a", count=count, optional="first_name n amount")) == []
    count = count.replace("other", "big {Much} other")
    (said,) = problems(spoilt(tmp_path / "b", count=count, optional="first_name n amount"))
    assert "a select of amount, which is of type money" in said


def test_the_same_for_everybody_is_never_missing(tmp_path: Path) -> None:
    folder = spoilt(tmp_path)
    file = folder / "notice.toml"
    file.write_text(file.read_text("utf-8").replace("[variables.n]", "[variables.n]\nvalue = 3"))
    assert problems(folder) == ["n has a value for everybody and is optional"]


def test_a_translation_is_held_to_it_too(tmp_path: Path) -> None:
    folder = spoilt(tmp_path)
    file = folder / "notice.toml"
    file.write_text(file.read_text("utf-8").replace('["en"]', '["en", "de"]'), "utf-8")
    update_catalogues(folder, NOW)
    say(folder, "de", IN_GERMAN)
    assert problems(folder) == []
    say(folder, "de", {"greeting": "Guten Tag {{ first_name }},"})
    assert "nothing says what is read" in problems(folder)[0]
    say(folder, "de", {"greeting": "{first_name, select, missing {Hallo} other {Guten Tag}},"})
    assert problems(folder) == ["de, segment 'greeting': the translation lost {{ first_name }}"]


# --- who reads what


@pytest.fixture(scope="module")
def mailing(tmp_path_factory: pytest.TempPathFactory) -> Frozen:
    root = tmp_path_factory.mktemp("optional")
    made = compile_notice(spoilt(root), root / "layouts")
    sender = Sender("notices", "notices@exchange.example", "Ex", "b@exchange.example")
    return Frozen(made.notice, sender, made.stencils, "main")


VALUES = {"first_name": "missing", "sex": "female", "n": "1", "amount": "12.50 USD"}


def test_every_combination_is_composed_and_sealed(mailing: Frozen) -> None:
    """A customer who is called `missing` has a name."""
    compositor, guard = Compositor(mailing), Guard(mailing)
    for name, n in itertools.product((True, False), repeat=2):
        there = {"sex", "amount", *(["first_name"] * name), *(["n"] * n)}
        values = {key: text for key, text in VALUES.items() if key in there}
        person = Recipient("c-1", "a@customer.example", "en", "UTC", values)
        filled = compositor.fill(person)
        assert ("Dear missing," if name else "Dear customer,") in filled.text
        assert ("You have 1 order worth" if n else "You have orders worth") in filled.text
        assert filled.subject == ("Your order" if n else "Your orders")
        assert ("<bdi>missing</bdi>" in filled.html) == name
        payload = build_smtp(compositor.compose(person, TICKET))
        assert isinstance(guard.seal(payload, 0, row_of(person), TICKET), Sealed)


def test_the_guard_refuses_the_text_of_somebody_without_it(mailing: Frozen) -> None:
    person = Recipient("c-1", "a@customer.example", "en", "UTC", VALUES)
    left = {key: text for key, text in VALUES.items() if key != "first_name"}
    nameless = Recipient("c-1", "a@customer.example", "en", "UTC", left)
    guard, compositor = Guard(mailing), Compositor(mailing)
    for row, shown in ((person, nameless), (nameless, person)):
        payload = build_smtp(compositor.compose(shown, TICKET))
        assert isinstance(guard.seal(payload, 0, row_of(row), TICKET), Refusal)


def test_no_value_is_taken_for_none() -> None:
    question = selector("name", ChoiceKind.SELECT, ("missing", "other"), ())
    assert [case_of(question, text) for text in ("missing", "other", "A", None)] == [
        *("other", "other", "other", "missing")
    ]
    plain = selector("sex", ChoiceKind.SELECT, ("female", "other"), ())
    assert case_of(plain, None) == "other"


def test_an_empty_cell_is_a_value_nobody_has_or_a_bad_row() -> None:
    text = Variable("name", ValueType.TEXT)
    optional = Variable("place", ValueType.TEXT, optional=True)
    file = io.BytesIO(
        b"id,email,name,place\n1,a@x.example,Bo,  \n2,b@x.example,,Rome\n3,c@x.example,Di,Oslo\n"
    )
    first, second, third = Reader(file, Spec((text, optional)), "few.csv")
    assert isinstance(first, GoodRow) and first.recipient.values == {"name": "Bo"}
    assert isinstance(second, BadRow) and second.reasons == ("name: empty",)
    assert isinstance(third, GoodRow)
    assert third.recipient.values == {"name": "Di", "place": "Oslo"}
