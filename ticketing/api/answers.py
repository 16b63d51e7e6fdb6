"""What the hot calls answer: status, bytes and headers, ready for ASGI."""

from functools import lru_cache
from typing import Any

from msgspec import Struct

from ticketing.api import problems
from ticketing.errors import Refusal

Header = tuple[bytes, bytes]

JSON: tuple[Header, ...] = (
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)
BARE: tuple[Header, ...] = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))
REPLAYED: Header = (b"idempotent-replayed", b"true")

_PROBLEMS_KEPT = 4_096


class Answer(Struct, frozen=True):
    """One answer; length and time are added when it is sent, for a page's script once more where it can read it."""

    status: int
    body: bytes
    headers: tuple[Header, ...] = JSON
    is_page: bool = False


def refused(refusal: Refusal) -> Answer:
    """The answer to a refusal. In a rush nearly all are alike, so they are kept once made."""
    if "errors" in refusal.facts:
        return _made(*problems.refused(refusal))
    return _kept(refusal.code, tuple(refusal.facts.items()))


@lru_cache(maxsize=_PROBLEMS_KEPT)
def _kept(code: Any, facts: tuple[tuple[str, Any], ...]) -> Answer:
    return _made(*problems.problem(code, dict(facts)))


def _made(status: int, headers: dict[str, str], body: bytes) -> Answer:
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    return Answer(status, body, (*pairs, (b"x-content-type-options", b"nosniff")))
