"""Whatever the values: HTML stays well formed, no value becomes markup, text and HTML say the
same, and every number, amount and date can be read back in its locale."""

from __future__ import annotations

import datetime as dt
import html.parser
import re
import string
import zoneinfo
from decimal import Decimal
from pathlib import Path

import pytest
from babel import Locale
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.drafts import GERMAN, make, say

from severally.compose.compositor import Compositor
from severally.guard.sealing import Guard
from severally.model.delivery import Ticket
from severally.model.envelope import Sealed
from severally.model.formats import money, number, show
from severally.model.mailing import Frozen
from severally.model.notice import ValueType
from severally.model.recipient import Recipient, row_of
from severally.model.sender import Sender
from severally.model.values import ValueRefused, parse_value
from severally.notice.cldr import locale_format
from severally.notice.compiling import compile_notice
from severally.transport.build import build_smtp

LOCALES = ("en", "de", "fr", "es", "pt-BR", "ru", "ja", "ko", "zh-Hans", "zh-Hant", "ar", "tr")
ARABIC = {
    "subject": "{n, plural, zero {لا طلبات} one {طلب} two {طلبان} few {# طلبات} many {# طلبا} "
    "other {# طلب}}",
    "title": "طلباتك",
    "greeting": "مرحبا {{ first_name }}،",
    "count": "لديك {n, plural, zero {**0 طلبات**} one {**طلب**} two {**طلبان**} "
    "few {**# طلبات**} many {**# طلبا**} other {**# طلب**}} بقيمة {{ amount }}.",
    "terms": "في 1 ديسمبر 2026 نغلق ما مضى عليه أكثر من 30 يومًا بنسبة 0.5 %.",
    "look": "[انظر](https://exchange.example/orders)",
}
TICKET = Ticket(0, "a" * 26, 1_764_000_000)
NASTY = "<>&\"'{}()[]*_`\\%=?#|;:\u00a0日ي"
NAMES = st.text(st.sampled_from(NASTY + string.ascii_letters + " .-/é"), min_size=1, max_size=40)
DECIMALS = st.decimals(
    -(10**17), 10**17, allow_nan=False, allow_infinity=False, places=8
) | st.decimals(-1, 1, allow_nan=False, allow_infinity=False, places=18)
CODES = st.sampled_from(["USD", "EUR", "JPY", "TRY", "BTC", "ETH", "USDT", "KWD"])


@pytest.fixture(scope="module")
def mailing(tmp_path_factory: pytest.TempPathFactory) -> Frozen:
    root = tmp_path_factory.mktemp("values")
    folder = make(root, '"de", "ar"')
    say(folder, "de", GERMAN)
    say(folder, "ar", {**ARABIC, "count": ARABIC["count"].replace("**0 طلبات**", "**لا طلبات**")})
    made = compile_notice(folder, root / "layouts")
    sender = Sender("notices", "notices@exchange.example", "Ex", "b@exchange.example")
    return Frozen(made.notice, sender, made.stencils, "main")


class Reading(html.parser.HTMLParser):
    """What a browser would see: open elements, all elements, words."""

    VOID = frozenset({"br", "hr", "img", "meta", "link", "input", "col"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.words = ""
        self.feed(re.sub(r"(?s)<!--.*?-->|<style.*?</style>|<!doctype[^>]*>", "", page))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(sorted(name for name, _ in attrs))))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(sorted(name for name, _ in attrs))))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def canonical(type: ValueType, text: str) -> str | None:
    try:
        return parse_value(type, text)
    except ValueRefused:
        return None


@settings(deadline=None, max_examples=60)
@given(
    locale=st.sampled_from(["en", "de", "ar"]),
    name=NAMES,
    sex=st.sampled_from(["female", "male", "x", "other"]),
    n=st.integers(0, 1_000_000) | st.integers(0, 12),
    amount=DECIMALS,
    code=CODES,
)
def test_no_value_becomes_markup_and_both_parts_say_the_same(
    mailing: Frozen, locale: str, name: str, sex: str, n: int, amount: Decimal, code: str
) -> None:
    first_name = canonical(ValueType.TEXT, name)
    if first_name is None:
        return
    values = {"first_name": first_name, "sex": sex, "n": str(n), "amount": f"{amount:f} {code}"}
    person = Recipient("c-1", "a@customer.example", locale, "UTC", values)
    plain = Recipient("c-1", "a@customer.example", locale, "UTC", {**values, "first_name": "A"})
    compositor = Compositor(mailing)
    composed = compositor.compose(person, TICKET)
    assert isinstance(Guard(mailing).seal(build_smtp(composed), 0, row_of(person), TICKET), Sealed)
    filled = compositor.fill(person)
    page = Reading(filled.html)
    assert page.open == []
    assert page.tags == Reading(compositor.fill(plain).html).tags
    shown = re.sub(r"[\u2068\u2069]", "", filled.text)
    fmt = locale_format(locale)
    for value in (first_name, money(values["amount"], fmt)):
        for words in (" ".join(page.words.split()), " ".join(shown.split())):
            assert " ".join(value.split()) in words
    body = shown.partition("\n[1]")[0].replace(" [1]", "")
    letters = re.sub(r"[\s=]|-{3,}|={3,}", "", body)
    said = re.sub(r"[\s=]", "", page.words)
    assert letters.strip("-") in said.replace("---", "") or letters in said


