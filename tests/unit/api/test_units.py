"""Goal: the small parts keep their promises: the table of problems, client addresses, live holds, safe cells.

Method: each part alone, with values at and beyond its edges.
"""

import json

import pytest

from ticketing.api import problems
from ticketing.api.addresses import ClientAddresses
from ticketing.api.live_holds import LiveHolds
from ticketing.errors import Code, Refusal
from ticketing.services.sheets import safe_cell

CONTRACT = {
    400: {"idempotency_key_missing", "malformed_json", "malformed_request"},
    401: {"unauthenticated", "bad_credentials", "second_factor_needed"},
    403: {"cross_origin", "forbidden", "card_blocked", "not_eligible"},
    404: {"not_found"},
    405: {"method_not_allowed"},
    409: {
        "sale_not_open",
        "sale_paused",
        "sale_closed",
        "card_limit_exceeded",
        "sold_out",
        "hold_expired",
        "hold_released",
        "hold_confirmed",
        "already_collected",
        "capacity_in_use",
        "not_cancellable",
        "payment_required",
        "shift_open",
        "shift_closed",
    },
    413: {"body_too_large"},
    415: {"unsupported_media_type"},
    422: {"invalid", "idempotency_key_reused"},
    429: {"rate_limited"},
    503: {"unavailable", "recovering", "backlog_full"},
}


def test_every_code_of_the_contract_has_its_status_and_no_other_exists() -> None:
    by_status: dict[int, set[str]] = {}
    for code in Code:
        by_status.setdefault(problems.status_of(code), set()).add(code.value)
    assert by_status == CONTRACT


@pytest.mark.parametrize("code", list(Code))
def test_a_problem_is_complete(code: Code) -> None:
    status, headers, body = problems.problem(code)
    told = json.loads(body)
    assert (told["code"], told["status"], headers["content-type"]) == (
        code,
        status,
        "application/problem+json",
    )
    assert told["title"]
    assert told["detail"]
    assert ("retry-after" in headers) == (status in (429, 503))


def test_facts_reach_the_client_as_the_contract_writes_them() -> None:
    _, headers, body = problems.refused(Refusal(Code.SALE_NOT_OPEN, opens_at=1_777_597_200_000))
    assert json.loads(body)["opens_at"] == "2026-05-01T01:00:00Z"
    _, headers, body = problems.refused(Refusal(Code.RATE_LIMITED, retry_after_ms=1_001))
    assert headers["retry-after"] == "2"
    assert "retry_after_ms" not in json.loads(body)


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("198.51.100.1", None, "198.51.100.1"),
        ("198.51.100.1", "203.0.113.9", "198.51.100.1"),  # no proxy of ours: whatever it says
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "1.2.3.4, 203.0.113.9", "203.0.113.9"),  # what the client wrote itself is not believed
        ("10.0.0.1", "1.2.3.4, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("10.0.0.1", "nonsense", "nonsense"),
        ("10.0.0.1", None, "10.0.0.1"),
    ],
)
def test_a_client_address_is_believed_from_trusted_proxies_alone(
    peer: str, forwarded: str | None, address: str
) -> None:
    headers = {} if forwarded is None else {b"x-forwarded-for": forwarded.encode()}
    assert ClientAddresses("10.0.0.0/8, ::1").of((peer, 1), headers) == address


def test_a_wrong_proxy_is_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="proxy"):
        ClientAddresses("proxy")


def test_live_holds_of_an_address_end_by_themselves_or_by_being_dropped() -> None:
    holds = LiveHolds(2)
    holds.add("a", "1", expires_at=100)
    holds.add("a", "2", expires_at=300)
    assert (holds.wait_ms("a", 40), holds.wait_ms("b", 40)) == (60, 0)
    assert holds.wait_ms("a", 100) == 0
    holds.add("a", "3", expires_at=500)
    assert holds.wait_ms("a", 200) == 100
    holds.drop("a", "2")
    holds.drop("nobody", "2")
    assert holds.wait_ms("a", 200) == 0
    holds.prune(1_000)
    assert holds._expiries == {}


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("王小明", "王小明"),
        ("", ""),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@x", "'@x"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
    ],
)
def test_no_cell_is_a_formula(text: str, cell: str) -> None:
    assert safe_cell(text) == cell
