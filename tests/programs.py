"""Programs as people have them: official and popular clients, each told one other host name.

A program takes a guard and its recipients, sends, and says whether it was told of success.
"""

from __future__ import annotations

import email.message
import json
import shutil
import smtplib
import ssl
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.guarded import KEY, Guarded, environment
from tests.servers.maildev import NODE

FROM = "us@exchange.example"
TEXT = "Our index changes on Monday, and your positions with it."
NPM = Path(__file__).parent / "servers" / "npm" / "node_modules"

Program = Callable[[Guarded, Sequence[str]], bool]


class Unavailable(Exception):
    """It cannot be had here."""


# --- SendGrid's own


def _sendgrid(guard: Guarded, mail: Any) -> bool:
    from python_http_client.exceptions import HTTPError
    from sendgrid import SendGridAPIClient

    try:
        status = SendGridAPIClient(KEY, host=guard.url).send(mail).status_code
    except HTTPError as error:
        said = json.loads(error.body)["errors"][0]
        assert "would see" in said["message"], said
        return False
    return bool(status == 202)


def _mail(**more: Any) -> Any:
    from sendgrid.helpers.mail import Mail

    return Mail(from_email=FROM, subject="Index change", plain_text_content=TEXT, **more)


def sendgrid_list(guard: Guarded, people: Sequence[str]) -> bool:
    """The 2019 call: `Mail(to_emails=[...])`."""
    return _sendgrid(guard, _mail(to_emails=list(people)))


def sendgrid_substitutions(guard: Guarded, people: Sequence[str]) -> bool:
    """`To(..., substitutions=)`, which still puts everybody into one personalization."""
    from sendgrid.helpers.mail import To

    rows = [To(person, substitutions={"-n-": str(n)}) for n, person in enumerate(people)]
    return _sendgrid(guard, _mail(to_emails=rows))


def sendgrid_multiple(guard: Guarded, people: Sequence[str]) -> bool:
    return _sendgrid(guard, _mail(to_emails=list(people), is_multiple=True))


def sendgrid_personalizations(guard: Guarded, people: Sequence[str]) -> bool:
    from sendgrid.helpers.mail import Personalization, To

    mail = _mail()
    for person in people:
        row = Personalization()
        row.add_to(To(person))
        mail.add_personalization(row)
    return _sendgrid(guard, mail)


def sendgrid_cc(guard: Guarded, people: Sequence[str]) -> bool:
    from sendgrid.helpers.mail import Cc

    mail = _mail(to_emails=people[0])
    for person in people[1:]:
        mail.add_cc(Cc(person))
    return _sendgrid(guard, mail)


# --- Amazon's own


def _ses(guard: Guarded, call: Callable[[Any], Any]) -> bool:
    import boto3
    from botocore.config import Config

    client = boto3.client(
        "sesv2",
        region_name="eu-west-1",
        endpoint_url=guard.url,
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key=KEY,
        config=Config(proxies={}),
    )
    try:
        call(client)
    except client.exceptions.MessageRejected as error:
        assert "would see" in str(error)
        return False
    finally:
        client.close()
    return True


_SIMPLE = {"Simple": {"Subject": {"Data": "Index change"}, "Body": {"Text": {"Data": TEXT}}}}


def ses_send(guard: Guarded, people: Sequence[str]) -> bool:
    to = {"ToAddresses": list(people)}
    send = {"FromEmailAddress": FROM, "Destination": to, "Content": _SIMPLE}
    return _ses(guard, lambda client: client.send_email(**send))


def ses_each(guard: Guarded, people: Sequence[str]) -> bool:
    return all(ses_send(guard, [person]) for person in people)


def ses_raw(guard: Guarded, people: Sequence[str]) -> bool:
    raw = {"Raw": {"Data": finished(people).as_bytes()}}
    return _ses(guard, lambda client: client.send_email(Content=raw))


def ses_bulk(guard: Guarded, people: Sequence[str]) -> bool:
    return _ses_bulk(guard, [[person] for person in people])


def ses_bulk_together(guard: Guarded, people: Sequence[str]) -> bool:
    return _ses_bulk(guard, [people])


