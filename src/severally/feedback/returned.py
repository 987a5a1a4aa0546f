"""A message that came back, read: what it is, about whom, and what was said.

Delivery reports by RFC 3464 and RFC 6533, feedback reports by RFC 5965 and Outlook's JMRP,
Exim's and qmail's own forms, and whatever flufl.bounce knows. Answers of machines are told apart.
Nothing here decides which delivery it is about: `deliver.intake` asks our own token.
"""

from __future__ import annotations

import email
import logging
import re
from collections.abc import Collection, Iterator
from email.message import Message
from enum import StrEnum

import msgspec
from flufl.bounce import all_failures

from severally.feedback.fields import Group, groups_of, words_of
from severally.feedback.parts import beginning, body_text, field, headers_of_original, parts_of

_MOST_GROUPS = 100
# a detector that fails on a damaged message logs its traceback, which nobody needs to see
logging.getLogger("flufl.bounce").addHandler(logging.NullHandler())
logging.getLogger("flufl.bounce").propagate = False
_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_CODE = re.compile(r"(?:^|[\s:;(#<-])([245]\d\d)(?=[\s#-])")
_AUTO_SUBJECT = re.compile(
    r"^\W*(auto(matic|mated)?[- :_]*(re(ply|sponse)|answer)|out of (the )?office|vacation|"
    r"abwesen|automatische antwort|r[ée]ponse automatique|absen[ct]|respuesta autom|"
    r"resposta autom|risposta automatica|автоответ|автоматический ответ|自動返信|自动回复|自动答复|"
    r"automatisch antwoord|autosvar|odpowied[zź] automatyczna|otomatik yan)",
    re.IGNORECASE,
)
_BOUNCE_SUBJECT = re.compile(
    r"undeliver|delivery (status|fail|notif|problem|report|has)|return(ed|ing) (mail|message|to)|"
    r"failure notice|mail (delivery|system)|non.?deliver|could not be delivered|unzustellbar|"
    r"nicht zugestellt|échec|non remis|no se (pudo|puede) entregar|devuel|mancata consegna|"
    r"недостав|не доставлен|退信|配信(不能|エラー)|届けられません|niet bezorgd|olever|niedoręcz",
    re.IGNORECASE,
)
_DAEMON = re.compile(r"mailer-?daemon|postmaster|mail delivery|double-bounce|<>|mdaemon", re.I)


class Form(StrEnum):
    """What kind of message it is."""

    REPORT = "dsn"
    BOUNCE = "bounce"
    """A bounce of no standard form."""
    COMPLAINT = "arf"
    ANSWER = "answer"
    """A vacation notice, a receipt: nothing to do."""
    UNKNOWN = "unknown"
    """Kept for a person."""


class Said(msgspec.Struct, frozen=True):
    """What is said about one recipient. `action` is RFC 3464's: failed, delayed, delivered,
    relayed, expanded. `code` is the SMTP code, 0 where none was said."""

    action: str
    status: str = ""
    words: str = ""
    code: int = 0
    recipient: str = ""


class Returned(msgspec.Struct, frozen=True):
    """One message, read. `original` holds the header fields of ours that it brings back.

    `said` is empty for answers and unknown forms. `feedback` is an ARF report's type.
    """

    form: Form
    said: tuple[Said, ...] = ()
    feedback: str = ""
    original: str = ""


def read(raw: bytes) -> Returned:
    """Never raises: whatever cannot be read is of unknown form."""
    try:
        return _read(email.message_from_bytes(raw))
    except Exception:
        # neither the standard library's parser nor flufl.bounce says what broken input can raise
        return Returned(Form.UNKNOWN)


def _read(message: Message) -> Returned:
    parts = list(parts_of(message))
    original = headers_of_original(parts)
    if feedback := _feedback(message, parts):
        return Returned(Form.COMPLAINT, (), feedback, original)
    if said := tuple(_reported(parts)):
        return Returned(Form.REPORT, said, "", original)
    if any(part.get_content_subtype() == "disposition-notification" for part in parts):
        return Returned(Form.ANSWER)
    if said := tuple(_worded(message, parts)):
        return Returned(Form.BOUNCE, said, "", original or body_text(parts))
    return Returned(Form.ANSWER if _is_answer(message) else Form.UNKNOWN, (), "", original)


