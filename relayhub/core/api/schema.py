"""The OpenAPI document of the API: what each operation takes and answers, declared beside the views.

`documents.py` of each package names shapes and operations; drf-spectacular turns them into OpenAPI 3.1. Shapes
name the fields that callers may rely on; more may be added. A test holds every answer of the API's tests
against its declared shape, and refuses an operation that nobody declared.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers

Schema = dict[str, Any]
#: Name -> schema of what the API answers with; a package adds its own.
SHAPES: dict[str, Schema] = {}
#: (view class, verb) -> operation.
_OPERATIONS: dict[tuple[type, str], Operation] = {}

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "integer"}
YES_OR_NO: Schema = {"type": "boolean"}
MOMENT: Schema = {"type": "string", "format": "date-time"}
ANY: Schema = {}
FILE: Schema = {"type": "string", "format": "binary"}


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What one verb of one resource takes and answers."""

    #: Name of the operation for generated clients, such as `list_messages`.
    name: str
    #: Shape of the answer; "" = none.
    answer: str = ""
    status: int = 200
    #: Other successful statuses with the same shape.
    also: tuple[int, ...] = ()
    #: Whether the answer is a cursor page of the shape.
    is_list: bool = False
    #: Whether the page is whole: no cursor, `next` is always null.
    is_whole: bool = False
    body: type[serializers.Serializer[Any]] | Schema | None = None
    body_type: str = "application/json"
    #: Query parameter -> what it does.
    query: Mapping[str, str] = field(default_factory=dict)
    #: Those of `query` that may be given more than once.
    repeatable: tuple[str, ...] = ()
    answer_type: str = "application/json"
    #: What a page holds beside its rows and `next`.
    beside: Mapping[str, Schema] = field(default_factory=dict)


def declare(view: type, verb: str, operation: Operation) -> None:
    """Say what a verb of a view takes and answers."""
    _OPERATIONS[(view, verb)] = operation


def operation_of(view: type, verb: str) -> Operation | None:
    """What was declared; None = nothing."""
    return _OPERATIONS.get((view, verb))


def shape(name: str, /, **fields: Schema) -> None:
    """Name a shape all of whose fields are always there."""
    SHAPES[name] = {"type": "object", "properties": fields, "required": list(fields)}


def extend(name: str, base: str, /, **fields: Schema) -> None:
    """Name a shape that has the fields of another and more."""
    shape(name, **SHAPES[base]["properties"], **fields)


def ref(name: str) -> Schema:
    """A named shape."""
    return {"$ref": f"#/components/schemas/{name}"}


def maybe(schema: Schema) -> Schema:
    """The schema, or null."""
    if "type" in schema:
        wider = {**schema, "type": [schema["type"], "null"]}
        return {**wider, "enum": [*schema["enum"], None]} if "enum" in schema else wider
    return {"oneOf": [schema, {"type": "null"}]}


def each(schema: Schema) -> Schema:
    """A list of these."""
    return {"type": "array", "items": schema}


def table(schema: Schema) -> Schema:
    """An object whose keys the caller or the data names."""
    return {"type": "object", "additionalProperties": schema}


