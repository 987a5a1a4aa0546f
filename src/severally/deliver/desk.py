"""The desk of the drop-in guard: a request is judged, and refused, held, or kept to be sent.

Responsible for what may be taken, and that what was taken is on disk before anybody is told so.
Not for protocols (`submit`) nor for sending (`passage`).
"""

from __future__ import annotations

import datetime
import hmac
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import msgspec

from severally.guard.disclosure import Disclosure, NotUnderstood
from severally.guard.passing import pass_on
from severally.model.entries import Act
from severally.model.envelope import Refusal, SmtpPayload
from severally.model.errors import LedgerError
from severally.model.submission import Boxed, Submission, SubmissionState
from severally.ports import Keys, Ledger, RowCipher
from severally.submit import draft as d
from severally.submit.draft import Draft, Read, Unread, Unsupported, Why
from severally.submit.likeness import likeness
from severally.submit.writing import mailbox, written


class Rules(msgspec.Struct, frozen=True):
    """What holds for what is handed in. `split`: a request that would leak becomes one private
    message for each recipient, in order, instead of being refused.

    `most` recipients of one content (0: no limit) in `window_s` seconds, then it is held.
    `may_show` are addresses, or `*@domain`, that anybody may read (a support desk's).
    """

    split: bool = False
    most: int = 500
    window_s: float = 3600.0
    may_show: frozenset[str] = frozenset()
    return_path: str = ""


class Handed(msgspec.Struct, frozen=True):
    """What was handed in, and who can say what it is. `once`: the program's own name for this
    request, by which a second one is known."""

    way: str
    cure: str
    judge: Callable[[], Disclosure]
    read: Callable[[], Read]
    once: str = ""


class Taken(msgspec.Struct, frozen=True):
    """It is kept. `ids` are Message-IDs without brackets, for each draft and recipient."""

    submission: str
    read: Read
    ids: tuple[tuple[str, ...], ...]
    held: bool = False
    split: bool = False