# --- complaints


def _feedback(message: Message, parts: list[Message]) -> str:
    """The type of a feedback report (RFC 5965 3.1); `abuse` for Outlook's form."""
    for part in parts:
        if part.get_content_type() == "message/feedback-report":
            found = next(iter(groups_of(part)), {})
            return found.get("feedback-type", "other").strip().lower() or "other"
    heads = [message, *(part for part in parts if part.get_content_maintype() == "message")]
    outlook = "x-hmxmroriginalrecipient"
    for head in heads:
        inner = head.get_payload()
        below = inner if isinstance(inner, list) else []
        if any(outlook in each for each in (head, *below) if isinstance(each, Message)):
            return "abuse"
    return ""


# --- delivery reports


def _reported(parts: list[Message]) -> Iterator[Said]:
    """RFC 3464 2.3, RFC 6533 4: one group for each recipient, after the one of the message."""
    for part in parts:
        if part.get_content_type() in _STATUSES:
            groups = list(groups_of(part))[:_MOST_GROUPS]
            whole = beginning(parts)
            for group in groups:
                if "final-recipient" in group or "action" in group or "status" in group:
                    yield _from_group(group, whole)


_STATUSES = ("message/delivery-status", "message/global-delivery-status")


def _from_group(group: Group, whole: str) -> Said:
    words = words_of(group.get("diagnostic-code", ""))
    status = _first(_STATUS, group.get("status", "")) or _first(_STATUS, words)
    inner = _first(_STATUS, words)
    if inner and status.endswith(".0.0"):
        status = inner
    recipient = words_of(group.get("original-recipient") or group.get("final-recipient", ""))
    action = group.get("action", "").strip().lower().partition(" ")[0]
    if not action:
        action = "delayed" if status.startswith("4") else "failed"
    return Said(action, status, words or whole, _code(words), recipient)


# --- bounces of no standard form


def _worded(message: Message, parts: list[Message]) -> Iterator[Said]:
    """Exim names the recipients in a field; for the others there is flufl.bounce."""
    words = beginning(parts)
    failed = field(message, "x-failed-recipients")
    passing: Collection[bytes] = ()
    final: Collection[bytes] = ()
    if not failed:
        passing, final = all_failures(message)
        if passing and not final:
            yield Said("delayed", words=words)
            return
        if not final and not _looks_like_a_bounce(message, words):
            return
    status = _first(_STATUS, words)
    known = failed.split(",")[0].strip() or min((each.decode("utf-8", "replace") for each in final),
                                                default="")  # fmt: skip
    yield Said("failed", status, words, _code(words), known)


def _looks_like_a_bounce(message: Message, words: str) -> bool:
    """Sent by a mail system, with the subject of a bounce or a reply of SMTP in it."""
    sent_by = f"{field(message, 'from')} {field(message, 'return-path')}"
    if not _DAEMON.search(sent_by) or _is_answer(message):
        return False
    return bool(_BOUNCE_SUBJECT.search(field(message, "subject")) or _code(words))


# --- answers of machines


def _is_answer(message: Message) -> bool:
    """RFC 3834 5, and what is used in its place."""
    submitted = field(message, "auto-submitted").lower()
    precedence = field(message, "precedence").lower()
    return (
        submitted.startswith(("auto-replied", "auto-generated", "auto-notified"))
        or precedence in ("auto_reply", "bulk", "junk", "list")
        or any(name in message for name in _ANSWER_FIELDS)
        or bool(_AUTO_SUBJECT.search(field(message, "subject")))
    )


_ANSWER_FIELDS = ("x-autoreply", "x-autorespond", "x-autoresponder", "x-mail-autoreply",
                  "x-vacation", "x-ms-exchange-inbox-rules-loop")  # fmt: skip


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""


def _code(words: str) -> int:
    return int(_first(_CODE, words) or 0)
