"""Requests by schemathesis: right and wrong ones of every call, from its schemas alone, sent by people who may ask."""

import random
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode

from tests.fuzz.judge import Sent
from tests.fuzz.place import Place, Visit

AnyCase = Case[Any]

_BASE = "http://127.0.0.1"
_WITH_KNOWN_IDS = 0.7
"""How often the ids of a path are of things that exist; a generated one never is."""


def generated(document: dict[str, Any], place: Place, number: int, each: int) -> Iterator[tuple[str, Sent]]:
    """`each` right requests and as many wrong ones of every call of the document, by the seed `number`."""
    dice = random.Random(number)
    for found in schemathesis.openapi.from_dict(document).get_all_operations():
        operation = found.ok()  # type: ignore[union-attr] # our own document is well-formed
        if operation.path.endswith("/stream"):
            continue  # its answer has no end
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            for place_in_line, case in enumerate(
                _cases(operation.as_strategy(generation_mode=mode), number, each)
            ):
                name = f"--seed {number}, {mode.value} {operation.label} {place_in_line}"
                yield name, _sent(f"schemathesis, {mode.value}", case, operation.definition.raw, place, dice)


def _cases(strategy: Any, number: int, each: int) -> list[AnyCase]:
    found: list[AnyCase] = []

    @seed(number)
    @settings(
        max_examples=each,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy)
    def take(case: AnyCase) -> None:
        found.append(case)

    try:
        take()
    except Unsatisfiable:  # nothing is wrong with any request to a call that takes an id alone
        return []
    return found


def _sent(kind: str, case: AnyCase, call: Mapping[str, Any], place: Place, dice: random.Random) -> Sent:
    visit = Visit(place, case.path, case.method, dice)
    if dice.random() < _WITH_KNOWN_IDS:
        case.path_parameters = {
            name: visit.known(name) or value for name, value in case.path_parameters.items()
        }
    parts = case.as_transport_kwargs(base_url=_BASE)
    parts["headers"] = {**parts["headers"], **visit.authorization(call)}
    prepared = requests.Request(**{name: value for name, value in parts.items() if name in _PARTS}).prepare()
    url = urlsplit(prepared.url or "")
    target = url.path + (f"?{url.query}" if url.query else "")
    return Sent(kind, case.method, target, _raw(prepared, target))


_PARTS = ("method", "url", "headers", "cookies", "params", "data", "json", "files")


def _raw(prepared: requests.PreparedRequest, target: str) -> bytes:
    sent: Any = prepared.body or b""
    body: bytes = sent.encode() if isinstance(sent, str) else sent
    lines = [f"{prepared.method} {target} HTTP/1.1", "host: 127.0.0.1"]
    lines += [
        f"{name}: {_text(value)}" for name, value in prepared.headers.items() if name.lower() not in _OURS
    ]
    lines.append(f"content-length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + body


_OURS = ("content-length", "transfer-encoding", "connection", "accept-encoding")


def _text(value: str | bytes) -> str:
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    return text.replace("\r", "").replace("\n", "")
