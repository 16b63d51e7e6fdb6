"""Goal: another program does what its token's scopes open, never more than its maker may, and nothing once revoked.

Method: the whole table of calls on an API process over both databases, with a token of every scope and of each one;
what the table leaves out must be refused. A second process stands for "everywhere".
"""

import re
from typing import Any

import httpx2
import pytest
from sqlalchemy import select

from tests.api.pages.test_pages import ENGLISH, OWN
from tests.support.house import House
from tests.support.passwords import quick_passwords  # noqa: F401 - a fixture of these tests
from ticketing.api.routes import ALL
from ticketing.api.scopes import OPENED, scope_of
from ticketing.clock import DAY_MS
from ticketing.database import reading
from ticketing.members.tables import Card
from ticketing.services.api_tokens import SCOPES, ApiTokens
from ticketing.staff.tables import ApiToken, StaffAccount

TOKENS = "/api/v1/staff/tokens"
EVENTS = "/api/v1/staff/events"
STAFF = [operation for calls in ALL for operation in calls.operations if operation.caller == "staff"]


async def make(house: House, session: dict[str, str], *scopes: str, **more: Any) -> httpx2.Response:
    wish = {"name": "reporting", "scopes": scopes or SCOPES} | more
    return await house.client.post(TOKENS, headers=session, json=wish)


async def token_of(house: House, session: dict[str, str], *scopes: str, **more: Any) -> dict[str, str]:
    made = await make(house, session, *scopes, **more)
    assert made.status_code == 201, made.text
    return {"authorization": f"Bearer {made.json()['token']}"}


async def status(
    house: House,
    token: dict[str, str],
    path: str = EVENTS,
    method: str = "GET",
    media: str = "application/json",
) -> int:
    headers = token | {"idempotency-key": "k", "content-type": media}
    answer = await house.client.request(method, path, headers=headers, json={} if method != "GET" else None)
    return answer.status_code


def test_the_table_names_calls_of_staff_and_every_scope() -> None:
    assert set(OPENED) == set(SCOPES)
    known = {(operation.method, operation.path) for operation in STAFF}
    listed = [call for calls in OPENED.values() for call in calls]
    assert set(listed) <= known
    assert len(listed) == len(set(listed))
    assert {path for method, path in listed if method != "GET"} == {
        "/api/v1/staff/cards/block",
        "/api/v1/staff/cards/replace",
        "/api/v1/staff/cards/import",
        "/api/v1/staff/imports/{import_id}/start",
        "/api/v1/staff/imports/{import_id}/drop",
        "/api/v1/staff/webhooks/{webhook_id}/replay",
        "/api/v1/staff/webhooks/{webhook_id}/deliveries/{delivery_id}/replay",
    }  # what a program may do; everything else only reads


async def test_a_call_is_open_to_its_scope_and_closed_to_all_others(house: House) -> None:
    maker = house.add_staff("maker", "admin")
    every = await token_of(house, maker)
    single = {scope: await token_of(house, maker, scope) for scope in SCOPES}
    opened = 0
    for operation in STAFF:
        path = re.sub(r"\{\w+\}", "x", operation.path)
        scope = scope_of(operation.method, operation.path)
        asked = (path, operation.method, *operation.uploads[:1])
        answers = {name: await status(house, token, *asked) for name, token in single.items()}
        assert {name for name, code in answers.items() if code != 403} == ({scope} if scope else set()), path
        assert (await status(house, every, *asked) == 403) == (scope is None), path
        opened += scope is not None
    assert opened == sum(map(len, OPENED.values()))
    assert await status(house, every, "/api/v1/me") == 403
    assert (await house.client.get("/staff/events", headers=every)).status_code == 303  # pages are for people


