"""The shape of every verb's help: examples and exit codes below the text."""

from __future__ import annotations

EXIT_CODES = (
    (0, "every recipient is final, refused ones included; the check found nothing"),
    (1, "anything else went wrong"),
    (2, "the command or the configuration is wrong"),
    (3, "a check said no; nothing was sent"),
    (4, "halted, by a person or by the guard"),
    (5, "unfinished: some are deferred, blocked or in doubt, or Ctrl-C was pressed"),
)


def after(*examples: str, codes: tuple[int, ...] = (0, 1, 2)) -> str:
    """The end of a verb's help: its examples, and the exit codes it can end with."""
    lines = ["\b", "Examples:", *(f"  {example}" for example in examples), "", "\b", "Exit codes:"]
    lines += [f"  {code}  {meaning}" for code, meaning in EXIT_CODES if code in codes]
    return "\n".join(lines)
