"""The conductor: takes staged mailings from the rehearsal through canary and ramp to everybody.

Responsible for opening steps when their gates pass, for halting when one says so, and for
writing down why. Holds nothing that a crash could lose: where a mailing stands is read from
the ledger each time. Not responsible for the gate's judgement (`stage.gates`).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from severally.deliver.evidence import evidence_of
from severally.model.delivery import DeliveryState
from severally.model.entries import Act
from severally.model.mailing import Cohort, MailingState, sentinels_of
from severally.model.observed import Orders
from severally.model.staging import NO_STEP, SEEN, StagingPlan, Step, decided_to_pass
from severally.model.urgency import MOST, Urgency, urgency_of
from severally.ports import Clock, Ledger
from severally.stage.arrival import Curve
from severally.stage.gates import Answer, Decision, Gate, SentinelSeen
from severally.stage.steps import state_at

_CONDUCTED = frozenset({MailingState.REHEARSED, MailingState.CANARY, MailingState.RAMPING})
_FIGURES = re.compile(r"[+\-±]?\d[\d.,]*")
_LEAVING = (DeliveryState.READY, DeliveryState.CLAIMED, DeliveryState.ATTEMPTING)


class Rehearsing(Protocol):
    """How far the rehearsal of a mailing has come; see `rehearsing.Rehearsal`."""

    async def go_on(self, mailing_id: str) -> None:
        """Rehearse some more of it, canary first."""
        ...

    def rehearsed(self, mailing_id: str) -> int:
        """The last step that is rehearsed whole, -1 for none."""
        ...

    def problems(self, mailing_id: str) -> Sequence[str]:
        """What would fail, by recipient id; in words."""
        ...


class Sentinels(Protocol):
    """What arrived at the sentinels; see `sentinels.SentinelWatch`."""

    async def look(
        self, mailing_id: str, plan: StagingPlan, halt_epoch: int
    ) -> Sequence[SentinelSeen]:
        """Each sentinel's message, as far as it is known now; sends them at the first call, and
        anew after each halt."""
        ...

    def waited_s(self, mailing_id: str) -> float:
        """Seconds since they were sent."""
        ...


class Conductor:
    """One per delivering process. `tick` is called again and again; see `Deliverer`."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        wall: Callable[[], float],
        off_loop: Callable[[Callable[[], Any]], Awaitable[Any]],
        rehearsing: Rehearsing,
        sentinels: Sentinels,
        curves: Callable[[], tuple[Curve, Curve]],
        hard: Callable[[str], bool],
        unfit: Callable[[str], Sequence[str]] = lambda mailing: (),
    ) -> None:
        self._ledger = ledger
        self._wall = wall
        self._off_loop = off_loop
        self._rehearsing = rehearsing
        self._sentinels = sentinels
        self._curves = curves
        self._hard = hard
        self._unfit = unfit
        self._plans: dict[str, StagingPlan | None] = {}
        self._said: dict[str, str] = {}
        self._read: dict[str, int] = {}  # halt epochs: a halt after that stands

    async def run(self, clock: Clock, poll_s: float = 0.25) -> None:
        """Tick until cancelled."""
        while True:
            await self.tick()
            await clock.sleep_until(clock.monotonic() + poll_s)

    async def tick(self) -> None:
        """Look at every staged mailing once, and do what follows."""
        orders = await self._off_loop(self._ledger.orders)
        for mailing_id, order in orders.items():
            self._read[mailing_id] = order.halt_epoch
            if order.state in _CONDUCTED:
                plan = await self._plan(mailing_id)
                if plan is not None:
                    await self._conduct(mailing_id, order, plan)

    async def _plan(self, mailing_id: str) -> StagingPlan | None:
        if mailing_id not in self._plans:
            frozen = await self._off_loop(lambda: self._ledger.frozen(mailing_id))
            self._plans[mailing_id] = frozen.staging
        return self._plans[mailing_id]

    async def _conduct(self, mailing_id: str, order: Orders, plan: StagingPlan) -> None:
        await self._rehearsing.go_on(mailing_id)
        acts = await self._off_loop(lambda: self._ledger.acts(mailing_id))
        urgency = urgency_of(acts)
        if problems := self._rehearsing.problems(mailing_id):
            await self._halt(mailing_id, f"rehearsal: {'; '.join(problems[:5])}")
        elif urgency and urgency.expired(self._wall()):
            await self._halt(mailing_id, "break-glass: an hour passed and nobody acknowledged it")
        elif order.step < 0 or order.state is MailingState.REHEARSED:
            decided = decided_to_pass(acts, NO_STEP)
            await self._before_the_first(mailing_id, order, plan, decided)
        elif order.step + 1 < len(plan.steps):
            decided = decided_to_pass(acts, order.step)
            await self._at_a_gate(mailing_id, order, plan, decided, urgency)

    # --- before anybody

    async def _before_the_first(
        self, mailing_id: str, order: Orders, plan: StagingPlan, decided: bool
    ) -> None:
        """The canary rehearsed, then the sentinels, then the first hundred; or, after a halt, all
        that was let out before it."""
        if self._rehearsing.rehearsed(mailing_id) < _last_before_a_gate(plan.steps):
            return
        if order.state is MailingState.REHEARSED:
            if not await self._fit(mailing_id):
                return
            if order.step < 0:
                await self._step_to(mailing_id, MailingState.CANARY, "")
        seen = await self._sentinels.look(mailing_id, plan, order.halt_epoch)
        if seen and (why := await self._untold(mailing_id, order.halt_epoch)):
            await self._halt(mailing_id, f"sentinel: their mailing was halted: {why}")
            return
        answers = Gate(sentinel_patience_s=plan.sentinel_patience_s).sentinels(
            seen, self._sentinels.waited_s(mailing_id)
        )
        worst = {reason.answer for reason in answers}
        words = "; ".join(reason.words for reason in answers)
        if Answer.HALT in worst:
            await self._halt(mailing_id, f"sentinel: {words}")
        elif Answer.WAIT in worst or (worst and not decided):
            answer = Answer.WAIT if Answer.WAIT in worst else Answer.PERSON
            await self._say(mailing_id, f"sentinels: {answer.value}: {words}")
        elif order.step < 0:
            await self._open(mailing_id, 0, plan, _arrived(seen))
        else:
            await self._go_on(mailing_id, order.step, plan, _arrived(seen))

    async def _go_on(self, mailing_id: str, step: int, plan: StagingPlan, why: str) -> None:
        """To where it stood before it was halted."""
        self._said.pop(mailing_id, None)
        act = Act(self._wall(), mailing_id, SEEN, why)
        await self._off_loop(lambda: self._ledger.add_act(act))
        stood = state_at(plan.steps, step)
        for state in (MailingState.CANARY, MailingState.RAMPING, MailingState.SENDING):
            await self._step_to(mailing_id, state, "")
            if state is stood:
                return

    async def _untold(self, mailing_id: str, halt_epoch: int) -> str:
        """Why the mailing to its sentinels was halted, by the guard or a person, or nothing."""
        name = sentinels_of(mailing_id, halt_epoch)
        order = (await self._off_loop(self._ledger.orders)).get(name)
        if order is None or order.state is not MailingState.HALTED:
            return ""
        reason: str = (await self._off_loop(lambda: self._ledger.mailing(name))).reason
        return reason or "no reason given"

    # --- at a gate

    async def _at_a_gate(
        self,
        mailing_id: str,
        order: Orders,
        plan: StagingPlan,
        decided: bool,
        urgency: Urgency | None,
    ) -> None:
        decision, waited_s = await self._decide(mailing_id, order, plan)
        following = plan.steps[order.step + 1]
        words = "; ".join(reason.words for reason in decision.reasons)
        if decision.answer is Answer.HALT:
            halting = [r for r in decision.reasons if r.answer is Answer.HALT]
            await self._halt(mailing_id, "; ".join(f"{r.check}: {r.words}" for r in halting))
            return
        if not await self._all_tried(mailing_id, order.step):
            return
        if await self._held_back(mailing_id, order.step + 1, plan, urgency):
            return
        if following.name == "canary":
            await self._open(mailing_id, order.step + 1, plan, "the hundred before it was tried")
        elif why := self._why_on(decision, decided, urgency):
            if self._rehearsing.rehearsed(mailing_id) >= len(plan.steps) - 1:
                gated = _next_gated(plan.steps, order.step + 1)
                if not _too_many(plan.steps, gated, urgency):
                    await self._open(mailing_id, gated, plan, f"{why}: {words}")
                else:
                    await self._open(mailing_id, order.step + 1, plan, f"{why}: {words}")
        else:
            await self._say(mailing_id, f"gate: {decision.answer.value}: {words}")
            if not following.gate and waited_s >= plan.trickle_s:
                await self._open(mailing_id, order.step + 1, plan, "trickling while undecided")

    def _why_on(self, decision: Decision, decided: bool, urgency: Urgency | None) -> str:
        """Why the mailing goes on beyond the gate; empty where it does not."""
        if decision.answer is Answer.PASS:
            return "the gate passed"
        if decision.answer is Answer.PERSON and decided:
            return "a person let it pass"
        return "break-glass" if urgency and urgency.holds(self._wall()) else ""

    async def _held_back(
        self, mailing_id: str, step: int, plan: StagingPlan, urgency: Urgency | None
    ) -> bool:
        """Whether a second person has to stand by it before this step."""
        if not _too_many(plan.steps, step, urgency):
            return False
        words = f"{MOST:,} recipients at most until a second person acknowledges it"
        await self._say(mailing_id, f"break-glass: waits: {words}")
        return True

    async def _decide(
        self, mailing_id: str, order: Orders, plan: StagingPlan
    ) -> tuple[Decision, float]:
        now = self._wall()

        def look() -> Any:
            seen = self._ledger.seen(mailing_id, order.step, now)
            mailing = self._ledger.mailing(mailing_id)
            lanes = self._ledger.lanes(mailing_id)
            return seen, mailing, lanes, self._ledger.guard_counts(mailing_id)[1]

        seen, mailing, lanes, refused = await self._off_loop(look)
        evidence = evidence_of(seen, mailing.count, lanes, refused, self._hard)
        gate = Gate(patience_s=plan.patience_s, sentinel_patience_s=plan.sentinel_patience_s)
        return gate.decide(evidence, *self._curves()), evidence.waited_s

    async def _all_tried(self, mailing_id: str, step: int) -> bool:
        """Nothing of the open steps is on its way; what was put off does not count."""

        def look() -> tuple[Sequence[Cohort], Mapping[int, Mapping[DeliveryState, int]]]:
            return self._ledger.cohorts(mailing_id), self._ledger.tally(mailing_id)

        cohorts, tally = await self._off_loop(look)
        opened = [tally.get(cohort.id, {}) for cohort in cohorts if cohort.step <= step]
        return not any(counts.get(state) for counts in opened for state in _LEAVING)

    # --- what is done

    async def _open(self, mailing_id: str, step: int, plan: StagingPlan, why: str) -> None:
        if not await self._fit(mailing_id):
            return
        now, epoch = self._wall(), self._read[mailing_id]
        self._said.pop(mailing_id, None)
        opened = await self._off_loop(
            lambda: self._ledger.open_step(mailing_id, step, now, why, halt_epoch=epoch)
        )
        last = step == len(plan.steps) - 1
        # a small mailing never ramps
        if (plan.steps[step].gate or last) and opened.state is MailingState.CANARY:
            await self._step_to(mailing_id, MailingState.RAMPING, "")
        if last:
            await self._step_to(mailing_id, MailingState.SENDING, "")

    async def _fit(self, mailing_id: str) -> bool:
        """Whether it is still what was approved; where it is not, it is halted."""
        problems = await self._off_loop(lambda: self._unfit(mailing_id))
        if problems:
            await self._halt(mailing_id, f"not what was approved: {'; '.join(problems[:5])}")
        return not problems

    async def _step_to(self, mailing_id: str, state: MailingState, reason: str) -> None:
        """Nothing where it was halted since this tick read where it stands."""
        now, epoch = self._wall(), self._read[mailing_id]
        await self._off_loop(
            lambda: self._ledger.set_state(mailing_id, state, now, reason, halt_epoch=epoch)
        )

    async def _halt(self, mailing_id: str, why: str) -> None:
        await self._step_to(mailing_id, MailingState.HALTED, why)

    async def _say(self, mailing_id: str, words: str) -> None:
        """Into the record, when what is said changes in more than its figures."""
        kind = _FIGURES.sub("", words)
        if self._said.get(mailing_id) != kind:
            self._said[mailing_id] = kind
            act = Act(self._wall(), mailing_id, "waits", words)
            await self._off_loop(lambda: self._ledger.add_act(act))


def _arrived(seen: Sequence[SentinelSeen]) -> str:
    """What is written when the first step opens: where and how soon each arrived."""
    if not seen:
        return "there are no sentinels"
    each = (f"{s.mailbox} in {s.folder} after {s.after_s:,.0f} s" for s in seen)
    return f"{len(seen)} sentinels saw what was approved: {', '.join(each)}"


def _last_before_a_gate(steps: Sequence[Step]) -> int:
    """The last step of the canary: what has to be rehearsed before it may begin."""
    canary = [index for index, step in enumerate(steps) if step.name == "canary"]
    return canary[-1] if canary else 0


def _too_many(steps: Sequence[Step], upto: int, urgency: Urgency | None) -> bool:
    """Whether one person alone may not let so many steps leave."""
    most = urgency.most() if urgency else None
    return most is not None and sum(step.count for step in steps[: upto + 1]) > most


def _next_gated(steps: Sequence[Step], first: int) -> int:
    """The first step from `first` on that has a gate; the last one where none has."""
    for index in range(first, len(steps)):
        if steps[index].gate:
            return index
    return len(steps) - 1
