"""What Gmail, Yahoo and Microsoft reject bulk mail for, from what was looked at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from severally.app.preflight.asking import Check, Result, failed, passed, unknown

_AUTHENTICATED = ("SPF", "DKIM", "DMARC", "alignment")


class BulkRule(msgspec.Struct, frozen=True):
    """A receiver's rules for bulk senders: its lanes' name here, what it asks for, where it says
    so."""

    receiver: str
    label: str
    needs: tuple[str, ...]
    source: str


RULES = (
    BulkRule("google", "Gmail", (*_AUTHENTICATED, "PTR", "one-click"),
             "Google, Email sender guidelines (81126), 2026-03"),
    BulkRule("yahoo", "Yahoo", (*_AUTHENTICATED, "PTR", "one-click"),
             "Yahoo, sender requirements, 2025-04"),
    BulkRule("microsoft", "Microsoft", _AUTHENTICATED,
             "Outlook.com Postmaster, 2026-06: else 550 5.7.515"),
)  # fmt: skip


def judged(checks: Iterable[Check]) -> list[Check]:
    """One check for each receiver: what of its rules fails."""
    by_need: dict[str, list[Result]] = {}
    for check in checks:
        by_need.setdefault(check.name.partition(" ")[0], []).append(check.result)
    return [_one(rule, by_need) for rule in RULES]


def _one(rule: BulkRule, found: Mapping[str, list[Result]]) -> Check:
    """Of several DKIM keys one that holds is enough."""
    bad = [need for need in rule.needs if _fails(need, found.get(need, []))]
    if bad:
        why = f"rejects for {', '.join(bad)} ({rule.source})"
        return failed(rule.label, why, "mend what fails above")
    open_ = [need for need in rule.needs if Result.UNKNOWN in found.get(need, [])]
    if open_:
        return unknown(rule.label, f"not known: {', '.join(open_)}")
    return passed(rule.label, f"its rules for bulk mail are kept ({rule.source})")


def _fails(need: str, results: list[Result]) -> bool:
    if need == "one-click" and not results:
        return False
    if need == "DKIM":
        return not results or all(each is Result.FAIL for each in results)
    return Result.FAIL in results


def rejecting(checks: Iterable[Check], receivers: Iterable[str]) -> list[str]:
    """The receivers of these that would reject, by label."""
    labels = {rule.label: rule.receiver for rule in RULES}
    wanted = set(receivers)
    return [
        check.name
        for check in checks
        if check.result is Result.FAIL and labels.get(check.name) in wanted
    ]
