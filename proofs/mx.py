"""Proof of the direct route: `make prove P=mx` prints a line for each item it shows.

Item 4: every reply rule's sample and the corpus of replies that are in no table. Item 7: one
mailing, end to end, over a name server on loopback to Postfix, maildev and two servers of the
tests', with and without MTA-STS and DANE; judged by what they received.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import json
import ssl
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests import oracle
from tests.servers import maildev as maildev_program
from tests.servers import postfix as postfix_program
from tests.servers.authority import Certified, certify
from tests.servers.maildev import Maildev, maildev
from tests.servers.nameserver import Nameserver
from tests.servers.policies import PolicyServer
from tests.servers.postfix import Postfix, postfix
from tests.smtp_sink import Conduct, Sink

from proofs import workspace
from severally.feedback.replies import ReplyRules, Windows, shipped_rules
from severally.model.outcome import Action, Origin, Reply
from severally.transport.replies import ReplyParser, kept

POSTFIX, MAILDEV, SAFE, LATIN = "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"
DOMAINS = (
    "post.test",  # Postfix, named by two domains
    "twin.test",
    "node.test",  # maildev, behind a first host that is down
    "safe.test",  # MTA-STS enforced, and kept
    "dane.test",  # a TLSA record, and it fits
    "forged.test",  # a TLSA record that does not fit
    "lax.test",  # MTA-STS enforced, and the host has no TLS
    "bare.test",  # no MX, only an address
    "null.test",  # says that it takes no mail
    "never.test",  # does not exist
)
_TLS = ("PIPELINING", "8BITMIME", "SMTPUTF8", "STARTTLS")


def heard(line: str) -> Reply:
    """A reply as the transport hands it on."""
    (reply,) = ReplyParser().feed(f"{line[:3]} {line[4:]}\r\n".encode())
    return kept(reply)


def item_4() -> None:
    """Raises AssertionError where a reply is misunderstood."""
    rules, samples = ReplyRules(), 0
    for file in shipped_rules():
        for rule in file.rule:
            for receiver in file.receivers or ("mx.somewhere.test",):
                found = rules.rule_for(heard(rule.sample), receiver)
                assert found is not None and found.id == rule.id, rule.id
            samples += 1
    corpus = Path(__file__).parents[1] / "tests" / "corpus" / "replies.toml"
    told: Counter[str] = Counter()
    harmed = 0
    replies = tomllib.loads(corpus.read_text("utf-8"))["reply"]
    origin = Origin("mx.somewhere.test", "main/mx.somewhere.test", "m-1")
    for row in replies:
        verdict = rules.classify(heard(row["says"]), origin, 0.0, Windows())
        assert verdict.action == row["action"], row["from"]
        told[verdict.action.value] += 1
        limited = row["action"] in ("pause", "slow", "fewer_connections", "rcpt_later")
        harmed += limited and verdict.action is Action.SUPPRESS
    speed = sum(row["action"] == "pause" and row["says"][0] == "5" for row in replies)
    print(
        f"item 4: {samples} rules, each reached by its own sample; {len(replies)} replies in no "
        f"table classified as expected ({', '.join(f'{n} {a}' for a, n in told.most_common())}); "
        f"{speed} rate limits said with 5xx, {harmed} recipients suppressed for them"
    )


@dataclass
class Place:
    """Everything the mailing meets."""

    names: Nameserver
    policies: PolicyServer
    certified: Certified
    postfix: Postfix
    maildev: Maildev
    safe: Sink
    plain: Sink
    port: int


@contextlib.contextmanager
def servers(folder: Path) -> Iterator[Place]:
    """Two servers that are not ours, two of the tests', a name server and a policy server."""
    certified = certify(folder, "mx.safe.test", "mta-sts.safe.test", "mta-sts.lax.test")
    context = tls(certified)
    with contextlib.ExitStack() as stack:
        plain = stack.enter_context(Sink(address=LATIN))
        place = Place(
            stack.enter_context(Nameserver()),
            stack.enter_context(PolicyServer(certified)),
            certified,
            stack.enter_context(postfix(False, address=POSTFIX, port=plain.port)),
            stack.enter_context(maildev(MAILDEV, plain.port)),
            stack.enter_context(Sink(Conduct(extensions=_TLS, tls=context), SAFE, plain.port)),
            plain,
            plain.port,
        )
        publish(place)
        yield place