# --- reading back, with Babel's data and code of its own


def read_number(text: str, tag: str) -> Decimal:
    symbols = Locale.parse(tag, sep="-").number_symbols
    symbols = symbols.get("latn", symbols)
    text = text.replace(symbols["minusSign"], "-").replace(symbols["group"], "")
    if symbols["group"].isspace():  # any space is one (UTS #35 part 3, 6: lenient parsing)
        text = "".join(text.split())
    return Decimal(text.replace(symbols["decimal"], "."))


@settings(deadline=None)
@given(st.sampled_from(LOCALES), DECIMALS | st.integers(-(10**29), 10**29).map(Decimal))
def test_numbers_read_back(tag: str, value: Decimal) -> None:
    shown = number(f"{value:f}", locale_format(tag))
    assert read_number(shown, tag) == value


@settings(deadline=None)
@given(st.sampled_from(LOCALES), DECIMALS, CODES)
def test_amounts_read_back_and_lose_no_decimal(tag: str, value: Decimal, code: str) -> None:
    fmt = locale_format(tag)
    canonical_ = parse_value(ValueType.MONEY, f"{value:f} {code}")
    shown = money(canonical_, fmt)
    sign = fmt.symbols.get(code, code)
    assert sign in shown
    digits = re.sub(r"[\s\u00a0\u202f\u200e\u200f\u061c]", "", shown.replace(sign, ""))
    group = re.sub(r"[\s\u00a0\u202f]", "", fmt.group)
    text = digits.replace(group, "") if group else digits
    minus = re.sub(r"[\u200e\u200f\u061c]", "", fmt.minus)
    text = text.replace(minus, "-").replace(fmt.decimal, ".")
    if text.endswith("-"):
        text = "-" + text[:-1]
    assert Decimal(text) == value
    written = f"{value:f}".partition(".")[2]
    assert len(text.partition(".")[2]) == max(len(written), fmt.currency_digits.get(code, 0))


@pytest.mark.parametrize("tag", LOCALES)
def test_a_small_amount_of_a_crypto_asset_is_never_nothing(tag: str) -> None:
    shown = money("0.0001 BTC", locale_format(tag))
    assert shown.replace(",", ".").count("0.0001") == 1


@settings(deadline=None)
@given(
    st.sampled_from(LOCALES),
    st.integers(31_536_000, 4_102_444_800).map(lambda at: dt.datetime.fromtimestamp(at, dt.UTC)),
    st.sampled_from(["UTC", "Europe/Berlin", "Asia/Tokyo", "America/Sao_Paulo", "Asia/Kolkata"]),
)
def test_moments_read_back_in_their_zone(tag: str, moment: dt.datetime, zone: str) -> None:
    fmt = locale_format(tag)
    utc = moment
    shown = show(ValueType.DATETIME, utc.isoformat().replace("+00:00", "Z"), fmt, zone)
    there = utc.astimezone(zoneinfo.ZoneInfo(zone))
    words = shown
    months = [at for at, name in enumerate(fmt.months, 1) if name in words]
    numbers = list(map(int, re.findall(r"\d+", words)))
    assert there.month in (months or numbers)
    assert there.year in numbers
    assert there.day in numbers
    assert there.minute in numbers
    assert there.hour in numbers or there.hour % 12 in numbers or 12 in numbers
    day = show(ValueType.DATE, there.date().isoformat(), fmt, zone)
    assert str(there.year) in day
    assert str(there.day) in re.findall(r"\d+", day)


def test_a_private_value_is_in_no_output(tmp_path: Path) -> None:
    folder = make(tmp_path)
    toml = folder / "notice.toml"
    text = toml.read_text("utf-8").replace(
        '[variables.amount]\ntype = "money"', '[variables.amount]\ntype = "money"\nvalue = "7 USD"'
    )
    toml.write_text(text, "utf-8")
    from tests.drafts import NOW

    from severally.notice.updating import update_catalogues

    update_catalogues(folder, NOW)
    catalogue = (folder / "locales" / "de.po").read_text("utf-8")
    assert "amount: money, private" in catalogue
    assert "7 USD" not in catalogue
