"""What a simulated provider answers, without sockets."""

from __future__ import annotations

import pytest

from severally.feedback.replies import ReplyRules
from severally.model.lane import Limits, Rate
from severally.model.outcome import Action, Reply
from severally.sim.providers import Moods, Provider, Spell, shipped_providers
from severally.sim.site import No, Site

PROVIDERS = {provider.id: provider for provider in shipped_providers()}
ANNA = "anna@gmail.example"
MESSAGE = b"To: anna@gmail.example\r\nMessage-ID: <a@exchange.example>\r\n\r\nHello\r\n"


def site(moods: Moods | None = None, limits: Limits | None = None, seed: int = 1) -> Site:
    provider = PROVIDERS["google"].having(limits or Limits(), moods or Moods())
    return Site(provider, frozenset(provider.domains), seed)


def what(no: No | None) -> str | None:
    return no.what if no else None


def test_ten_providers_have_words_limits_and_a_source() -> None:
    assert len(PROVIDERS) == 10
    for provider in PROVIDERS.values():
        assert provider.source
        assert provider.limits.rate and provider.limits.connections
        assert all(domain.endswith(".example") for domain in provider.domains)


def test_a_message_is_kept_with_what_its_mailbox_can_see() -> None:
    one = site()
    assert one.dot(2.0, [ANNA], MESSAGE, 1) is None
    (arrival,) = one.record().arrivals
    assert (arrival.mailbox, arrival.to, arrival.body) == (ANNA, (ANNA,), ())
    assert (arrival.at, arrival.message_id, arrival.answered) == (2.0, "<a@exchange.example>", True)
    assert ANNA not in repr(one.record()) + repr(arrival)


def test_a_rate_lets_one_more_than_its_number_into_a_window() -> None:
    one = site(limits=Limits(rate=Rate(3, 1)))
    assert [what(one.mail(at, 0)) for at in (0.0, 0.3, 0.6, 1.0)] == [None] * 4
    assert one.record().exceeded == ()
    assert what(one.mail(1.0, 0)) == "slow_down"
    assert one.record().exceeded == ("google: 5 in a window, limit 3/s",)


def test_connections_beyond_the_limit_are_turned_away_and_counted() -> None:
    one = site(limits=Limits(connections=1))
    assert one.connect() == (1, None)
    number, no = one.connect()
    assert (number, what(no)) == (2, "too_many_connections")
    assert one.record().exceeded == ("google: 2 connections at once, limit 1",)
    one.disconnect()
    one.disconnect()
    assert what(one.connect()[1]) is None


def test_a_connection_carries_so_many_messages() -> None:
    one = site(limits=Limits(messages_per_connection=2))
    assert what(one.mail(0.0, 1)) is None
    assert one.record().exceeded == ()
    assert what(one.mail(0.0, 2)) == "too_many_messages"
    assert one.record().exceeded == ("google: 3 on one connection, limit 2",)


def test_greylisting_ends_after_its_time() -> None:
    one = site(Moods(greylisted=1.0, greylist_s=5.0))
    first = one.rcpt(10.0, ANNA)
    assert first == ("greylisted", "450 4.2.0 Greylisted, try again in 5 seconds")
    assert what(one.rcpt(14.9, ANNA)) == "greylisted"
    assert one.rcpt(15.0, ANNA) is None


def test_busy_and_broken_connections_befall_a_mailbox_once() -> None:
    one = site(Moods(busy=1.0, dropped_before_data=1.0, dropped_after_dot=1.0))
    assert what(one.rcpt(0.0, ANNA)) == "busy"
    assert one.rcpt(0.0, ANNA) is None
    assert one.data([ANNA]) == ("dropped_before_data", "")
    assert one.data([ANNA]) is None
    assert one.dot(0.0, [ANNA], MESSAGE, 1) == ("dropped_after_dot", "")
    assert [arrival.answered for arrival in one.record().arrivals] == [False]


def test_a_spell_tells_everybody_to_slow_down_for_its_time() -> None:
    one = site(Moods(spells=(Spell(after=2, for_s=3.0),), wait_s=1.5))
    assert one.mail(0.0, 0) is None
    told = one.mail(1.0, 0)
    assert told is not None
    assert told.what == "slow_down" and told.reply.endswith("Try again in 2 seconds.")
    assert what(one.mail(3.9, 0)) == "slow_down"
    assert one.mail(4.0, 0) is None


def test_no_mail_is_taken_for_others() -> None:
    assert what(site().rcpt(0.0, "anna@yahoo.example")) == "not_here"


def test_luck_depends_on_the_seed_and_the_mailbox_alone() -> None:
    mailboxes = [f"c{number}@gmail.example" for number in range(400)]
    moods = Moods(unknown=0.25)

    def unlucky(order: list[str], seed: int) -> set[str]:
        one = site(moods, seed=seed)
        return {mailbox for mailbox in order if one.rcpt(0.0, mailbox)}

    assert unlucky(mailboxes, 1) == unlucky(mailboxes[::-1], 1) != unlucky(mailboxes, 2)
    assert 60 < len(unlucky(mailboxes, 1)) < 140


def test_an_oddity_befalls_the_mailbox_it_names() -> None:
    one = site(Moods(oddities={ANNA: "unknown"}))
    assert what(one.rcpt(0.0, ANNA)) == "unknown_user"
    assert one.rcpt(0.0, "otto@gmail.example") is None


ASKS_FOR_LESS = {
    Action.SLOW,
    Action.PAUSE,
    Action.RETRY,
    Action.RCPT_LATER,
    Action.RECONNECT,
    Action.FEWER_CONNECTIONS,
}


@pytest.mark.parametrize("provider", PROVIDERS.values(), ids=lambda each: each.id)
def test_the_words_mean_to_the_sender_what_they_mean_here(provider: Provider) -> None:
    def action(reply: str) -> Action:
        text = reply.replace("{mailbox}", ANNA).replace("{wait}", "9").replace("\n", " ")
        rule = ReplyRules().rule_for(Reply(int(text[:3]), "", text[4:]), provider.id)
        assert rule is not None
        return rule.action

    words = provider.words
    assert action(words.unknown_user) in {Action.SUPPRESS, Action.FAIL}
    for reply in (words.slow_down, words.too_many_connections, words.too_many_messages):
        assert action(reply) in ASKS_FOR_LESS
    assert action(words.busy) in ASKS_FOR_LESS
    assert action(words.greylisted) is Action.RETRY
