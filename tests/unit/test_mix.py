"""Who a simulation tells: counts that add up, and files that are refused row by row."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from severally.app.operations import mix
from severally.model.errors import Refused


@given(st.integers(1, 10_000_000), st.integers(1, 300))
def test_a_made_up_audience_adds_up(recipients: int, domains: int) -> None:
    made = mix.made_up(recipients, domains)
    assert sum(made.values()) == recipients
    assert len(made) <= domains
    assert min(made.values()) >= 1
    assert next(iter(made)) == "gmail.com"


def test_thousands_of_domains_are_all_there() -> None:
    made = mix.made_up(100_000_000, 5_000)
    assert len(made) == 5_000
    assert made["d00001.example"] > made["d04983.example"] > 0


def test_a_file_is_read_as_it_stands(tmp_path: Path) -> None:
    file = tmp_path / "mix.csv"
    file.write_text("domain,recipients\ngmail.com,12\nEmpty.example,0\n\nx.example, 3\n", "utf-8")
    assert mix.read(file) == {"gmail.com": 12, "x.example": 3}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,count\na.example,1\n", "first row must be domain,recipients"),
        ("", "first row must be domain,recipients"),
        ("domain,recipients\n", "has no recipients"),
        ("domain,recipients\na.example,1\na.example,2\n", "row 3: names a domain a second time"),
        ("domain,recipients\na.example,-1\n", "row 2: needs a whole number"),
        ("domain,recipients\na.example,1.5\n", "row 2: needs a whole number"),
        ("domain,recipients\na.example,99999999999\n", "row 2: needs a whole number"),
        ("domain,recipients\na.example,1,2\n", "row 2: has 3 columns"),
        ("domain,recipients\n,1\n", "row 2: has no domain"),
        ('domain,recipients\n"a', "cannot be read"),
    ],
)
def test_what_is_wrong_is_named_by_row(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "mix.csv"
    file.write_text(text, "utf-8")
    with pytest.raises(Refused, match=said.replace("(", r"\(")):
        mix.read(file)


def test_a_row_with_an_address_is_refused_without_repeating_it(tmp_path: Path) -> None:
    file = tmp_path / "mix.csv"
    file.write_text("domain,recipients\nann@secret.example,1\n", "utf-8")
    with pytest.raises(Refused) as refused:
        mix.read(file)
    assert "row 2" in str(refused.value) and "secret" not in str(refused.value)


def test_many_wrong_rows_are_shown_in_part(tmp_path: Path) -> None:
    file = tmp_path / "mix.csv"
    file.write_text("domain,recipients\n" + "x y,1\n" * 30, "utf-8")
    with pytest.raises(Refused) as refused:
        mix.read(file)
    assert str(refused.value).endswith("and 10 more")


def test_a_file_that_is_not_there_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"nowhere\.csv cannot be read: No such file"):
        mix.read(tmp_path / "nowhere.csv")
