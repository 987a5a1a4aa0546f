"""Every ledger's audiences: staging, repeats, freezing, looking up."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.ledger_samples import KINDS, audience, opened, row

from severally.model.errors import LedgerError, UsageError
from severally.model.staged import Duplicate, StagedRow
from severally.ports import Ledger


@pytest.fixture(params=KINDS)
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    with opened(request.param, tmp_path) as made:
        yield made


def freeze(ledger: Ledger, rows: list[StagedRow], name: str = "a-1") -> object:
    staging = ledger.stage(name)
    staging.add(rows)
    return staging.freeze("x.csv", 1.0)


def test_an_audience_is_what_was_staged(ledger: Ledger) -> None:
    frozen = audience(ledger, 10)
    assert (frozen.id, frozen.name, frozen.count) == ("a-1", "customers.csv", 10)
    assert frozen.locales == {"en": 5, "de": 5}
    assert len(frozen.content) == 64
    assert ledger.audience("a-1") == frozen
    assert ledger.receivers("a-1") == {"google": 4, "gmx": 3, "yahoo": 3}


def test_rows_stand_by_receiver_and_order_and_keep_their_seq(ledger: Ledger) -> None:
    audience(ledger, 2500)
    rows = [row(number) for number in range(2500)]
    expected = sorted(rows, key=lambda r: (r.domain, r.order))
    found = list(ledger.rows("a-1"))
    assert [(c.seq, c.salt, c.box) for c in found] == [(r.seq, r.salt, r.box) for r in expected]
    assert {(c.delivery, c.date, c.attempts) for c in found} == {(0, 0, 0)}


def test_the_root_is_the_hash_over_the_leaves_in_order(ledger: Ledger) -> None:
    frozen = audience(ledger, 20)
    by_seq = {row(number).seq: row(number).leaf for number in range(20)}
    leaves = b"".join(by_seq[claim.seq] for claim in ledger.rows("a-1"))
    assert frozen.root == hashlib.sha256(leaves).hexdigest()


def test_orders_of_the_whole_unsigned_range_sort_as_numbers(ledger: Ledger) -> None:
    orders = [2**64 - 1, 0, 2**63, 2**63 - 1, 5]
    freeze(ledger, [row(n, "google", order=order) for n, order in enumerate(orders)])
    assert [orders[claim.seq] for claim in ledger.rows("a-1")] == sorted(orders)


def test_content_depends_on_rows_and_not_on_order_salt_or_batches(ledger: Ledger) -> None:
    rows = [row(number) for number in range(9)]
    first = ledger.stage("a-1")
    first.add(rows)
    second = ledger.stage("a-2")
    for number, each in enumerate(reversed(rows)):
        second.add([row(number, print=each.print, salt=b"another salt 16b")])
    assert first.content() == second.content()
    less, twice = ledger.stage("a-3"), ledger.stage("a-4")
    less.add(rows[:-1])
    twice.add([*rows, row(9, print=rows[0].print)])
    contents = {each.content() for each in (first, less, twice)}
    assert len(contents) == 3
    for each in (first, second, less, twice):
        each.discard()


def test_a_pair_of_like_rows_does_not_cancel_out(ledger: Ledger) -> None:
    one, three = ledger.stage("a-1"), ledger.stage("a-2")
    one.add([row(0)])
    three.add([row(0), row(1, print=row(7).print), row(2, print=row(7).print)])
    assert one.content() != three.content()
    one.discard()
    three.discard()


def test_repeated_ids_are_named_with_their_rows(ledger: Ledger) -> None:
    staging = ledger.stage("a-1")
    staging.add([row(0), row(1, id="c0"), row(2)])
    staging.add([row(3, id="c2"), row(4, id="c0")])
    assert staging.repeated_ids() == [("c0", (2, 3, 6)), ("c2", (4, 5))]
    with pytest.raises(LedgerError, match="the id c0 in 3 rows"):
        staging.freeze("x.csv", 1.0)
    staging.discard()


def test_repeats_are_set_aside_all_but_the_first(ledger: Ledger) -> None:
    staging = ledger.stage("a-1")
    blind = row(0).blind
    staging.add([row(0), row(1), row(2, blind=blind), row(3, blind=blind)])
    assert staging.set_aside_repeats() == [
        Duplicate(4, 2, "c2", True),
        Duplicate(5, 2, "c3", True),
    ]
    assert staging.set_aside_repeats() == []
    without = ledger.stage("a-2")
    without.add([row(0), row(1)])
    assert staging.content() == without.content()
    without.discard()
    assert staging.freeze("x.csv", 1.0).count == 2
    assert ledger.find_recipient("a-1", "c2") is None


def test_loose_repeats_are_named_and_kept(ledger: Ledger) -> None:
    staging = ledger.stage("a-1")
    loose = row(0).loose
    same = {"loose": loose, "blind": row(0).blind}
    staging.add([row(0), row(1, loose=loose), row(2, **same), row(3, loose=loose), row(4)])
    both = [Duplicate(3, 2, "c1", False), Duplicate(5, 2, "c3", False)]
    assert staging.loose_repeats(10) == both
    assert staging.loose_repeats(1) == both[:1]
    assert staging.freeze("x.csv", 1.0).count == 5


def test_an_audience_of_nobody_is_refused(ledger: Ledger) -> None:
    staging = ledger.stage("a-1")
    with pytest.raises(LedgerError, match="no recipients"):
        staging.freeze("x.csv", 1.0)
    staging.discard()
    with pytest.raises(UsageError, match="no audience a-1"):
        ledger.audience("a-1")


def test_nothing_counts_before_it_is_frozen(ledger: Ledger) -> None:
    staging = ledger.stage("a-1")
    staging.add([row(0)])
    for look in (ledger.audience, ledger.receivers, lambda name: list(ledger.rows(name))):
        with pytest.raises(UsageError, match="no audience a-1"):
            look("a-1")
    staging.discard()
    staging.discard()
    assert audience(ledger, 1).count == 1


def test_a_frozen_audience_cannot_be_made_again(ledger: Ledger) -> None:
    audience(ledger, 1)
    with pytest.raises(LedgerError, match="an audience a-1 already"):
        ledger.stage("a-1")


def test_recipients_are_found_by_id_in_their_own_audience(ledger: Ledger) -> None:
    audience(ledger, 5)
    freeze(ledger, [row(9, box=b"another")], "a-2")
    found = ledger.find_recipient("a-1", "c3")
    assert found is not None
    assert (found.delivery, found.seq, found.salt, found.box) == (0, 3, row(3).salt, row(3).box)
    assert ledger.find_recipient("a-1", "c9") is None
    assert ledger.find_recipient("a-2", "c3") is None
    with pytest.raises(UsageError, match="no audience a-3"):
        ledger.find_recipient("a-3", "c3")


def test_sweeping_leaves_an_import_at_work_alone(ledger: Ledger) -> None:
    staging = ledger.stage("a-1")
    staging.add([row(0)])
    assert ledger.sweep() == 0
    staging.add([row(1)])
    assert staging.freeze("x.csv", 1.0).count == 2


def test_domains_are_staged_and_given_their_receivers(ledger: Ledger) -> None:
    staging = ledger.stage("a-1")
    staging.add([row(n, f"d{n % 4}.test") for n in range(12)])
    assert sorted(d for batch in staging.domains() for d in batch) == [
        f"d{n}.test" for n in range(4)
    ]
    staging.assign({"d0.test": "google", "d1.test": "google", "d2.test": "no_mail"})
    assert staging.receivers() == {"google": 6, "no_mail": 3, "d3.test": 3}
    assert staging.ids_at("google", 3) == ["c0", "c1", "c4"]
    assert staging.ids_at("nobody", 3) == []
    staging.freeze("customers.csv", 1.0)
    assert ledger.receivers("a-1") == {"google": 6, "no_mail": 3, "d3.test": 3}


def test_rows_of_one_receiver_stand_together_whatever_their_domains(ledger: Ledger) -> None:
    rows = [row(n, f"d{n % 6}.test") for n in range(60)]
    staging = ledger.stage("a-1")
    staging.add(rows)
    staging.assign({f"d{n}.test": f"r{n % 2}" for n in range(6)})
    staging.freeze("customers.csv", 1.0)
    expected = sorted(rows, key=lambda r: (f"r{r.seq % 2}", r.order))
    assert [claim.seq for claim in ledger.rows("a-1")] == [r.seq for r in expected]


def test_what_is_set_aside_counts_for_no_receiver(ledger: Ledger) -> None:
    staging = ledger.stage("a-1")
    staging.add([row(0, "d.test"), row(1, "d.test", blind=row(0).blind)])
    staging.set_aside_repeats()
    assert staging.receivers() == {"d.test": 1}


def test_many_domains_come_in_batches_while_they_are_assigned(ledger: Ledger) -> None:
    staging = ledger.stage("a-1")
    staging.add([row(n, f"d{n}.test") for n in range(12_345)])
    seen: list[str] = []
    for batch in staging.domains():
        seen += batch
        staging.assign(dict.fromkeys(batch, "everybody"))
    assert len(seen) == len(set(seen)) == 12_345
    assert staging.receivers() == {"everybody": 12_345}
