"""How the drill looks to people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from severally.app.drill.course import ALLOWED_S, DrillResult, StepTime
from severally.app.drill.scene import FIRST, SECOND, TELEPHONES, Scene
from severally.app.words import duration

if TYPE_CHECKING:
    from rich.console import Console

    from severally.app.cli.session import Session


def opening(session: Session, scene: Scene, by_hand: bool) -> None:
    """What is there, and what to do."""
    session.say("practice: nothing leaves this machine, and nobody of these people exists")
    if not by_hand:
        return
    session.say(
        f"the workspace is {scene.root}; work in it from other terminals, as docs/drill.md says\n"
        f"{FIRST} writes and sends, {SECOND} acknowledges and reviews; their passwords lie in "
        f"{FIRST}.password and {SECOND}.password, and {TELEPHONES}/{FIRST} and "
        f"{TELEPHONES}/{SECOND} show their codes, new ones every half minute\n"
        "the time runs from now; Ctrl-C ends the drill"
    )


def line(step: StepTime) -> str:
    """One step as it is reached."""
    return f"{duration(step.at_s):>12}  (+{duration(step.took_s)})  {step.step}"


def closing(result: DrillResult, console: Console) -> None:
    """How long it took."""
    for step in result.steps:
        console.print(f"{duration(step.took_s):>12}  {step.step}")
    if not result.to_canary_s:
        console.print("the canary was not reached")
        return
    words = f"from the draft to the canary: [bold]{duration(result.to_canary_s)}[/bold]"
    console.print(f"{words} (allowed: {duration(ALLOWED_S)})")
