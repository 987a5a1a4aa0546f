"""A mailing that what arrived had halted goes on when its cause is mended, and not before."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from tests import staged
from tests.meddling import Meddler, as_it_is, unsigned
from tests.staged import IN_DIALOGUE
from tests.workshop import Workshop, rows

from severally.app.config import load
from severally.app.office import open_office
from severally.app.operations import approving
from severally.app.wiring import Wiring
from severally.model.mailing import MailingState
from severally.model.staging import asks_a_person

PEOPLE = 40
LOOKS = 30_000


def lets_pass(root: Path, mailing: str) -> None:
    """Somebody who answers every gate until everybody is told."""
    with open_office(load(root), Wiring()) as office:
        for _ in range(LOOKS):
            if office.ledger.mailing(mailing).state is MailingState.DONE:
                return
            if asks_a_person(office.ledger.acts(mailing)):
                approving.decide(office, mailing, True, "too few to tell by")
            time.sleep(0.02)


def test_after_a_halt_its_sentinels_are_told_anew(tmp_path: Path) -> None:
    with Meddler(tmp_path / "mail", unsigned) as relay:
        shop = Workshop(tmp_path / "place", relay.port)
        staged.staged(shop, [staged.maildir_sentinel(n, "en", relay.folder) for n in "ab"])
        proposed = shop.run(
            "propose", "index-change", "--audience", shop.customers(rows(PEOPLE)), "--json"
        )
        mailing = proposed.said["mailing"]
        approve = ("approve", mailing, "--count", str(PEOPLE))
        assert shop.run(*approve).code == 0
        sent = shop.run("send", mailing, wiring=IN_DIALOGUE)
        assert (sent.code, relay.customers) == (4, 0), sent.everything
        assert shop.run("resume", mailing).code == 3, "a halt takes the approvals with it"
        assert shop.run(*approve).code == 0
        again = shop.run("resume", mailing, wiring=IN_DIALOGUE)
        assert (again.code, relay.customers) == (4, 0), "nothing was mended"
        relay.fault = as_it_is
        assert shop.run(*approve).code == 0
        somebody = threading.Thread(target=lets_pass, args=(shop.root, mailing))
        somebody.start()
        ended = shop.run("resume", mailing, "--json", wiring=IN_DIALOGUE)
        somebody.join()
        assert ended.code == 0, ended.everything
        assert relay.customers == PEOPLE
    boxes = [relay.folder / f"sentinel-{name}" / "new" for name in "ab"]
    assert [len(list(box.iterdir())) for box in boxes] == [3, 3]
    states = [
        line["state"]
        for line in shop.run("status", "--json").said["mailings"]
        if line["mailing"] != mailing
    ]
    assert states == ["done"] * 3, "one mailing to its sentinels for each time"