def tls(certified: Certified) -> ssl.SSLContext:
    """What the tests' encrypting server shows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certified.certificate, certified.key)
    return context


def publish(place: Place) -> None:
    """The names of this small internet."""
    names = place.names
    names.mail("post.test", mx1=POSTFIX)
    names.add("twin.test", "MX", "10 mx1.post.test.")
    names.add("node.test", "MX", "10 down.node.test.", "20 up.node.test.")
    names.add("down.node.test", "A", "127.0.0.9")
    names.add("up.node.test", "A", MAILDEV)
    names.mail("safe.test", mx=SAFE)
    names.mail("lax.test", mx=LATIN)
    names.add("bare.test", "A", LATIN)
    names.add("null.test", "MX", "0 .")
    for domain in ("safe.test", "lax.test"):
        names.add(f"_mta-sts.{domain}", "TXT", '"v=STSv1; id=1;"')
        names.add(f"mta-sts.{domain}", "A", "127.0.0.1")
        place.policies.texts[domain] = (
            f"version: STSv1\nmode: enforce\nmx: mx.{domain}\nmax_age: 86400\n"
        )
    certificate = x509.load_pem_x509_certificate(place.certified.certificate.read_bytes())
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    digests = {"dane.test": hashlib.sha256(key).hexdigest(), "forged.test": "ab" * 32}
    for domain, digest in digests.items():
        names.mail(domain, mx=SAFE)
        tlsa = f"_{place.port}._tcp.mx.{domain}"
        names.add(tlsa, "TLSA", f"3 1 1 {digest}")
        names.secure.update((domain, f"mx.{domain}", tlsa))


def item_7(folder: Path, count: int, patient: bool = True) -> None:
    """Raises AssertionError where something went to the wrong place, in clear, or twice.

    Without `patient` what is deferred is given up at once, so that the mailing ends by itself.
    """
    with servers(folder) as place:
        route = (
            f'type = "mx"\nresolver = "{place.names.address}"\nport = {place.port}\n'
            f'ca_file = "{place.certified.ca}"\nsts_port = {place.policies.port}\n'
        )
        more = '[limits.other]\nrate = "0"\nconnections = 4\n[retries]\nfirst = "1h"\n'
        more += "" if patient else 'give_up = "1s"\n'
        home = workspace.make(folder / "place", count, route, more)
        addresses = resettle(home / "customers.csv")
        until = ("--until", "+60s") if patient else ()
        arguments = ("send", "index-change", "--audience", "customers.csv", "--json", *until)
        done = workspace.severally(home, *arguments, code=5 if patient else 0)
        place.postfix.settle()
        waiting = "deferred" if patient else "expired"
        judge(place, json.loads(done.stdout), addresses, done.stderr, waiting)


def resettle(file: Path) -> dict[str, str]:
    """Move the customers to this proof's domains in turn; address -> domain."""
    with file.open(encoding="utf-8", newline="") as source:
        heading, *rows = list(csv.reader(source))
    at = heading.index("email")
    for number, row in enumerate(rows):
        row[at] = f"customer.{number}@{DOMAINS[number % len(DOMAINS)]}"
    with file.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows([heading, *rows])
    return {row[at]: row[at].partition("@")[2] for row in rows}


def judge(
    place: Place,
    report: dict[str, object],
    addresses: dict[str, str],
    said: str,
    state: str,
) -> None:
    """Who got what, by the servers' own records."""
    each = Counter(addresses.values())
    got = {
        "Postfix": [m.recipient for m in oracle.maildir(place.postfix.inbox)],
        "maildev": [m.recipient for m in place.maildev.received()],
        "TLS host": [m.rcpt_to[0] for m in place.safe.received],
        "plain host": [m.rcpt_to[0] for m in place.plain.received],
    }
    at = {server: Counter(addresses[a] for a in found) for server, found in got.items()}
    assert at["Postfix"] == Counter({d: each[d] for d in ("post.test", "twin.test")}), at
    assert at["maildev"] == Counter({"node.test": each["node.test"]}), at
    assert at["TLS host"] == Counter({d: each[d] for d in ("safe.test", "dane.test")}), at
    assert at["plain host"] == Counter({"bare.test": each["bare.test"]}), at
    everything = [address for found in got.values() for address in found]
    assert len(everything) == len(set(everything))
    counts = report["counts"]
    assert isinstance(counts, dict)
    dead = each["null.test"] + each["never.test"]
    waiting = each["forged.test"] + each["lax.test"]
    assert counts["accepted"] == len(everything)
    assert (counts["refused"], counts[state]) == (dead, waiting), counts
    secure = sum(b"with ESMTPS " in m.raw for m in oracle.maildir(place.postfix.inbox))
    assert secure == len(got["Postfix"])
    assert place.safe.encrypted == place.safe.connections > 0
    lanes = report["lanes"]
    assert isinstance(lanes, list)
    names = sorted(str(lane["lane"]).removeprefix("main/") for lane in lanes)
    where = ", ".join(f"{server} {len(found)}" for server, found in got.items())
    print(
        f"item 7: {len(addresses)} recipients at {len(DOMAINS)} domains by DNS on loopback, lanes "
        f"{', '.join(names)}: received {where}; nobody twice, nobody at a wrong server; Postfix "
        f"over TLS {secure} of {secure}; {dead} at dead domains refused without a connection and "
        f"named before the send ({'cannot be reached by mail' in said}); {waiting} behind an "
        f"MTA-STS policy or a TLSA record that their host does not meet {state}, 0 of them sent"
    )


def main() -> None:
    """Both items."""
    item_4()
    for name, program in (("Postfix", postfix_program), ("maildev", maildev_program)):
        if why := program.unavailable():
            raise SystemExit(f"item 7: not shown, {name} cannot be started here: {why}")
    with tempfile.TemporaryDirectory() as folder:
        item_7(Path(folder), 500)


if __name__ == "__main__":
    main()
