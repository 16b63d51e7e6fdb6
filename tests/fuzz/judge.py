"""What an answer may be, by the OpenAPI document alone: status, kind, code and schema of every answer.

The engine turns whatever breaks into 503 `unavailable`, so on a healthy instance any answer from 500 up is a fault.
"""

import json
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple
from urllib.parse import unquote

import httptools
import jsonschema_rs

PAGE_STATUSES = frozenset({200, 303, 304, 307, 400, 401, 403, 404, 405, 409, 413, 415, 422, 429})
MAY_BE_BEHIND = frozenset({"/api/v1/desk/swipes", "pages"})
"""Where 503 may mean that SQL has yet to record something; asked again in a quiet moment they must answer."""

WIRE_STATUSES = frozenset({400, 408, 413, 414, 417, 431, 501})
"""What a server may say to something that is not quite HTTP."""

PROBLEM = "application/problem+json"
_BROKEN = re.compile(r"Traceback \(most recent call last\)|\bevent=(?:unexpected|page_failed|duty_failed)\b")


class Sent(NamedTuple):
    """A request as it goes over the wire, and what the judge must know of it."""

    kind: str
    method: str
    target: str
    raw: bytes
    is_http: bool = True
    """Whether it is a whole request of HTTP; one that is not may also be refused or dropped by the server itself."""


class Answer(NamedTuple):
    """What came back; status 0 when the connection was closed instead, -1 when nothing came in time."""

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""


CLOSED = Answer(0)
SILENCE = Answer(-1)


class Judge:
    """Judges answers by the document of a running server."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._patterns: list[tuple[re.Pattern[str], str]] = [
            (_pattern(path), path) for path in sorted(document["paths"])
        ]
        self._validators: dict[str, Any] = {}

    def route(self, sent: Sent) -> str:
        """The path of the document that a request is for; else `/api`, `pages`, or `wire` where it is not HTTP."""
        if not sent.is_http:
            return "wire"
        path = path_of(sent.target)
        described = next(
            (described for pattern, described in self._patterns if pattern.fullmatch(path)), None
        )
        if described is not None:
            return described
        return "/api" if path.startswith("/api/") else "pages"

    def fault(self, sent: Sent, answer: Answer) -> str | None:
        """What is wrong with an answer, or None."""
        if answer.status >= 500:
            return f"{answer.status} {answer.body[:200]!r}"
        if b"Traceback (most recent call last)" in answer.body:
            return "a traceback in the body"
        if not sent.is_http:
            return None if answer.status <= 0 or self._is_wire_answer(answer) else f"{answer.status}"
        if answer.status <= 0:
            return "closed without an answer" if answer.status == 0 else "no answer in time"
        if "server-time" not in answer.headers:
            return "no Server-Time"
        route = self.route(sent)
        if route == "pages":
            return None if answer.status in PAGE_STATUSES else f"{answer.status} from a page"
        return self._api_fault(route, sent.method, answer)

    def _is_wire_answer(self, answer: Answer) -> bool:
        return answer.status in WIRE_STATUSES or answer.status in PAGE_STATUSES or answer.status in (201, 204)

    def _api_fault(self, route: str, method: str, answer: Answer) -> str | None:
        calls = self._document["paths"].get(route)
        if calls is None:
            return self._problem_fault(answer, 404, ["not_found"])
        call = calls.get("get" if method == "HEAD" else method.lower())
        if call is None:
            return self._problem_fault(answer, 405, ["method_not_allowed"])
        described = call["responses"].get(str(answer.status))
        if described is None:
            return f"{answer.status} is not documented: {answer.body[:200]!r}"
        return None if method == "HEAD" else self._content_fault(answer, described.get("content", {}))

    def _problem_fault(self, answer: Answer, status: int, codes: list[str]) -> str | None:
        if answer.status != status:
            return f"{answer.status} instead of {status}"
        return _code_fault(answer, codes) if answer.body else None

    def _content_fault(self, answer: Answer, content: Mapping[str, Any]) -> str | None:
        media_type = answer.headers.get("content-type", "").partition(";")[0]
        if not content:
            return "a body that is not documented" if answer.body else None
        if media_type not in content:
            return f"{answer.status} as {media_type!r}"
        schema = content[media_type]["schema"]
        if media_type == PROBLEM:
            return _code_fault(answer, schema["allOf"][1]["properties"]["code"]["enum"])
        return self._schema_fault(answer.body, schema) if "json" in media_type else None

    def _schema_fault(self, body: bytes, schema: Mapping[str, Any]) -> str | None:
        name = schema["$ref"]
        if name not in self._validators:
            whole = {"$ref": name, "components": self._document["components"]}
            self._validators[name] = jsonschema_rs.Draft202012Validator(whole)
        try:
            value = json.loads(body)
        except ValueError as error:
            return f"no JSON: {error}"
        wrong = next(self._validators[name].iter_errors(value), None)
        return f"not of its schema: {wrong.message[:200]}" if wrong else None

    @cached_property
    def calls(self) -> list[tuple[str, str, dict[str, Any]]]:
        """(METHOD, path, description) of every call whose answer has an end."""
        paths: dict[str, dict[str, Any]] = self._document["paths"]
        return [
            (method.upper(), path, call)
            for path, calls in paths.items()
            for method, call in calls.items()
            if not path.endswith("/stream")
        ]


def is_target(target: str) -> bool:
    """Whether a server can read a path in it at all."""
    try:
        path_of(target)
    except (httptools.HttpParserInvalidURLError, AttributeError):
        return False
    return True


def path_of(target: str) -> str:
    """A request's path as the server reads it."""
    path: bytes = httptools.parse_url(target.encode("latin-1")).path
    return unquote(path.decode("ascii"))


def faults_of_log(text: str) -> list[str]:
    """What a log tells of things that broke."""
    return [f"{line[:200]} … {line[-700:]}" for line in text.splitlines() if _BROKEN.search(line)]


def _code_fault(answer: Answer, codes: list[str]) -> str | None:
    if answer.headers.get("content-type") != PROBLEM:
        return f"{answer.status} as {answer.headers.get('content-type')!r}"
    try:
        code = json.loads(answer.body).get("code")
    except ValueError:
        return f"no JSON: {answer.body[:200]!r}"
    return None if code in codes else f"{answer.status} {code} is not documented"


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"(\{\w+\})", path)
    return re.compile("".join("[^/]+" if part.startswith("{") else re.escape(part) for part in parts))