def _ses_bulk(guard: Guarded, groups: Sequence[Sequence[str]]) -> bool:
    template = {"TemplateContent": {"Subject": "Index change", "Text": f"{TEXT} {{{{n}}}}"}}
    entries = [
        {
            "Destination": {"ToAddresses": list(group)},
            "ReplacementEmailContent": {
                "ReplacementTemplate": {"ReplacementTemplateData": json.dumps({"n": n})}
            },
        }
        for n, group in enumerate(groups)
    ]
    return _ses(
        guard,
        lambda client: client.send_bulk_email(
            FromEmailAddress=FROM,
            DefaultContent={"Template": {**template, "TemplateData": "{}"}},
            BulkEmailEntries=entries,
        ),
    )


# --- Mailgun's own


def mailgun_list(guard: Guarded, people: Sequence[str]) -> bool:
    return _mailgun(guard, people, {})


def mailgun_variables(guard: Guarded, people: Sequence[str]) -> bool:
    rows = {person: {"n": number} for number, person in enumerate(people)}
    return _mailgun(guard, people, {"recipient-variables": json.dumps(rows)})


def _mailgun(guard: Guarded, people: Sequence[str], more: dict[str, str]) -> bool:
    from mailgun.client import Client

    data = {"from": FROM, "to": list(people), "subject": "Index change", "text": TEXT, **more}
    with Client(auth=("api", KEY), api_url=guard.url) as client:
        answer = client.messages.create(data=data, domain="exchange.example")
    assert answer.ok or "would see" in answer.json()["message"]
    return bool(answer.ok)


# --- django-anymail


def anymail(backend: str, merge: bool) -> Program:
    """Without merge data every backend sends the leaking shape."""

    def program(guard: Guarded, people: Sequence[str]) -> bool:
        from anymail.exceptions import AnymailAPIError
        from django.conf import settings
        from django.core.mail import EmailMessage, get_connection

        if not settings.configured:
            settings.configure(USE_TZ=True)
        options: dict[str, dict[str, Any]] = {
            "mailgun": {
                "api_key": KEY,
                "api_url": f"{guard.url}/v3",
                "sender_domain": "exchange.example",
            },
            "postmark": {"server_token": KEY, "api_url": f"{guard.url}/"},
            "resend": {"api_key": KEY, "api_url": f"{guard.url}/"},
            "amazon_ses": {
                "client_params": {
                    "region_name": "eu-west-1",
                    "endpoint_url": guard.url,
                    "aws_access_key_id": "AKIDEXAMPLE",
                    "aws_secret_access_key": KEY,
                }
            },
        }
        connection = get_connection(f"anymail.backends.{backend}.EmailBackend", **options[backend])
        message = EmailMessage("Index change", TEXT, FROM, list(people), connection=connection)
        if merge:
            # Mailgun's page does not say what an empty object does, so everybody has a key
            named = backend == "mailgun"
            message.merge_data = {person: {} for person in people} if named else {}
        try:
            with connection:
                return bool(message.send())
        except AnymailAPIError as error:
            assert "would see" in str(error), error
            return False

    return program


# --- SMTP


def finished(people: Sequence[str]) -> email.message.EmailMessage:
    message = email.message.EmailMessage()
    message["From"], message["To"] = f"Example Exchange <{FROM}>", ", ".join(people)
    message["Subject"] = "Index change"
    message.set_content(TEXT)
    return message


def _smtp(guard: Guarded, send: Callable[[smtplib.SMTP], Any]) -> bool:
    with smtplib.SMTP("127.0.0.1", guard.smtp, timeout=60) as client:
        if guard.authority is not None:
            client.starttls(context=ssl.create_default_context(cafile=guard.authority))
        client.login("apikey", KEY)
        try:
            send(client)
        except smtplib.SMTPDataError as error:
            assert error.smtp_code == 550 and b"would see" in error.smtp_error, error
            return False
    return True


def smtplib_together(guard: Guarded, people: Sequence[str]) -> bool:
    return _smtp(guard, lambda client: client.send_message(finished(people)))


def smtplib_each(guard: Guarded, people: Sequence[str]) -> bool:
    def send(client: smtplib.SMTP) -> None:
        for person in people:
            client.send_message(finished([person]))

    return _smtp(guard, send)


