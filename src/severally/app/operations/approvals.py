"""Approvals: who gave their word for which digest, as the record says it.

An approval is an act for one digest; it is worth nothing for any other, so neither a change nor
another mailing can use it. After a halt the approvals begin anew.
"""

from __future__ import annotations

from severally.app.office import Office
from severally.model.mailing import Mailing, MailingState
from severally.model.proposal import parse_approval

APPROVED = MailingState.APPROVED.value


def approvals_of(office: Office, mailing: Mailing, digest: str) -> tuple[str, ...]:
    """Names of those whose approval of this digest counts now, in order; empty for unsigned."""
    names: list[str] = []
    for act in office.ledger.acts(mailing.id):
        if act.what == MailingState.HALTED.value:
            names.clear()
        elif act.what == APPROVED:
            said = parse_approval(act.detail)
            if said and said.digest == digest and act.who not in names:
                names.append(act.who)
    return tuple(names)