def fields(**properties: Schema) -> Schema:
    """An object inside a shape."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def one_of(values: list[str]) -> Schema:
    """One of a closed list of words."""
    return {"type": "string", "enum": list(values)}


def identifier(prefix: str) -> Schema:
    """An id of a kind."""
    return {"type": "string", "pattern": f"^{prefix}_[0-9a-z]{{26}}$"}


shape(
    "Problem", type=TEXT, title=TEXT, status=NUMBER, code=TEXT, detail=TEXT,
    errors=each(fields(pointer=TEXT, code=TEXT, detail=TEXT)),
)
_PROBLEMS = {
    400: "The request is not understood.", 401: "No key, or one that is not valid.", 403: "The key may not do this.",
    404: "There is nothing here, or the key may not see it.", 409: "The present state does not allow it.",
    422: "A field is wrong; `errors` says which.", 429: "Too many requests; `Retry-After` says how long to wait.",
}
_IDEMPOTENCY = OpenApiParameter(
    "Idempotency-Key", str, OpenApiParameter.HEADER,
    description="At most 255 characters, kept for 72 hours. The same with the same body gets the first answer again.",
)


class OperationSchema(AutoSchema):  # type: ignore[misc]
    """Reads declared operations instead of guessing from serializers."""

    method_mapping = AutoSchema.method_mapping

    def _declared(self) -> Operation | None:
        return operation_of(type(self.view), self.method)

    def get_operation_id(self) -> str:
        """The declared name as client generators like it: `listMessages`."""
        declared = self._declared()
        if declared is None:
            return str(super().get_operation_id())
        return re.sub(r"_(.)", lambda found: found[1].upper(), declared.name)

    def get_summary(self) -> str | None:
        """The declared name in words: `list_messages` is "List messages"."""
        declared = self._declared()
        return declared.name.replace("_", " ").capitalize() if declared else None

    def get_description(self) -> str:  # type: ignore[override]  # drf-spectacular calls it without arguments
        """What the verb answers, what the resource is, and the permission that it needs."""
        said = (getattr(self.view, self.method.lower()).__doc__ or "").strip()
        about = (type(self.view).__doc__ or "").strip()
        needed = getattr(self.view, "permissions", {}).get(self.method, "")
        return "\n\n".join(part for part in (about, said, f"Needs `{needed}`." if needed else "") if part)

    def get_auth(self) -> list[dict[str, list[str]]]:
        """A key."""
        return [{"key": []}]

    def get_override_parameters(self) -> list[Any]:
        """Declared query parameters, pages, and the idempotency key."""
        declared = self._declared()
        if declared is None:
            return []
        found = [
            OpenApiParameter(name, str, OpenApiParameter.QUERY, description=what, many=name in declared.repeatable)
            for name, what in declared.query.items()
        ]
        if declared.is_list and not declared.is_whole:
            found += [
                OpenApiParameter("limit", int, OpenApiParameter.QUERY, description="1 to 200; 50 unless given."),
                OpenApiParameter("cursor", str, OpenApiParameter.QUERY, description="`next` of the page before."),
            ]
        if self.method in {"POST", "PATCH", "DELETE"} and getattr(self.view, "is_idempotent", False):
            found.append(_IDEMPOTENCY)
        return found

    def get_request_serializer(self) -> Any:
        """The declared body."""
        declared = self._declared()
        if declared is None or declared.body is None:
            return None
        return {declared.body_type: declared.body}

    def get_response_serializers(self) -> Any:
        """The declared answer, and a problem for everything that may go wrong."""
        declared = self._declared()
        if declared is None:
            return {200: OpenApiResponse(description="")}
        answers: dict[Any, Any] = {
            (status, "application/problem+json"): OpenApiResponse(ref("Problem"), description=text)
            for status, text in _PROBLEMS.items()
        }
        for status in (declared.status, *declared.also):
            if not declared.answer:
                answers[status] = OpenApiResponse(description="Done.")
            else:
                answers[(status, declared.answer_type)] = OpenApiResponse(answer_schema(declared), description="Done.")
        return answers


def answer_schema(declared: Operation) -> Schema:
    """The schema of an operation's successful answer."""
    if declared.answer_type != "application/json":
        return FILE
    if not declared.is_list:
        return ref(declared.answer)
    following: Schema = {"type": "null"} if declared.is_whole else maybe(TEXT)
    return fields(data=each(ref(declared.answer)), next=following, **declared.beside)


def add_shapes(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """A hook of drf-spectacular: the named shapes and how keys are sent."""
    components = result.setdefault("components", {})
    components.setdefault("schemas", {}).update(SHAPES)
    components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer", "bearerFormat": "rh_live_…"}}
    return result


def only_own(endpoints: list[tuple[str, str, str, Any]], **_: Any) -> list[tuple[str, str, str, Any]]:
    """A hook of drf-spectacular: version 1, without the document itself."""
    return [entry for entry in endpoints if re.match(r"/api/v1/(?!schema)", entry[0])]
