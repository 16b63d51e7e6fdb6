"""Security 4: another site cannot make a member's or clerk's browser change anything here.

Goal: every call that changes something, over JSON or a form, refuses a request that another site caused, and no
call or page that a link can reach changes anything.
Method: every operation of the document and every form of the pages is asked with a real session's cookie and the
marks that browsers put on foreign requests; then every address that answers GET is fetched, and SQL and Redis are
compared with what they were.
"""

import re
from collections.abc import Iterator
from typing import Any

from sqlalchemy import inspect, text
from starlette.routing import Route

from tests.support.house import House
from ticketing.api.application import document
from ticketing.api.pages.application import create_pages
from ticketing.database import reading
from ticketing.resources import package_files

FOREIGN: tuple[dict[str, str], ...] = (
    {},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "none"},
    {"origin": "http://elsewhere.example"},
    {"origin": "http://test.elsewhere.example"},
    {"origin": "null"},
    {"sec-fetch-site": "cross-site", "origin": "http://test"},
)
PARAMETER = re.compile(r"\{[^}]*\}")


def _cookies(house: House) -> dict[str, str]:
    """One browser with a member's and a manager's session."""
    member = house.member(house.add_member())["authorization"].removeprefix("Bearer ")
    staff = house.staff("admin")["authorization"].removeprefix("Bearer ")
    return {"cookie": f"member_session={member}; staff_session={staff}"}


def _operations() -> Iterator[tuple[str, str]]:
    for path, calls in document()["paths"].items():
        yield from ((method.upper(), path) for method in calls)


async def test_04_no_json_call_is_made_by_another_site(house: House) -> None:
    cookies = _cookies(house)
    changing = [
        (m, p)
        for m, p in _operations()
        if (m != "GET" and p.rpartition("/")[2] != "sessions") or m == "DELETE"
    ]
    assert len(changing) > 20
    for method, path in changing:
        url = PARAMETER.sub("x", path)
        for marks in FOREIGN:
            kind = "text/csv" if path.endswith("cards/import") else "application/json"
            headers = cookies | marks | {"idempotency-key": "k", "content-type": kind}
            answer = await house.client.request(method, url, headers=headers, content=b"{}")
            assert (answer.status_code, answer.json()["code"]) == (403, "cross_origin"), (method, url, marks)


async def test_04_control_our_own_pages_get_further(house: House) -> None:
    headers = _cookies(house) | {"sec-fetch-site": "same-origin", "idempotency-key": "k"}
    for method, path in _operations():
        if method != "GET" and not path.endswith("sessions"):
            answer = await house.client.request(method, PARAMETER.sub("x", path), headers=headers, json={})
            assert "cross_origin" not in answer.text, (method, path)
            if path.endswith("current"):
                headers = _cookies_again(house) | {"sec-fetch-site": "same-origin", "idempotency-key": "k"}


def _cookies_again(house: House) -> dict[str, str]:
    (member,) = house.cards
    sessions = {"member": house.member(member), "staff": house.staff("admin")}
    pairs = (f"{kind}_session={head['authorization'][7:]}" for kind, head in sessions.items())
    return {"cookie": "; ".join(pairs)}


async def test_04_no_form_is_sent_by_another_site(house: House) -> None:
    cookies = _cookies(house)
    pages = create_pages(house.front, package_files("web")).routes
    forms = [page.path for page in pages if isinstance(page, Route) and "POST" in (page.methods or ())]
    assert len(forms) > 10
    for path in forms:
        url = PARAMETER.sub("x", path.replace("{verb}", "publish"))
        for marks in FOREIGN:
            answer = await house.client.post(url, data={"key": "k"}, headers=cookies | marks)
            assert answer.status_code == 403, (url, marks)


async def test_04_fetching_whatever_there_is_changes_nothing(house: House) -> None:
    cookies = _cookies(house)
    (member,) = house.cards
    event = house.publish(5)
    items = [{"quota_id": f"{event}-1", "quantity": 1}]
    held = await house.client.post(
        f"/api/v1/events/{event}/holds",
        json={"items": items},
        headers=house.member(member) | {"idempotency-key": "k"},
    )
    before = _everything(house)
    pages = create_pages(house.front, package_files("web")).routes
    paths = [page.path for page in pages if isinstance(page, Route) and "GET" in (page.methods or ())]
    paths += [path for _, path in _operations()]  # also those that take no GET
    known = {
        "{event_id}": event,
        "{hold_id}": held.json()["id"],
        "{quota_id}": f"{event}-1",
        "{verb}": "close",
    }
    answered = []
    for path in paths:
        if "stream" in path:
            continue  # has no end
        url = PARAMETER.sub(lambda found: known.get(found[0].split(":")[0].rstrip("}") + "}", "x"), path)
        answer = await house.client.get(url, headers=cookies)
        answered.append(answer.status_code)
        assert answer.status_code < 500, (url, answer.text)
    assert answered.count(200) > 10
    assert _everything(house) == before


def _everything(house: House) -> Any:
    """All rows of SQL and all values of Redis' sale."""
    with reading(house.services.sessions) as session:
        names = sorted(inspect(session.connection()).get_table_names())
        rows = {name: sorted(map(repr, session.execute(text(f'SELECT * FROM "{name}"')))) for name in names}
    keys = sorted(house.services.redis.scan_iter("ticketing:{*"))
    return rows, {key: house.services.redis.dump(key) for key in keys}
