"""Goal: `/openapi.json` describes every call of the contract, with every error each may answer, and nothing else.

Method: the contract's list of calls against the document; each described call is then asked for, and must be
routed; every reference must lead somewhere.
"""

import json
import re
from typing import Any

import pytest

from tests.support.house import House
from ticketing.api.application import document

CONTRACT = [
    "GET /api/v1/events",
    "GET /api/v1/events/{event_id}",
    "GET /api/v1/events/{event_id}/availability",
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",
    "POST /api/v1/sessions",
    "DELETE /api/v1/sessions/current",
    "DELETE /api/v1/sessions",
    "POST /api/v1/me/pin",
    "GET /api/v1/me",
    "POST /api/v1/events/{event_id}/holds",
    "GET /api/v1/holds/{hold_id}",
    "POST /api/v1/holds/{hold_id}/confirm",
    "DELETE /api/v1/holds/{hold_id}",
    "GET /api/v1/orders",
    "GET /api/v1/orders/{order_id}",
    "POST /api/v1/orders/{order_id}/cancel",
    "POST /api/v1/staff/sessions",
    "DELETE /api/v1/staff/sessions/current",
    "DELETE /api/v1/staff/sessions",
    "DELETE /api/v1/staff/other-sessions",
    "DELETE /api/v1/staff/sessions/{session_id}",
    "DELETE /api/v1/staff/tokens/{token_id}",
    "GET /api/v1/staff/second-factor",
    "GET /api/v1/staff/sessions",
    "GET /api/v1/staff/tokens",
    "POST /api/v1/staff/accounts/{username}/end-sessions",
    "POST /api/v1/staff/accounts/{username}/reset-second-factor",
    "POST /api/v1/staff/accounts/{username}/unlink-provider",
    "POST /api/v1/staff/second-factor",
    "POST /api/v1/staff/second-factor/confirm",
    "POST /api/v1/staff/second-factor/remove",
    "POST /api/v1/staff/tokens",
    "GET /api/v1/staff/organisations",
    "POST /api/v1/staff/organisations",
    "GET /api/v1/staff/events",
    "POST /api/v1/staff/events",
    "GET /api/v1/staff/events/{event_id}",
    "PATCH /api/v1/staff/events/{event_id}",
    "POST /api/v1/staff/events/{event_id}/publish",
    "POST /api/v1/staff/events/{event_id}/pause",
    "POST /api/v1/staff/events/{event_id}/resume",
    "POST /api/v1/staff/events/{event_id}/close",
    "POST /api/v1/staff/events/{event_id}/cancel",
    "GET /api/v1/staff/templates",
    "POST /api/v1/staff/drafts",
    "POST /api/v1/staff/events/{event_id}/copy",
    "POST /api/v1/staff/events/{event_id}/postpone",
    "GET /api/v1/staff/events/{event_id}/check",
    "POST /api/v1/staff/events/{event_id}/quota-table",
    "POST /api/v1/staff/events/{event_id}/quotas/{quota_id}/raise",
    "GET /api/v1/staff/events/{event_id}/waves",
    "POST /api/v1/staff/events/{event_id}/waves/{wave_id}/cancel",
    "POST /api/v1/staff/events/{event_id}/quotas",
    "PATCH /api/v1/staff/events/{event_id}/quotas/{quota_id}",
    "GET /api/v1/staff/events/{event_id}/stats",
    "GET /api/v1/staff/events/{event_id}/stream",
    "GET /api/v1/staff/events/{event_id}/curve",
    "GET /api/v1/staff/events/{event_id}/orders.csv",
    "GET /api/v1/staff/events/{event_id}/orders.xlsx",
    "POST /api/v1/staff/cards/block",
    "POST /api/v1/staff/cards/replace",
    "POST /api/v1/staff/cards/reset-pin",
    "GET /api/v1/staff/accounts",
    "POST /api/v1/staff/accounts",
    "GET /api/v1/staff/accounts/{username}",
    "PATCH /api/v1/staff/accounts/{username}",
    "POST /api/v1/staff/accounts/{username}/disable",
    "POST /api/v1/staff/accounts/{username}/enable",
    "POST /api/v1/staff/accounts/{username}/reset-password",
    "POST /api/v1/staff/cards/import",
    "POST /api/v1/staff/cards/unblock",
    "GET /api/v1/staff/organisations/{organisation_id}",
    "PATCH /api/v1/staff/organisations/{organisation_id}",
    "POST /api/v1/staff/member-search",
    "GET /api/v1/staff/members/{card_id}",
    "GET /api/v1/staff/members/{card_id}/history",
    "GET /api/v1/staff/imports",
    "GET /api/v1/staff/imports/{import_id}",
    "POST /api/v1/staff/imports/{import_id}/start",
    "POST /api/v1/staff/imports/{import_id}/drop",
    "GET /api/v1/staff/imports/{import_id}/refused.csv",
    "GET /api/v1/staff/imports/{import_id}/refused.xlsx",
    "POST /api/v1/desk/swipes",
    "POST /api/v1/desk/pickups",
    "POST /api/v1/desk/pickups/{pickup_id}/undo",
    "POST /api/v1/desk/pickups/{pickup_id}/print",
    "POST /api/v1/desk/sales",
    "POST /api/v1/desk/sales/{order_id}/finish",
    "POST /api/v1/desk/sales/{order_id}/undo",
    "POST /api/v1/desk/quotas/{quota_id}/give-back",
    "POST /api/v1/desk/shifts",
    "GET /api/v1/desk/shifts",
    "GET /api/v1/desk/shifts/{shift_id}",
    "POST /api/v1/desk/shifts/{shift_id}/close",
    "GET /api/v1/staff/till",
    "POST /api/v1/staff/webhooks",
    "GET /api/v1/staff/webhooks",
    "DELETE /api/v1/staff/webhooks/{webhook_id}",
    "GET /api/v1/staff/webhooks/{webhook_id}/deliveries",
    "POST /api/v1/staff/webhooks/{webhook_id}/deliveries/{delivery_id}/replay",
    "POST /api/v1/staff/webhooks/{webhook_id}/pause",
    "POST /api/v1/staff/webhooks/{webhook_id}/replay",
    "POST /api/v1/staff/webhooks/{webhook_id}/resume",
    "GET /api/v1/staff/trail",
    "GET /api/v1/staff/trail.csv",
    "GET /api/v1/staff/trail.xlsx",
    "GET /api/v1/staff/reports/settlement",
    "GET /api/v1/staff/reports/settlement.csv",
    "GET /api/v1/staff/reports/settlement.xlsx",
    "GET /api/v1/staff/reports/participation",
    "GET /api/v1/staff/reports/participation.csv",
    "GET /api/v1/staff/reports/participation.xlsx",
    "GET /api/v1/staff/reports/attendance",
    "GET /api/v1/staff/reports/attendance.csv",
    "GET /api/v1/staff/reports/attendance.xlsx",
    "GET /api/v1/staff/reports/demand",
    "GET /api/v1/staff/reports/demand.csv",
    "GET /api/v1/staff/reports/demand.xlsx",
    "GET /api/v1/staff/budgets",
    "GET /api/v1/staff/budgets.csv",
    "GET /api/v1/staff/budgets.xlsx",
    "POST /api/v1/staff/budgets",
    "GET /api/v1/staff/budgets/{budget_id}",
    "PATCH /api/v1/staff/budgets/{budget_id}",
    "PUT /api/v1/staff/budgets/{budget_id}/events/{event_id}",
    "DELETE /api/v1/staff/budgets/{budget_id}/events/{event_id}",
    "GET /api/v1/staff/venues",
    "POST /api/v1/staff/venues",
    "GET /api/v1/staff/venues/{venue_id}",
    "PATCH /api/v1/staff/venues/{venue_id}",
    "POST /api/v1/staff/venues/{venue_id}/admit",
    "POST /api/v1/staff/venues/{venue_id}/suspend",
    "POST /api/v1/staff/venues/{venue_id}/remove",
    "GET /api/v1/staff/till.csv",
    "GET /api/v1/staff/till.xlsx",
    "GET /api/v1/desk/offline",
    "POST /api/v1/desk/offline/hand-overs",
    "GET /api/v1/desk/conflicts",
    "POST /api/v1/desk/conflicts/{conflict_id}/settle",
]


