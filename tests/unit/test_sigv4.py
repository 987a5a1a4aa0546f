"""AWS's signature: checked against requests signed by botocore."""

from __future__ import annotations

from severally.submit import ses
from severally.submit.draft import Request
from severally.submit.sigv4 import signed_by


def signed(body: bytes, secret: str = "secret", at: str = "20260101T000000Z") -> Request:
    """As botocore signs."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    made = AWSRequest("POST", f"http://127.0.0.1:8026{ses.SEND}", {"Host": "127.0.0.1:8026"}, body)
    made.context["timestamp"] = at
    auth = SigV4Auth(Credentials("AKIDEXAMPLE", secret), "ses", "eu-west-1")
    made.headers["X-Amz-Date"] = at
    canonical = auth.canonical_request(made)
    signature = auth.signature(auth.string_to_sign(made, canonical), made)
    auth._inject_signature_to_request(made, signature)
    headers = {name.lower(): value for name, value in made.headers.items()}
    return Request("POST", ses.SEND, headers, body)


NOW = 1_767_225_600.0  # 2026-01-01T00:00:00Z


def test_a_signature_holds_for_its_key_its_body_and_its_time() -> None:
    good = signed(b"{}")
    assert signed_by(good, ["other", "secret"], NOW)
    assert not signed_by(good, ["other"], NOW)
    assert not signed_by(good, ["secret"], NOW + 301)
    changed = Request(good.method, good.path, good.headers, b"[]")
    assert not signed_by(changed, ["secret"], NOW)
    assert not signed_by(Request("POST", ses.BULK, good.headers, b"{}"), ["secret"], NOW)
    assert not signed_by(Request("POST", ses.SEND, {}, b"{}"), ["secret"], NOW)
