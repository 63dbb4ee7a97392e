"""The OpenAPI document: whole, valid, and true of every operation."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from jsonschema import Draft202012Validator

from relayhub.core.api.schema import operation_of
from tests.api.test_every_route import ROUTES, endpoints

pytestmark = pytest.mark.django_db


@pytest.fixture
def document() -> dict[str, Any]:
    answer = Client().get("/api/v1/schema/", headers={"accept": "application/json"})
    assert answer.status_code == 200
    return dict(json.loads(answer.content))


def test_every_operation_is_declared() -> None:
    missing = [
        f"{view.__name__} {verb}" for _, view in endpoints() for verb in view.permissions
        if operation_of(view, verb) is None
    ]

    assert missing == []


def test_every_operation_is_in_the_document_under_a_name_of_its_own(document: dict[str, Any]) -> None:
    listed = {
        (path, verb.upper()): operation for path, verbs in document["paths"].items()
        for verb, operation in verbs.items() if verb != "parameters"
    }
    names = [operation["operationId"] for operation in listed.values()]

    assert document["openapi"].startswith("3.1")
    assert len(listed) == len(ROUTES)
    assert len(set(names)) == len(names)
    assert all(operation["summary"] for operation in listed.values())


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    known = set(document["components"]["schemas"])

    def references(node: Any) -> set[str]:
        if isinstance(node, dict):
            own = {node["$ref"].rsplit("/", 1)[1]} if isinstance(node.get("$ref"), str) else set()
            return own.union(*(references(value) for value in node.values()))
        return set().union(*(references(item) for item in node)) if isinstance(node, list) else set()

    assert references(document["paths"]) | references(document["components"]) <= known
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_bodies_and_parameters_are_told(document: dict[str, Any]) -> None:
    send = document["paths"]["/api/v1/messages"]["post"]
    listing = document["paths"]["/api/v1/messages"]["get"]

    body = send["requestBody"]["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
    answer = send["responses"]["202"]["content"]["application/json"]["schema"]
    assert {"from", "to", "html", "attachments"} <= set(document["components"]["schemas"][body]["properties"])
    assert answer == {"$ref": "#/components/schemas/Accepted"}
    assert {"status", "q", "limit", "cursor"} <= {parameter["name"] for parameter in listing["parameters"]}
    assert "Idempotency-Key" in {parameter["name"] for parameter in send["parameters"]}