def described() -> dict[str, Any]:
    paths: dict[str, dict[str, Any]] = document()["paths"]
    return {
        f"{method.upper()} {path}": call for path, calls in paths.items() for method, call in calls.items()
    }


def codes_of(call: Any) -> set[str]:
    found: set[str] = set()
    for answer in call["responses"].values():
        problem = answer.get("content", {}).get("application/problem+json")
        if problem:
            found.update(problem["schema"]["allOf"][1]["properties"]["code"]["enum"])
    return found


def test_the_document_is_the_contract() -> None:
    assert set(described()) == set(CONTRACT)


def test_every_reference_leads_somewhere() -> None:
    schemas = document()["components"]["schemas"]
    names = set(re.findall(r"#/components/schemas/(\w+)", str(document())))
    assert names <= set(schemas)
    assert {"Event", "Hold", "HoldWish", "Order", "Problem"} <= names


def test_the_hot_calls_are_described_like_any_other() -> None:
    hold = described()["POST /api/v1/events/{event_id}/holds"]
    assert hold["requestBody"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/HoldWish"
    }
    assert hold["responses"]["201"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/Hold"
    }
    assert [parameter["name"] for parameter in hold["parameters"]] == ["event_id", "Idempotency-Key"]
    assert {
        "sold_out",
        "card_limit_exceeded",
        "idempotency_key_missing",
        "recovering",
        "cross_origin",
    } <= codes_of(hold)


@pytest.mark.parametrize("call", CONTRACT)
async def test_every_described_call_is_served(quick_house: House, call: str) -> None:
    method, path = call.split(" ")
    url = re.sub(r"\{\w+\}", "x", path)
    answer = await quick_house.client.request(method, url, json={} if method in ("POST", "PATCH") else None)
    if answer.status_code >= 400:
        assert answer.json()["code"] in codes_of(described()[call])


async def test_the_process_serves_the_document(quick_house: House) -> None:
    assert (await quick_house.client.get("/openapi.json")).json() == json.loads(json.dumps(document()))
