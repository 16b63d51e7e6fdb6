"""`/openapi.json`: every call of the contract, the hot ones too, with its schemas and its closed list of errors.

Written from the same `Operation`s that route the calls and from the structs that decode and encode them.
"""

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from ticketing.api import problems, schemas
from ticketing.api.contract import Operation
from ticketing.api.scopes import scope_of
from ticketing.errors import Code

_REF = "#/components/schemas/{name}"
_PATH_NAME = re.compile(r"\{(\w+)\}")
_DESCRIPTION = (
    "Times are RFC 3339 in UTC, money is an integer in the smallest unit. Unknown request fields are refused. "
    "Every answer carries `Server-Time` (milliseconds by Redis' clock); every error is "
    "`application/problem+json` with one `code` of a closed list."
)


def document(operations: Iterable[Operation], version: str) -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    described = list(operations)
    paths: dict[str, dict[str, Any]] = {}
    for operation in described:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Ticketing", "version": version, "description": _DESCRIPTION},
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": _schemas(described),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "member_cookie": {"type": "apiKey", "in": "cookie", "name": "member_session"},
                "staff_cookie": {"type": "apiKey", "in": "cookie", "name": "staff_session"},
            },
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": _operation_id(operation),
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": _parameters(operation),
        "responses": {
            str(operation.status): _answer(operation),
            **_unchanged(operation),
            **_errors(operation),
        },
    }
    if operation.takes is not None:
        schema = {"$ref": _REF.format(name=operation.takes.__name__)}
        content = {"application/json": {"schema": schema}}
        described["requestBody"] = {"required": not operation.body_optional, "content": content}
    if operation.uploads:
        file = {"schema": {"type": "string", "format": "binary"}}
        described["requestBody"] = {"required": True, "content": dict.fromkeys(operation.uploads, file)}
    if operation.caller != "public":
        described["security"] = [{"bearer": []}, {f"{operation.caller}_cookie": []}]
    if said := _who(operation):
        described["description"] = " ".join(said)
    return described


def _who(operation: Operation) -> list[str]:
    said = [f"For the roles {', '.join(sorted(operation.roles))}."] if operation.roles else []
    if scope := scope_of(operation.method, operation.path):
        said.append(f"Open to API tokens with the scope `{scope}`.")
    return said


def _operation_id(operation: Operation) -> str:
    words = re.findall(r"\w+", operation.path.removeprefix("/api/v1/"))
    return "_".join((operation.method.lower(), *words))


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    text = {"type": "string"}
    found = [_parameter(name, "path", text) for name in _PATH_NAME.findall(operation.path)]
    if operation.keyed:
        key = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"}
        found.append(_parameter("Idempotency-Key", "header", key))
    found += [_parameter(name, "query", text, required=False) for name in operation.query]
    return found


def _parameter(name: str, place: str, schema: dict[str, Any], *, required: bool = True) -> dict[str, Any]:
    return {"name": name, "in": place, "required": required, "schema": schema}


def _answer(operation: Operation) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": operation.summary, "headers": {"Server-Time": _SERVER_TIME}}
    if operation.replays:
        answer["headers"]["Idempotent-Replayed"] = _REPLAYED
    if operation.gives is not None:
        schema = {"$ref": _REF.format(name=operation.gives.__name__)}
        answer["content"] = {operation.media_type: {"schema": schema}}
    elif operation.media_type != "application/json":
        answer["content"] = {operation.media_type: {"schema": {"type": "string"}}}
    return answer


def _unchanged(operation: Operation) -> dict[str, Any]:
    if not operation.has_etag:
        return {}
    return {"304": {"description": "It is as the ETag in If-None-Match has it."}}


def _errors(operation: Operation) -> dict[str, Any]:
    by_status: dict[int, list[Code]] = {}
    for code in operation.refusals():
        by_status.setdefault(problems.status_of(code), []).append(code)
    return {str(status): _error(codes) for status, codes in sorted(by_status.items())}


def _error(codes: list[Code]) -> dict[str, Any]:
    named = {"properties": {"code": {"enum": [code.value for code in codes]}}}
    schema = {"allOf": [{"$ref": _REF.format(name="Problem")}, named]}
    return {
        "description": "; ".join(f"`{code.value}`: {problems.title_of(code)}" for code in codes),
        "content": {problems.PROBLEM_JSON: {"schema": schema}},
    }


def _schemas(operations: list[Operation]) -> dict[str, Any]:
    structs: set[type[msgspec.Struct]] = {schemas.Problem}
    for operation in operations:
        structs.update(struct for struct in (operation.takes, operation.gives) if struct is not None)
    _, components = msgspec.json.schema_components(structs, ref_template=_REF)
    return dict(sorted(components.items()))


_SERVER_TIME = {"description": "Redis' time in milliseconds.", "schema": {"type": "integer"}}
_REPLAYED = {"description": "`true` when this is a first answer given again.", "schema": {"const": "true"}}
