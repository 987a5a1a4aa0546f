"""The served OpenAPI description is true: schemathesis calls all it says, rightly and wrongly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from tests.newsdesk import Newsdesk, served, workspace

OPERATIONS = [
    ("/v1/messages", "POST"),
    ("/v1/messages", "GET"),
    ("/v1/messages/{message_id}", "GET"),
    ("/healthz", "GET"),
    ("/readyz", "GET"),
]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newsdesk]:
    with served(workspace(tmp_path_factory.mktemp("described") / "newsroom")) as made:
        yield made


def description(desk: Newsdesk) -> Any:
    schema = schemathesis.openapi.from_url(f"{desk.url}/v1/openapi.json")
    # what is written as it should be can still name a notice that nobody approved
    schema.config.checks.positive_data_acceptance.expected_statuses = ["2xx", "404", "422"]
    return schema


RIGHT, WRONG = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
CALLS = [(path, method, RIGHT) for path, method in OPERATIONS]
CALLS += [(path, method, WRONG) for path, method in OPERATIONS if path.startswith("/v1")]


@pytest.mark.parametrize(("path", "method", "mode"), CALLS)
def test_every_answer_is_as_described(
    desk: Newsdesk, path: str, method: str, mode: GenerationMode
) -> None:
    operation = description(desk)[path][method]
    headers = {"Authorization": f"Bearer {desk.key}"}

    @settings(
        max_examples=15,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def called(case: Any) -> None:
        case.call_and_validate(headers=headers)

    called()


def test_every_operation_is_called(desk: Newsdesk) -> None:
    found = {
        (each.ok().path, each.ok().method.upper())
        for each in description(desk).get_all_operations()
    }
    assert found == set(OPERATIONS)


def test_forms_take_no_unknown_field_and_say_so(desk: Newsdesk) -> None:
    schemas = desk.http.get("/v1/openapi.json").json()["components"]["schemas"]
    assert schemas["Ask"]["additionalProperties"] is False
    assert schemas["To"]["additionalProperties"] is False
    answer = desk.ask(**{"anna@x.example": "anna@x.example"})
    assert answer.status_code == 422
    assert "anna" not in answer.text
