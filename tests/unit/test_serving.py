"""The HTTP side: health, metrics, problem documents, limits, and nobody's address in a log line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from litestar import get, post
from litestar.params import FromPath, JSONBody
from litestar.testing import TestClient

from severally.app.api import make_app
from severally.app.api.given import Given
from severally.app.api.health import health
from severally.app.api.problems import CONTENT_TYPE, wrong_field
from severally.app.api.requests import Watched
from severally.app.cli.main import main
from severally.app.config import load
from severally.app.office import Office, open_office
from severally.app.serving import listening
from severally.app.wiring import Wiring
from severally.model.errors import Refused, StorageFailed, UsageError

SECRET = "anna.lindqvist@customer.example"


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the test's endpoint takes."""

    name: str
    count: int = 0


@post("/t/take", sync_to_thread=False)
def take(data: JSONBody[Body]) -> dict[str, Any]:
    """An endpoint that reads a body."""
    return {"name": data.name}


@get("/t/fail/{how:str}", sync_to_thread=True)
def fail(how: FromPath[str], office: Given[Office]) -> None:
    """An endpoint that goes wrong in every way there is."""
    raise {
        "refused": Refused("that was sent before", []),
        "usage": UsageError("there is no message u-1"),
        "disk": StorageFailed("/var/lib/x: the disk refused a write"),
        "bug": KeyError(SECRET),
        "field": wrong_field("recipient.email", "is no address"),
    }[how]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("serving") / "newsroom"
    assert main(["init", str(folder)]) == 0
    return folder


@pytest.fixture
def client(workspace: Path) -> Iterator[TestClient[Any]]:
    with open_office(load(workspace), Wiring()) as office:
        app = make_app(office, Watched(), (health, take, fail), checks={})
        with TestClient(app, raise_server_exceptions=False) as made:
            yield made


def problem(answer: Any, status: int) -> dict[str, Any]:
    """The document of an error, which has no other form."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == CONTENT_TYPE
    said: dict[str, Any] = answer.json()
    assert said["status"] == status
    assert said["type"].startswith("urn:severally:problem:")
    assert said["title"] and said["detail"]
    assert SECRET not in answer.text
    return said


def test_alive_and_ready(client: TestClient[Any]) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready"}


def test_not_ready_says_why(workspace: Path) -> None:
    with open_office(load(workspace), Wiring()) as office:
        checks = {"urgent": lambda: "it does not run", "disk": lambda: ""}
        app = make_app(office, Watched(), (health,), checks=checks)
        with TestClient(app) as client:
            said = problem(client.get("/readyz"), 503)
    assert said["detail"] == "urgent: it does not run"


def test_paths_and_methods_that_are_not_there(client: TestClient[Any]) -> None:
    problem(client.get(f"/nowhere/{SECRET}"), 404)
    problem(client.delete("/healthz"), 405)


@pytest.mark.parametrize(
    ("body", "status", "fields"),
    [
        ('{"name": "x"}', 201, []),
        ('{"name": 1}', 422, ["name"]),
        ('{"name": "x", "email": "anna.lindqvist@customer.example"}', 422, ["body"]),
        ("{", 400, []),
        ('{"name": "\ud800"}', 400, []),
        ("[" * 60_000, 413, []),
        ('{"name": ' + "[" * 50_000, 413, []),
        ('{"name": "' + "x" * 66_000 + '"}', 413, []),
    ],
)
def test_bodies(client: TestClient[Any], body: str, status: int, fields: list[str]) -> None:
    content = body.encode("utf-8", "surrogatepass")
    answer = client.post("/t/take", content=content, headers={"Content-Type": "application/json"})
    if status < 400:
        assert answer.status_code == status
    else:
        said = problem(answer, status)
        assert [each["field"] for each in said.get("errors", [])] == fields


def test_a_large_body_without_a_length_is_cut_off(client: TestClient[Any]) -> None:
    def chunks() -> Iterator[bytes]:
        yield b'{"name": "'
        for _ in range(800):
            yield b"x" * 65_536

    headers = {"Content-Type": "application/json"}
    problem(client.post("/t/take", content=chunks(), headers=headers), 413)


@pytest.mark.parametrize(
    ("how", "status"), [("refused", 409), ("usage", 404), ("disk", 503), ("bug", 500)]
)
def test_errors_become_documents(client: TestClient[Any], how: FromPath[str], status: int) -> None:
    said = problem(client.get(f"/t/fail/{how}"), status)
    assert "/var/lib" not in said["detail"]


def test_a_field_is_named(client: TestClient[Any]) -> None:
    said = problem(client.get("/t/fail/field"), 422)
    assert said["errors"] == [{"field": "recipient.email", "problem": "is no address"}]


def test_log_and_metrics_know_templates_only(
    client: TestClient[Any], capfd: pytest.CaptureFixture[str]
) -> None:
    client.get(f"/nowhere/{SECRET}?q={SECRET}")
    client.post("/t/take", json={"name": SECRET})
    client.get("/t/fail/bug")
    metrics = client.get("/metrics").text
    said = capfd.readouterr()
    assert 'severally_http_requests_total{method="POST",path="/t/take",status="201"} 1.0' in metrics
    assert 'path="(none)",status="404"' in metrics
    assert SECRET not in metrics + said.out + said.err


def test_the_description_names_the_endpoints(client: TestClient[Any]) -> None:
    said = json.loads(client.get("/v1/openapi.json").text)
    assert said["openapi"].startswith("3.1")
    assert {"/healthz", "/readyz"} <= set(said["paths"])


def test_an_address_in_use_is_said(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with listening("127.0.0.1", 0) as taken:
        port = str(taken.getsockname()[1])
        assert main(["--workspace", str(workspace), "serve", "--port", port]) == 2
    assert f"cannot listen on 127.0.0.1:{port}" in capsys.readouterr().err
