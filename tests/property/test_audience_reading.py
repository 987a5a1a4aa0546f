"""A CSV of any shape: each row is good or bad with reasons, numbered as in the file, and memory
does not grow with it."""

from __future__ import annotations

import csv
import io
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from severally.adapters.keys import AesRowCipher
from severally.audience.reading import BadRow, GoodRow, Reader, Spec
from severally.audience.rejects import safe_cell
from severally.model.errors import LedgerError, Refused
from severally.model.notice import ValueType, Variable
from severally.model.recipient import Recipient, recipient_of, row_of

SPEC = Spec((Variable("name", ValueType.TEXT),), ";")
HEAD = ["id", "email", "locale", "timezone", "name", "extra"]
CELL = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=12)
GOOD = st.tuples(
    st.from_regex(r"[A-Za-z0-9._-]{1,12}", fullmatch=True),
    st.from_regex(r"[a-z]{1,8}@[a-z]{1,8}\.example", fullmatch=True),
    st.sampled_from(["de", "pt-BR", "zh-Hans-CN", ""]),
    st.sampled_from(["Europe/Berlin", "UTC", ""]),
    st.text(alphabet="abc äßя漢", min_size=1, max_size=9).filter(str.strip),
    CELL,
)
ROWS = st.lists(st.one_of(GOOD, st.lists(CELL, min_size=1, max_size=8)), max_size=12)


def written(rows: list[list[str]], bom: bool) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=";", lineterminator="\n").writerows(rows)
    return (b"\xef\xbb\xbf" if bom else b"") + text.getvalue().encode()


def read(data: bytes) -> Iterator[GoodRow | BadRow]:
    return iter(Reader(io.BytesIO(data), SPEC, "customers.csv"))


@given(ROWS, st.booleans())
def test_every_row_is_good_or_bad_with_a_reason(rows: list[list[str]], bom: bool) -> None:
    found = list(read(written([HEAD, *map(list, rows)], bom)))
    assert len(found) == len(rows)
    for row, cells in zip(found, rows, strict=True):
        if isinstance(row, BadRow):
            assert row.reasons and all(row.reasons)
            assert list(row.fields) == [c.replace("\r\n", "\n") for c in map(str, cells)]
        else:
            assert len(cells) == len(HEAD)
            assert str(row.address) == row.recipient.address
            assert row.recipient.id == cells[0].strip()


@given(st.lists(GOOD, min_size=1, max_size=12))
def test_rows_are_numbered_by_the_line_they_begin_on(rows: list[tuple[str, ...]]) -> None:
    data = written([HEAD, *map(list, rows)], False)
    line = 2
    for row, cells in zip(read(data), rows, strict=True):
        assert row.row == line
        line += 1 + sum(cell.count("\n") for cell in cells)


@given(st.binary(max_size=400))
def test_no_bytes_crash_it(data: bytes) -> None:
    try:
        list(read(data))
    except Refused as refused:
        assert refused.findings


def test_memory_does_not_grow_with_the_file() -> None:
    def rows() -> Iterator[bytes]:
        yield (";".join(HEAD) + "\n").encode()
        for n in range(60_000):
            yield f"c{n};a{n}@b.example;de;UTC;Ada;x\n".encode()

    class Lines(io.RawIOBase):
        def __iter__(self) -> Iterator[bytes]:
            return rows()

    tracemalloc.start()
    count = sum(isinstance(row, GoodRow) for row in Reader(Lines(), SPEC, "x.csv"))  # type: ignore[arg-type]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 60_000
    assert peak < 4_000_000


@given(st.text(max_size=30))
def test_no_cell_of_the_rejects_is_a_formula(text: str) -> None:
    cell = safe_cell(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\0"))
    assert cell in (text, f"'{text}")


people = st.builds(
    Recipient,
    st.from_regex(r"[A-Za-z0-9._-]{1,64}", fullmatch=True),
    st.just("a@b.example"),
    st.sampled_from(["de", "ar"]),
    st.just("UTC"),
    st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), st.text(), max_size=4),
)


@given(people)
def test_a_row_is_its_recipient_again(person: Recipient) -> None:
    assert recipient_of(row_of(person)) == person


@given(people, st.integers(0, 10**6), st.data())
def test_a_row_opens_only_unaltered_and_in_its_own_place(
    person: Recipient, seq: int, data: st.DataObject
) -> None:
    cipher = AesRowCipher(bytes(32), "a-1")
    row = row_of(person)
    salt, box = cipher.seal(seq, row)
    assert cipher.open(seq, salt, box) == row
    assert row not in box
    at = data.draw(st.integers(0, len(box) - 1))
    changed = box[:at] + bytes([box[at] ^ 1]) + box[at + 1 :]
    other = AesRowCipher(bytes(32), "a-2")
    for opener, number, sealed in (
        (cipher, seq, changed),
        (cipher, seq + 1, box),
        (other, seq, box),
        (AesRowCipher(b"\1" * 32, "a-1"), seq, box),
    ):
        with pytest.raises(LedgerError):
            opener.open(number, salt, sealed)
    assert cipher.seal(seq, row)[0] != salt
