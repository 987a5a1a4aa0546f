"""How the demo looks: the scene, the proof, 2019, and how to go on. Text only, no decisions."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from severally.app.cli.session import Session
from severally.app.demo.customers import mix
from severally.app.demo.results import (
    DemoResult,
    Proof,
    ProviderView,
    Replay,
    Scaled,
    SlowLane,
)
from severally.app.operations.results import Report
from severally.app.words import counted, duration, number

_SAID = {
    "slow_down": "said {} to slow down",
    "greylisted": "greylisted {}",
    "too_many_connections": "turned away a connection {}",
    "too_many_messages": "ended a connection that carried too much {}",
}


def opening(
    session: Session, customers: int, providers: Sequence[ProviderView], scaled: Scaled
) -> None:
    """Who will be told, by whom, and what is not as in real life."""
    if session.json:
        return
    console = session.console()
    console.print(
        f"[bold]{number(customers)} customers, {len(providers)} receiving providers, one notice "
        f"for {len(mix().people)} languages.[/bold]\n"
        "Real SMTP on loopback; nothing leaves this machine, and none of these people exist.\n"
    )
    grid = _grid("provider", "customers", "limit", "connections", "per connection", "mood")
    for each in providers:
        grid.add_row(
            each.provider,
            number(each.customers),
            each.rate,
            str(each.connections),
            str(each.messages_per_connection),
            ", ".join(each.moods),
        )
    console.print(grid)
    console.print(
        f"\n[dim]Scaled, so that you need not wait: a rate is {scaled.rates_times} times, and "
        f"connections are {scaled.connections_times} times,\nthe limits that Severally starts with "
        "at the real ones. Greylisting lasts "
        f"{duration(scaled.greylist_s)}, and\nwho asks to slow down names a wait of "
        f"{duration(scaled.wait_s)} (really: minutes).\nThe sender keeps to "
        f"{scaled.kept_tenths} tenths of each rate: on a busy machine seconds bunch, as minutes "
        "do not.[/dim]\n"
    )


def proof(console: Console, report: Report, proved: Proof, slowest: Sequence[SlowLane]) -> None:
    """What the sender says, and what the world's own records say."""
    console.print(
        f"\nSent in [bold]{duration(report.elapsed_s)}[/bold], estimated "
        f"{duration(report.estimate_s)} (the estimate knows the limits, not the moods)."
    )
    for lane in slowest:
        console.print(
            f"  {lane.lane}: {counted(lane.recipients, 'recipient')}, "
            f"the last after {duration(lane.ended_s)}"
        )
    console.print("\n[bold]The proof, from the providers' own records:[/bold]\n")
    grid = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    grid.add_column(justify="right")
    grid.add_column()
    grid.add_row(number(proved.messages), "messages arrived")
    grid.add_row(number(proved.mailboxes), f"of {number(proved.customers)} customers got one")
    grid.add_row(number(proved.twice), "got it twice")
    grid.add_row(number(proved.most_seen), "customer's address seen in a mailbox, at most: its own")
    grid.add_row(number(proved.strangers), "mailboxes saw somebody else's address")
    grid.add_row(number(len(proved.exceeded)), "limits of a provider exceeded")
    console.print(grid)
    for line in proved.exceeded:
        console.print(f"  [yellow]{escape(line)}[/yellow]")
    console.print()
    for provider in proved.providers:
        said = [
            words.format(counted(provider.replies[what], "time"))
            for what, words in _SAID.items()
            if what in provider.replies
        ]
        if said:
            console.print(f"  {provider.provider} {', '.join(said)}")


def closing(result: DemoResult, console: Console) -> None:
    """2019, and how to go on."""
    _replay(result.replay, console)
    if result.exit_code:
        console.print("\n[red]Something above is not as it should be.[/red]")
    if result.workspace:
        console.print(
            "\nThe workspace is kept; look at it with: "
            f"severally report --workspace {escape(result.workspace)}"
        )
    console.print(
        "\n[bold]Now with your own customers:[/bold]\n"
        "  severally init newsroom\n"
        "  cd newsroom                 # customers.csv: put your own list in its place\n"
        "  severally send index-change --audience customers.csv\n"
        "That writes into a folder. For your own relay put this into severally.toml:"
    )
    console.print(_RELAY, markup=False, end="")


_RELAY = """\
  [routes.main]
  type = "smtp"
  host = "relay.your.domain"
  tls = "starttls"
"""


def _replay(replay: Replay, console: Console) -> None:
    console.print(
        f"\n[bold]2019 again:[/bold] the same notice, composed in a hurry with "
        f"{number(replay.addresses)} addresses in one To field.\n"
        f"  Had it left: {replay.would_show}.\n"
        f"  But: [bold]{replay.state}[/bold]; {escape(replay.refusal)}.\n"
        f"  [bold]{number(replay.reached)}[/bold] messages reached a provider. The command ends "
        f"with exit code {replay.exit_code}; no setting lets it through."
    )


def _grid(*headings: str) -> Table:
    grid = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in headings:
        left = heading in ("provider", "mood")
        grid.add_column(heading, justify="left" if left else "right")
    return grid
