"""Plurals and genders through compose and guard: the right text, the same on both sides."""

from __future__ import annotations

import email
import email.policy

import pytest

from severally.compose.compositor import Compositor
from severally.guard.sealing import Guard
from severally.model.choices import ChoiceKind, Rules, case_of, selector
from severally.model.delivery import Ticket
from severally.model.envelope import Sealed
from severally.model.formats import LocaleFormat
from severally.model.mailing import Frozen
from severally.model.notice import Kind, Notice, ValueType, Variable
from severally.model.recipient import Recipient, row_of
from severally.model.sender import Sender
from severally.model.stencil import Choice, Landing, Slot, Stencil
from severally.notice.cldr import plural_rules
from severally.transport.build import build_smtp

TICKET = Ticket(0, "a" * 26, 1_764_000_000)


def frozen(rtl: bool = False) -> Frozen:
    count = selector("n", ChoiceKind.PLURAL, ("=0", "one", "other"), plural_rules("en"))
    sex = selector("sex", ChoiceKind.SELECT, ("female", "other"), ())
    lines = {
        "=0": ("nothing is open",),
        "one": ("one position, worth it, ", "is open"),
        "other": (Slot("n"), " positions are open, " * 5),
    }
    greeting = {
        "female": (Choice(count.key, {k: ("Ms, ", *v) for k, v in lines.items()}),),
        "other": (Choice(count.key, {k: ("You, ", *v) for k, v in lines.items()}),),
    }
    in_html = {
        case: tuple(Slot("n", Landing.HTML) if isinstance(p, Slot) else p for p in pieces)
        for case, pieces in lines.items()
    }
    stencil = Stencil(
        "ar" if rtl else "en",
        "rtl" if rtl else "ltr",
        ("Positions: ", Choice(count.key, lines)),
        ("Dear ", Choice(sex.key, greeting), "\n\nthe end\n"),
        ("<p>", Choice(count.key, in_html), "</p>\n"),
        ("n", "sex"),
        LocaleFormat("en"),
        (count, sex),
    )
    notice = Notice(
        "n",
        "t",
        Kind.SERVICE,
        "s",
        stencil.locale,
        (stencil.locale,),
        (Variable("n", ValueType.INTEGER), Variable("sex", ValueType.CODE)),
    )
    sender = Sender("s", "from@exchange.example", "Ex", "b@exchange.example")
    return Frozen(notice, sender, {stencil.locale: stencil}, "main")


@pytest.mark.parametrize("rtl", [False, True])
@pytest.mark.parametrize(
    ("n", "sex", "said"),
    [
        ("0", "female", "Ms, nothing is open"),
        ("1", "male", "You, one position, worth it, is open"),
        ("1000", "female", "positions are open"),
    ],
)
def test_the_case_is_said_and_the_guard_agrees(n: str, sex: str, said: str, rtl: bool) -> None:
    mailing = frozen(rtl)
    locale = mailing.notice.source_locale
    person = Recipient("c-1", "a@customer.example", locale, "UTC", {"n": n, "sex": sex})
    compositor = Compositor(mailing)
    composed = compositor.compose(person, TICKET)
    assert isinstance(Guard(mailing).seal(build_smtp(composed), 0, row_of(person), TICKET), Sealed)
    message = email.message_from_bytes(composed.message, policy=email.policy.default)
    text = message.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert said in text
    assert text.split() == compositor.fill(person).text.split()
    assert ("1,000" in text) == (n == "1000")


@pytest.mark.parametrize(
    ("locale", "ordinal", "number", "case"),
    [
        ("ru", False, "21", "one"),
        ("ru", False, "3", "few"),
        ("ru", False, "11", "many"),
        ("ru", False, "1.0", "other"),
        ("ar", False, "2", "two"),
        ("ar", False, "0", "zero"),
        ("ja", False, "1", "other"),
        ("en", True, "22", "two"),
        ("fr", False, "0", "one"),
    ],
)
def test_categories_are_cldrs(locale: str, ordinal: bool, number: str, case: str) -> None:
    rules: Rules = plural_rules(locale, ordinal)
    cases = ("zero", "one", "two", "few", "many", "other")
    kind = ChoiceKind.ORDINAL if ordinal else ChoiceKind.PLURAL
    assert case_of(selector("n", kind, cases, rules), number) == case
