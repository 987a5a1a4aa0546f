"""How urgent messages, their notices and keys look to people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from severally.app.words import duration, moment, number

if TYPE_CHECKING:
    from rich.console import Console

    from severally.app.urgent import keys, notices, sending
    from severally.model.urgent import UrgentNotice


def proposed(result: UrgentNotice, console: Console) -> None:
    """`urgent propose`."""
    _notice(result, console)
    if not result.approved_at:
        console.print(
            f"somebody else approves it with: severally urgent approve {result.name} "
            f"--digest {result.short}"
        )


def approved(result: UrgentNotice, console: Console) -> None:
    """`urgent approve`."""
    _notice(result, console)
    console.print("approved: it may be sent any number of times from now on")


def _notice(result: UrgentNotice, console: Console) -> None:
    console.print(
        f"[bold]{result.name}[/bold] on {result.event}, for {duration(result.expires_s)} each; "
        f"digest {result.short}"
    )


def listed(result: notices.UrgentNotices, console: Console) -> None:
    """`urgent list`."""
    if not result.notices:
        console.print("no urgent notice yet; a first one: severally urgent approve NOTICE")
        return
    grid = _grid("notice", "event", "digest", "proposed", "approved", "by")
    for one in result.notices:
        grid.add_row(
            one.name, one.event, one.short, moment(one.proposed_at), moment(one.approved_at),
            one.approved_by,
        )  # fmt: skip
    console.print(grid)


def story(result: sending.UrgentStory, console: Console) -> None:
    """`urgent send`, `urgent show`."""
    doubt = "; perhaps more than once, with one Message-ID" if result.possible_duplicate else ""
    console.print(f"{result.id}: [bold]{result.state}[/bold]{doubt}")
    grid = _grid("when", "what", "route", "said")
    for each in result.happenings:
        grid.add_row(moment(each.at), each.what, each.route, escape(each.text))
    console.print(grid)


def key_made(result: keys.KeyMade, console: Console) -> None:
    """`key make`: the one time it is seen."""
    console.print(f"{result.id} ({escape(result.name)}), scope {result.scope}, until", end=" ")
    console.print(moment(result.expires_at))
    console.print("shown this once:")
    console.print(f"  {result.secret}", markup=False, soft_wrap=True)


def keys_listed(result: keys.KeyList, console: Console) -> None:
    """`key list`."""
    if not result.keys:
        console.print("no key yet; a first one: severally key make NAME")
        return
    grid = _grid("key", "name", "scope", "a minute", "made", "until", "revoked")
    for one in result.keys:
        grid.add_row(
            one.id, escape(one.name), one.scope, number(one.per_minute), moment(one.made_at),
            moment(one.expires_at), moment(one.revoked_at),
        )  # fmt: skip
    console.print(grid)


def key_revoked(result: keys.KeyRevoked, console: Console) -> None:
    """`key revoke`."""
    console.print(f"revoked {result.id}; it opens nothing from now on")


def _grid(*headings: str) -> Table:
    grid = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in headings:
        grid.add_column(heading)
    return grid
