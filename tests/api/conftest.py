"""Every answer that the API gives in these tests is held against what its OpenAPI document declares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from rest_framework.test import APIClient

from relayhub.core.api.base import ApiView
from relayhub.core.api.schema import SHAPES, answer_schema, operation_of, ref


def _validator(schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": {"schemas": SHAPES}})


def faults(answer: Any, verb: str) -> list[str]:
    """What of an answer is not as declared."""
    view = getattr(getattr(answer.resolver_match, "func", None), "cls", None)
    if not (isinstance(view, type) and issubclass(view, ApiView)):
        return []
    declared = operation_of(view, verb)
    if declared is None:
        return [f"{view.__name__} {verb} is not declared"]
    if answer.status_code >= 400:
        schema = ref("Problem")
    elif answer.status_code not in (declared.status, *declared.also):
        return [f"{answer.status_code} is not among the declared statuses"]
    elif declared.status == 204 or declared.answer_type != "application/json":
        return []
    elif "application/json" not in answer.headers.get("Content-Type", ""):
        return []  # another representation that a parameter asked for
    else:
        schema = answer_schema(declared)
    return [f"{error.json_path}: {error.message[:200]}" for error in _validator(schema).iter_errors(answer.json())]


@pytest.fixture(autouse=True)
def answers_are_as_declared(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    wrong: list[str] = []
    real = APIClient.request

    def request(self: APIClient, **values: Any) -> Any:
        answer = real(self, **values)
        verb = values.get("REQUEST_METHOD", "GET")
        if verb != "OPTIONS":
            wrong.extend(f"{verb} {values.get('PATH_INFO')}: {fault}" for fault in faults(answer, verb))
        return answer

    monkeypatch.setattr(APIClient, "request", request)
    yield
    assert wrong == []