def smtplib_one_by_one_naming_all(guard: Guarded, people: Sequence[str]) -> bool:
    """One transaction for each, the same message: To shows everybody."""

    def send(client: smtplib.SMTP) -> None:
        for person in people:
            client.send_message(finished(people), to_addrs=[person])

    return _smtp(guard, send)


def nodemailer(guard: Guarded, people: Sequence[str]) -> bool:
    """npm's, with a list in `to`."""
    return _nodemailer(guard, [", ".join(people)])


def nodemailer_each(guard: Guarded, people: Sequence[str]) -> bool:
    return _nodemailer(guard, people)


_SCRIPT = """
const [, , port, pass, text, ...lists] = process.argv
const transport = require("nodemailer").createTransport({
  host: "127.0.0.1", port: Number(port), ignoreTLS: true, auth: { user: "apikey", pass } })
const send = async () => {
  for (const to of lists)
    await transport.sendMail({ from: "us@exchange.example", to, subject: "Index change", text })
}
send().then(() => process.exit(0), error => { console.log(error.response); process.exit(1) })
"""


def _nodemailer(guard: Guarded, lists: Sequence[str]) -> bool:
    if not (NPM / "nodemailer").exists():
        raise Unavailable("npm could not fetch nodemailer: make servers")
    script = Path(guard.root) / "send.cjs"
    script.write_text(_SCRIPT)
    command = [NODE, script, str(guard.smtp), KEY, TEXT, *lists]
    done = subprocess.run(
        command, capture_output=True, timeout=120, env={**environment(), "NODE_PATH": str(NPM)}
    )
    assert done.returncode == 0 or b"would see" in done.stdout, (done.stdout, done.stderr)
    return done.returncode == 0


def swaks(guard: Guarded, people: Sequence[str]) -> bool:
    """Debian's Swiss Army Knife for SMTP, with a list in --to."""
    program = shutil.which("swaks")
    if program is None:
        raise Unavailable("swaks is not installed: make servers")
    command = [program, "--server", f"127.0.0.1:{guard.smtp}", "--from", FROM]
    command += ["--to", ",".join(people), "--auth", "PLAIN", "--auth-user", "apikey"]
    command += ["--auth-password", KEY, "--body", TEXT, "--hide-all"]
    done = subprocess.run(command, capture_output=True, timeout=120, env=environment())
    assert done.returncode in (0, 26), (done.returncode, done.stdout, done.stderr)
    return done.returncode == 0


def swaks_each(guard: Guarded, people: Sequence[str]) -> bool:
    return all(swaks(guard, [person]) for person in people)


LEAKING: dict[str, Program] = {
    "sendgrid: Mail(to_emails=[...])": sendgrid_list,
    "sendgrid: To(substitutions=)": sendgrid_substitutions,
    "sendgrid: cc": sendgrid_cc,
    "boto3: SendEmail, several ToAddresses": ses_send,
    "boto3: SendEmail, raw, several in To": ses_raw,
    "boto3: SendBulkEmail, several in one entry": ses_bulk_together,
    "mailgun: to without recipient-variables": mailgun_list,
    "anymail: Mailgun": anymail("mailgun", merge=False),
    "anymail: Postmark": anymail("postmark", merge=False),
    "anymail: Resend": anymail("resend", merge=False),
    "anymail: SES": anymail("amazon_ses", merge=False),
    "smtplib: several in To": smtplib_together,
    "nodemailer: a list": nodemailer,
    "swaks: a list": swaks,
}
"""Every one is answered with success by the provider it was written for."""
PRIVATE: dict[str, Program] = {
    "sendgrid: is_multiple": sendgrid_multiple,
    "sendgrid: a personalization each": sendgrid_personalizations,
    "boto3: SendEmail for each": ses_each,
    "boto3: SendBulkEmail, an entry each": ses_bulk,
    "mailgun: recipient-variables": mailgun_variables,
    "anymail: Mailgun, merge_data": anymail("mailgun", merge=True),
    "anymail: Postmark, merge_data": anymail("postmark", merge=True),
    "anymail: Resend, merge_data": anymail("resend", merge=True),
    "smtplib: one for each": smtplib_each,
    "nodemailer: one for each": nodemailer_each,
    "swaks: one for each": swaks_each,
}