@dataclass(frozen=True)
class Desk:
    """Takes requests from any thread. `allowed` says whether mail may go to a domain; `stamp`
    makes an id; `told` is given one line for the operator, without an address."""

    ledger: Ledger
    keys: Keys
    cipher: Callable[[bytes, str], RowCipher]
    wall: Callable[[], float]
    stamp: Callable[[], str]
    allowed: Callable[[str], bool]
    rules: Rules
    told: Callable[[str], None]

    def hand_in(self, handed: Handed) -> Taken | Why:
        """Judge it, keep it, and say what became of it. Never raises."""
        try:
            result = self._hand_in(handed)
        except (Unread, NotUnderstood) as error:
            result = Why(d.UNREAD, str(error))
        except Unsupported as error:
            result = Why(d.UNSUPPORTED, str(error))
        except LedgerError as error:
            self.told(f"{handed.way}: not taken: {error}")
            return Why(d.TROUBLE, "the record could not be written; nothing was taken")
        if isinstance(result, Why):
            self._refuse(handed, result)
        return result

    def moment(self) -> datetime.datetime:
        """Now, for trace fields and answers."""
        return datetime.datetime.fromtimestamp(self.wall(), datetime.UTC)

    def _refuse(self, handed: Handed, why: Why) -> None:
        self.told(f"{handed.way}: refused ({why.kind}): {why.words}")
        if why.kind != d.HALTED:
            act = Act(self.wall(), "", "refused", f"{handed.way}: {why.words}")
            try:
                self.ledger.add_act(act)
            except LedgerError as error:
                self.told(f"the refusal could not be recorded: {error}")

    def _hand_in(self, handed: Handed) -> Taken | Why:
        if reason := self.ledger.guard_halt():
            return Why(d.HALTED, f"halted: {reason}; nothing is taken until an operator resumes")
        found = handed.judge()
        read = handed.read()
        split = not found.private
        if split and not self.rules.split:
            return Why(d.LEAK, f"{found.words()}, so nothing was sent; {handed.cure}")
        name = self._name(handed)
        payloads, ids = self._write(read.drafts, name, split)
        if why := self._judge(payloads, found, read.drafts):
            return why
        taken = Taken(name, read, ids, split=split)
        return taken if read.rehearsal else self._keep(handed, taken, payloads)

    # --- writing

    def _name(self, handed: Handed) -> str:
        if not handed.once:
            return self.stamp()
        return f"g-{hmac.digest(self.keys.print_key(), handed.once.encode(), 'sha256').hex()[:16]}"

    def _write(
        self, drafts: Sequence[Draft], name: str, split: bool
    ) -> tuple[list[SmtpPayload], tuple[tuple[str, ...], ...]]:
        key, date = self.keys.token_key(name), self.wall()
        payloads: list[SmtpPayload] = []
        ids: list[tuple[str, ...]] = []
        for draft in drafts:
            sender = mailbox(draft.sender.address) if draft.sender.address else ""
            own: list[str] = []
            for party in draft.everyone:
                digest = hmac.digest(key, b"%d" % len(payloads), "sha256")[:16]
                domain = sender.rpartition("@")[2] or "localhost"
                own.append(f"{uuid.UUID(bytes=digest, version=4)}@{domain}")
                box = mailbox(party.address)
                message = written(draft, party, own[-1], date, readdress=split)
                back = self.rules.return_path or sender
                utf8 = not (box + back).isascii()
                payloads.append(SmtpPayload(back, (box,), message, utf8))
            ids.append(tuple(own))
        return payloads, tuple(ids)

    # --- judging what was written

    def _judge(
        self, payloads: Sequence[SmtpPayload], found: Disclosure, drafts: Sequence[Draft]
    ) -> Why | None:
        """Whatever the request looked like, these are the bytes that would leave."""
        written_to = {payload.rcpt_to[0].lower() for payload in payloads}
        if written_to != {_plain(box) for box in found.visible}:
            return Why(d.UNREAD, "two readings of the request differ in whom it goes to")
        outside = sum(not self.allowed(box.rpartition("@")[2]) for box in written_to)
        if outside:
            words = f"{outside:,} recipients are outside what this trial workspace sends to"
            return Why(d.NOT_ALLOWED, words)
        senders = {p.address.lower() for each in drafts for p in (each.sender, *each.reply_to)}
        seen: set[str] = set()
        for number, payload in enumerate(payloads):
            result, shown = pass_on(payload, number, written_to - senders)
            if isinstance(result, Refusal):
                return Why(d.LEAK, f"{result.reason}, so nothing was sent; {_CURE}")
            seen |= shown
        return self._known(seen - senders)

    def _known(self, seen: Iterable[str]) -> Why | None:
        """Addresses of people who were written to before, in a message to somebody else."""
        unknown = [box for box in seen if not self._may_show(box)]
        count = self.ledger.recipients_among([self.keys.blind(box) for box in unknown])
        if not count:
            return None
        words = f"a message shows {count:,} addresses of others who were written to"
        return Why(d.LEAK, f"{words}, so nothing was sent; {_CURE}, or list them under may_show")

    def _may_show(self, box: str) -> bool:
        return bool({box, f"*@{box.rpartition('@')[2]}"} & self.rules.may_show)

    # --- keeping

    def _keep(self, handed: Handed, taken: Taken, payloads: Sequence[SmtpPayload]) -> Taken:
        name, now = taken.submission, self.wall()
        cipher = self.cipher(self.keys.audience_key(name), name)
        letters = [
            Boxed(
                seq,
                self.keys.blind(payload.rcpt_to[0].casefold()),
                *cipher.seal(seq, _encode(payload)),
            )
            for seq, payload in enumerate(payloads)
        ]
        content = likeness(taken.read.drafts[0])
        submission = Submission(name, handed.way, now, content, len(letters))
        since = now - self.rules.window_s
        kept = self.ledger.hand_in(submission, letters, self.rules.most, since)
        how = " split into one message each," if taken.split else ""
        if kept.state is SubmissionState.HELD:
            self.told(
                f"{handed.way}: {name},{how} {len(letters):,} letters of one content, is held; an "
                f"operator decides: severally held release {name}, or severally held discard {name}"
            )
            return msgspec.structs.replace(taken, held=True)
        self.told(f"{handed.way}: {name},{how} {len(letters):,} letters taken")
        return taken


_CURE = "write to each recipient without naming another"
_encode = msgspec.msgpack.Encoder().encode


def _plain(box: str) -> str:
    return mailbox(box).lower()
