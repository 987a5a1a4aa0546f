"""What both ledgers say about what other programs hand in."""

from __future__ import annotations

from severally.model.entries import Act
from severally.model.errors import UsageError
from severally.model.submission import Submission, SubmissionState


def handed_in(submission: Submission) -> Act:
    """The act that records it; its content by the beginning of its hash."""
    detail = (
        f"{submission.way}: {submission.count:,} letters of content {submission.content.hex()[:8]}"
    )
    what = "held" if submission.state is SubmissionState.HELD else "handed in"
    return Act(submission.at, submission.id, what, detail)


def not_held(submission_id: str) -> UsageError:
    """There is nothing to decide."""
    return UsageError(f"{submission_id} is not held; `severally held list` names what is")


def doubted(waiting: bool) -> str:
    """Why letters are in doubt."""
    return "the ledger was put back" if waiting else "the guard ended while it sent them"