async def test_control_without_the_table_a_token_would_sign_its_maker_out(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await token_of(house, house.add_staff("maker", "admin"), "events:read")
    monkeypatch.setattr("ticketing.api.calls.scope_of", lambda method, path: "events:read")
    assert await status(house, token, "/api/v1/staff/sessions", "DELETE") == 204


async def test_a_token_reaches_as_far_as_it_was_made_for(house: House) -> None:
    house.draft(5, organisation="east")
    maker = house.add_staff("maker", "manager")
    both, west = await token_of(house, maker), await token_of(house, maker, organisation="west")

    async def seen(token: dict[str, str]) -> int:
        return len((await house.client.get(EVENTS, headers=token)).json()["events"])

    assert (await seen(both), await seen(west)) == (1, 0)
    outside = await make(house, house.add_staff("western", "manager", "west"), organisation="east")
    assert (outside.status_code, outside.json()["errors"][0]["field"]) == (422, "organisation")
    for role in ("clerk", "auditor"):
        assert (await make(house, house.add_staff(role, role))).status_code == 403


async def test_a_token_does_no_more_than_its_maker_may_by_now(house: House) -> None:
    token = await token_of(house, house.add_staff("maker", "manager"))
    assert await status(house, token) == 200
    for change, code in (
        ({"role": "clerk"}, 401),
        ({"role": "manager"}, 200),
        ({"organisation_id": "west"}, 401),
        ({"organisation_id": "district"}, 200),
        ({"disabled": True}, 401),
    ):
        with house.services.sessions.begin() as session:
            account = session.scalars(select(StaffAccount).where(StaffAccount.username == "maker")).one()
            for name, value in change.items():
                setattr(account, name, value)
        house.services.api_tokens.refresh()
        assert await status(house, token) == code, change


async def test_a_revoked_token_opens_nothing_in_any_process(house: House) -> None:
    services = house.services
    maker = house.add_staff("maker", "manager", "east")
    made = await make(house, maker, "events:read")
    token, token_id = made.json()["token"], made.json()["details"]["id"]
    elsewhere = ApiTokens(services.sessions, services.clock)
    elsewhere.refresh()
    assert elsewhere.claims(token) is not None
    url = f"{TOKENS}/{token_id}"
    assert (
        await house.client.delete(url, headers=house.staff("manager", "district.west"))
    ).status_code == 404
    assert (await house.client.get(TOKENS, headers=house.staff("manager", "district.west"))).json() == {
        "tokens": []
    }
    assert (await house.client.delete(url, headers=house.staff("manager", "district"))).status_code == 204
    elsewhere.refresh()
    assert elsewhere.claims(token) is None
    assert await status(house, {"authorization": f"Bearer {token}"}) == 401
    assert (await house.client.get(TOKENS, headers=maker)).json() == {"tokens": []}


async def test_a_token_is_kept_as_a_digest_ends_by_itself_and_says_when_it_was_used(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    maker = house.add_staff("maker", "manager")
    made = (await make(house, maker, "events:read", days=1)).json()
    with reading(house.services.sessions) as session:
        row = session.scalars(select(ApiToken)).one()
    assert made["token"].encode() not in row.digest
    assert len(row.digest) == 32
    assert (row.scopes, row.used_at) == (["events:read"], None)
    assert await status(house, {"authorization": f"Bearer {made['token']}"}) == 200
    house.services.api_tokens.hand_over()
    [listed] = (await house.client.get(TOKENS, headers=maker)).json()["tokens"]
    assert listed["last_used_at"] is not None
    assert "token" not in listed
    later = house.services.clock.now_ms() + DAY_MS
    monkeypatch.setattr(house.services.clock, "now_ms", lambda: later)
    assert house.services.api_tokens.claims(made["token"]) is None


async def test_what_a_program_does_is_on_record_as_its_own(house: House) -> None:
    house.add_member(number="6222000000000001")
    made = (await make(house, house.add_staff("maker", "manager"), "cards:write")).json()
    token = {"authorization": f"Bearer {made['token']}"}
    act = {"card_number": "6222000000000001", "reason": "lost"}
    blocked = await house.client.post("/api/v1/staff/cards/block", headers=token, json=act)
    assert blocked.status_code == 200
    with reading(house.services.sessions) as session:
        [status_now] = session.scalars(select(Card.status))
        from ticketing.staff.tables import AuditEntry

        actors = session.scalars(select(AuditEntry.actor).where(AuditEntry.action == "card.block")).all()
    assert (status_now, actors) == ("blocked", [f"token:{made['details']['id']}"])


async def test_the_page_makes_shows_and_revokes(house: House) -> None:
    cookie = {"cookie": house.staff("manager")["authorization"].replace("Bearer ", "staff_session=")}
    with house.services.sessions.begin() as session:
        session.add(
            StaffAccount(
                id=1,
                username="somebody",
                password_hash="x",
                role="manager",
                organisation_id="district",
                created_at=1,
            )
        )
    headers = OWN | ENGLISH | cookie

    async def post(path: str, **fields: Any) -> httpx2.Response:
        return await house.client.post(f"/staff/integration{path}", data=fields, headers=headers)

    bare = await post("/tokens", name="Finance", days="30", organisation="east")
    assert (bare.status_code, 'value="Finance"' in bare.text) == (422, True)
    assert bare.text.count('id="scopes-wrong" class="wrong">Choose at least one.') == 1
    assert [bare.text.count(f'class="box"{each}>') for each in ("", " open")] == [1, 1]
    made = await post("/tokens", name="Finance", days="30", organisation="east", scope=["stats:read"])
    [token] = re.findall(r"ticketing_[\w-]{43}", made.text)
    assert await status(house, {"authorization": f"Bearer {token}"}, f"{EVENTS}/x/stats") == 404
    page = await house.client.get("/staff/integration", headers=headers)
    assert ("Finance" in page.text, token in page.text) == (True, False)
    [token_id] = re.findall(r'name="token" value="(\w+)"', page.text)
    revoked = await post("/tokens/revoke", token=token_id)
    assert revoked.headers["location"] == "/staff/integration?done=revoked"
    assert await status(house, {"authorization": f"Bearer {token}"}, f"{EVENTS}/x/stats") == 401
    assert (await post("/tokens/revoke", token="nobody's")).status_code == 404
    auditor = {"cookie": house.staff("auditor")["authorization"].replace("Bearer ", "staff_session=")}
    assert (await house.client.get("/staff/integration", headers=auditor)).status_code == 403
