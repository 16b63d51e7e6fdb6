"""Goal: pages refuse as the contract does, in words; change nothing for strangers; and stand when a server is away.

Method: forms are posted to a real API process over real servers, the sale is put into each state, and the page is
read. What browsers add (layout, keyboard, pictures) is in tests/browser.
"""

import asyncio
import re
from typing import Any

import httpx2
import pytest
from msgspec.structs import replace
from starlette.routing import Route

from tests.api.test_degraded import without_redis, without_sql
from tests.support.house import HOUR_MS, PIN, House
from ticketing.api.pages.application import create_pages
from ticketing.api.pages.codes import qr_svg
from ticketing.api.pages.site import RENEW_AFTER_MS
from ticketing.resources import package_files

OWN = {"sec-fetch-site": "same-origin"}
ENGLISH = {"accept-language": "en"}
PARAMETER = re.compile(r"\{\w+(:\w+)?\}")


def _manager(house: House) -> Any:
    return house.claims("staff", 1, "district", role="manager")


async def book(
    house: House, event: str, session: dict[str, str], quantity: int = 1, key: str = "key"
) -> httpx2.Response:
    """Send an event's booking form."""
    form = {"key": key, f"q.{event}-1": str(quantity)}
    return await house.client.post(f"/events/{event}/holds", data=form, headers=OWN | session)


def _key(page: httpx2.Response) -> str:
    match = re.search(r'name="key" value="([^"]+)"', page.text)
    assert match, page.text
    return match[1]


def says(page: httpx2.Response, status: int, words: str) -> None:
    assert page.status_code == status, page.text
    assert page.headers["content-type"].startswith("text/html")
    alert = re.search(r'role="alert".*?<p>(.*?)</p>', page.text, re.DOTALL)
    assert alert, page.text
    assert words in alert[1]


async def _sold_out(house: House) -> str:
    event = house.publish(1)
    await book(house, event, house.member(99, "west"))
    return event


async def _refusing(house: House, state: str) -> str:
    """An event on which a hold by member 7 of `east` is refused."""
    if state == "sold_out":
        return await _sold_out(house)
    if state == "card_limit_exceeded":
        event = house.publish(5, per_card_limit=1)
        await book(house, event, house.member(7), key="before")
        return event
    if state == "sale_not_open":
        return house.publish(5, opens_at=house.now + HOUR_MS)
    if state == "not_eligible":
        return house.publish(5, eligible_organisations=("west",))
    event = house.publish(5)
    getattr(house.services.catalogue, state)(_manager(house), event)
    return event


@pytest.mark.parametrize(
    ("state", "status", "chinese", "english"),
    [
        ("sold_out", 409, "还剩 0 张", "look again"),
        ("card_limit_exceeded", 409, "每卡限 1 张，您已有 1 张", "Choose fewer"),
        ("sale_not_open", 409, "订票尚未开始", "It opens "),
        ("not_eligible", 403, "面向其他工会的会员", "members of other unions"),
        ("pause", 409, "订票暂停", "look again in a few minutes"),
        ("close", 409, "订票已结束", "Booking is over"),
    ],
)
async def test_a_refused_booking_says_why_and_keeps_its_key(
    quick_house: House, state: str, status: int, chinese: str, english: str
) -> None:
    event = await _refusing(quick_house, state)
    session = quick_house.member(7)
    says(await book(quick_house, event, session), status, chinese)
    in_english = await book(quick_house, event, session | ENGLISH)
    says(in_english, status, english)
    if state == "sold_out":
        assert _key(in_english) == "key"  # nothing was stored: the same form may try again


async def test_a_blocked_card_may_look_but_notbook(quick_house: House) -> None:
    event, member = quick_house.publish(5), quick_house.add_member()
    session = quick_house.member(member)
    held = await book(quick_house, event, session, key="before")
    quick_house.tell_sessions(member, blocked=True)
    says(await book(quick_house, event, session), 403, "您的卡已停用")
    path = held.headers["location"]
    confirmed = await quick_house.client.post(
        f"{path}/confirm", data={"method": "free"}, headers=OWN | session
    )
    says(confirmed, 403, "您的卡已停用")
    assert (await quick_house.client.get(path, headers=session)).status_code == 200


async def test_a_key_used_for_another_choice_is_replaced(quick_house: House) -> None:
    event, session = quick_house.publish(5), quick_house.member(7)
    await book(quick_house, event, session, 1)
    again = await book(quick_house, event, session, 2)
    says(again, 422, "请重新打开页面再选")
    assert _key(again) != "key"


async def test_a_free_way_does_not_pay(quick_house: House) -> None:
    event, session = quick_house.publish(5, price=500), quick_house.member(7)
    held = await book(quick_house, event, session)
    form = {"method": "free"}
    refused = await quick_house.client.post(
        f"{held.headers['location']}/confirm", data=form, headers=OWN | session
    )
    says(refused, 409, "需要付款")
    assert quick_house.counts(event).sold == 0


async def test_an_expired_hold_leads_back_to_the_event(quick_house: House) -> None:
    event, session = quick_house.publish(5, hold_seconds=1), quick_house.member(7)
    path = (await book(quick_house, event, session)).headers["location"]
    await asyncio.sleep(1.1)
    page = await quick_house.client.get(path, headers=session)
    assert "确认时间已过" in page.text
    assert f'href="/events/{event}"' in page.text
    late = await quick_house.client.post(f"{path}/confirm", data={"method": "free"}, headers=OWN | session)
    says(late, 409, "确认时间已过")


async def test_what_is_somebody_elses_is_not_there(quick_house: House) -> None:
    event, mine = quick_house.publish(5), quick_house.member(7)
    path = (await book(quick_house, event, mine)).headers["location"]
    hold_id = path.rpartition("/")[2]
    await quick_house.client.post(f"{path}/confirm", data={"method": "free"}, headers=OWN | mine)
    other = quick_house.member(8)
    for there in (path, f"/orders/{hold_id}", f"/orders/{hold_id}/qr/1.svg"):
        assert (await quick_house.client.get(there, headers=mine)).status_code == 200, there
        says(await quick_house.client.get(there, headers=other), 404, "这里没有内容")
    order = quick_house.services.orders.get(7, hold_id)
    drawn = qr_svg(quick_house.services.seal.qr(order, order.tickets[0]), "m", 4)
    picture = await quick_house.client.get(f"/orders/{hold_id}/qr/1.svg", headers=mine)
    assert picture.content == drawn, "the picture shows the signed text"
    says(await quick_house.client.get(f"/orders/{hold_id}/qr/2.svg", headers=mine), 404, "这里没有内容")
    draft = quick_house.draft(5)
    says(await quick_house.client.get(f"/events/{draft}"), 404, "这里没有内容")


async def test_a_member_books_and_sees_the_order_without_sql(house: House) -> None:
    event, member = house.publish(5, price=500), house.add_member()
    session = house.member(member)
    await house.front.board.refresh()
    with without_sql(house):
        assert "五元看大片" in (await house.client.get("/")).text
        path = (await book(house, event, session, 2)).headers["location"]
        assert "05:00" in (await house.client.get(path, headers=session)).text
        sold = await house.client.post(f"{path}/confirm", data={"method": "desk"}, headers=OWN | session)
        order = await house.client.get(sold.headers["location"], headers=session)
        assert order.status_code == 200
        assert order.text.count('class="qr"') == 2
        says(await house.client.get("/orders", headers=session), 503, "请稍等片刻再试一次")


async def test_without_redis_pages_come_from_memory_and_say_so(quick_house: House) -> None:
    event, session = quick_house.publish(5), quick_house.member(7)
    await quick_house.front.board.refresh()
    await asyncio.sleep(0.3)
    with without_redis(quick_house):
        assert (await quick_house.client.get("/")).status_code == 200
        says(await quick_house.client.get(f"/events/{event}", headers=session), 503, "同一操作不会重复生效")
        refused = await book(quick_house, event, session)
        says(refused, 503, "同一操作不会重复生效")
        assert _key(refused) == "key"  # so that the repeated form finds what may have been done


async def test_no_change_without_our_own_origin(quick_house: House) -> None:
    routes = create_pages(quick_house.front, package_files("web")).routes
    posts = [route for route in routes if isinstance(route, Route) and "POST" in (route.methods or ())]
    forms = [PARAMETER.sub("x", route.path.replace("{verb}", "publish")) for route in posts]
    assert len(forms) >= 15
    for path in forms:
        session = quick_house.staff() if path.startswith(("/staff", "/desk")) else quick_house.member(7)
        for foreign in (
            {},
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site"},
            {"origin": "http://elsewhere.example"},
            {"origin": "null"},
        ):
            answer = await quick_house.client.post(path, data={"key": "k"}, headers=session | foreign)
            says(answer, 403, "不是从本站页面提交的")


async def test_pages_of_people_ask_who_it_is(quick_house: House) -> None:
    for path, sign_in in {
        "/orders": "/login",
        "/account": "/login",
        "/holds/x.y": "/login",
        "/staff": "/staff/events",
        "/staff/events": "/staff/login",
        "/staff/events/new": "/staff/login",
        "/staff/events/x": "/staff/login",
        "/desk": "/staff/login",
    }.items():
        answer = await quick_house.client.get(path)
        assert answer.status_code == 303, path
        assert answer.headers["location"].startswith(sign_in), path
        member = await quick_house.client.get(path, headers=quick_house.member(7))
        assert sign_in == "/login" or member.status_code == 303, path


async def test_every_page_carries_the_safe_headers(quick_house: House) -> None:
    for path in ("/", "/login", "/staff/login", "/nothing", "/orders", "/static/site.css"):
        headers = (await quick_house.client.get(path)).headers
        assert "default-src 'none'" in headers["content-security-policy"], path
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["referrer-policy"] == "same-origin", path
        assert headers["server-time"].isdigit(), path


async def test_static_files_are_kept_only_under_their_version(quick_house: House) -> None:
    bare = await quick_house.client.get("/")
    assert "<style>" in bare.text  # a first visit waits for no sheet
    page = await quick_house.client.get("/")
    assert "<style>" not in page.text
    [versioned] = re.findall(r'href="(/static/member\.css\?v=\w+)"', page.text)
    kept = await quick_house.client.get(versioned)
    assert "immutable" in kept.headers["cache-control"]
    assert kept.headers["content-encoding"] == "gzip"
    for unnamed in ("/static/member.css", "/static/member.css?v=other"):
        answer = await quick_house.client.get(unnamed)
        assert answer.headers["cache-control"] == "no-cache"
        again = await quick_house.client.get(unnamed, headers={"if-none-match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    assert (await quick_house.client.get("/static/../templates/base.html")).status_code == 404
    assert page.headers["cache-control"] == "no-store"


async def test_the_page_of_strangers_is_kept_until_something_changes(quick_house: House) -> None:
    event = quick_house.publish(5)
    path = f"/events/{event}"
    assert "<style>" in (await quick_house.client.get(path)).text
    first = await quick_house.client.get(path)
    known = {"if-none-match": first.headers["etag"]}
    same = await quick_house.client.get(path, headers=known)
    assert (same.status_code, same.content) == (304, b"")
    assert int(same.headers["server-timing"].removeprefix("now;dur=")) >= quick_house.now
    english = await quick_house.client.get(path, headers=known | ENGLISH)
    assert (english.status_code, "5 tickets left" in english.text) == (200, True)
    assert (
        "no-store"
        in (await quick_house.client.get(path, headers=quick_house.member(7))).headers["cache-control"]
    )

    await book(quick_house, event, quick_house.member(7), 2)
    await asyncio.sleep(0.3)
    changed = await quick_house.client.get(path, headers=known)
    assert (changed.status_code, "余 3 张" in changed.text) == (200, True)


async def test_members_with_like_ledgers_share_a_page_but_not_its_key(quick_house: House) -> None:
    event = quick_house.publish(9, per_card_limit=3)
    path, first, second = f"/events/{event}", quick_house.member(7), quick_house.member(8)
    pages = [await quick_house.client.get(path, headers=session) for session in (first, second, first)]
    assert len({_key(page) for page in pages}) == 3
    assert len({page.text.replace(_key(page), "") for page in pages[1:]}) == 1
    plain = await quick_house.client.get(path, headers=second | {"accept-encoding": "identity"})
    assert plain.text.replace(_key(plain), "") == pages[1].text.replace(_key(pages[1]), "")

    held = await book(quick_house, event, first, 2)
    mine = await quick_house.client.get(path, headers=first)
    assert f'href="{held.headers["location"]}"' in mine.text
    assert "<strong>1/3</strong>" in mine.text
    other = await quick_house.client.get(path, headers=second)
    assert held.headers["location"] not in other.text
    assert "<strong>3/3</strong>" in other.text
    english = await quick_house.client.get(path, headers=second | ENGLISH)
    assert "Left for your card" in english.text
    for page in (mine, other, english, plain):
        assert page.headers["cache-control"] == "no-store"
        assert "etag" not in page.headers


async def test_a_page_learns_what_changed_and_keeps_the_choice(quick_house: House) -> None:
    """Counts alone replace counts; a new status brings the booking itself, for whoever asks."""
    event, session = quick_house.publish(5), quick_house.member(7)
    path = f"/events/{event}/live"
    counts = await quick_house.client.get(f"{path}?was=open", headers=session)
    assert counts.headers["hx-reswap"] == "none"
    assert 'hx-swap-oob="true"' in counts.text
    assert "<form" not in counts.text
    opened = await quick_house.client.get(f"{path}?was=scheduled", headers=session)
    assert "hx-reswap" not in opened.headers
    assert "<select" in opened.text
    stranger = await quick_house.client.get(f"{path}?was=scheduled")
    assert "<select" not in stranger.text
    assert "/login?next=" in stranger.text
    assert (await quick_house.client.get("/events/none/live")).status_code == 404


async def test_a_sell_out_says_what_may_come_back(quick_house: House) -> None:
    event = quick_house.publish(1)
    held = await book(quick_house, event, quick_house.member(99, "west"))
    await asyncio.sleep(0.3)
    page = await quick_house.client.get(f"/events/{event}", headers=ENGLISH)
    assert "1 is held and not yet confirmed" in page.text
    assert "The next may come back at about" in page.text
    await quick_house.client.post(
        f"{held.headers['location']}/confirm",
        data={"method": "free"},
        headers=OWN | quick_house.member(99, "west"),
    )
    await asyncio.sleep(0.3)
    assert "none is held" in (await quick_house.client.get(f"/events/{event}", headers=ENGLISH)).text


async def test_a_form_sent_by_the_script_goes_where_a_browser_would(quick_house: House) -> None:
    event, session = quick_house.publish(5), quick_house.member(7)
    form, scripted = {"key": "key", f"q.{event}-1": "1"}, {"hx-request": "true"}
    path = f"/events/{event}/holds"
    held = await quick_house.client.post(path, data=form, headers=OWN | session | scripted)
    assert (held.status_code, held.content) == (204, b"")
    again = await quick_house.client.post(path, data=form, headers=OWN | session)
    assert again.headers["location"] == held.headers["hx-redirect"]
    stranger = await quick_house.client.post(path, data=form, headers=OWN | scripted)
    assert stranger.headers["hx-redirect"].startswith("/login?next=/events/")


async def test_a_session_in_use_is_renewed_and_an_idle_one_ends(house: House) -> None:
    number = "6222000000000077"
    member = house.add_member(number=number)
    answer = await house.client.post("/login", data={"card_number": number, "pin": PIN}, headers=OWN)
    assert answer.status_code == 303
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    assert number not in cookie

    claims = house.claims("member", member, "district.east", expires_at=house.now + 24 * HOUR_MS)
    idle_ms = house.services.settings.member_idle_minutes * 60_000
    house.client.cookies.clear()
    for idle_for, renewed, status in (
        (0, False, 200),
        (RENEW_AFTER_MS + 1_000, True, 200),
        (idle_ms, False, 303),
    ):
        idle_at = house.now + idle_ms - idle_for
        signed = house.services.signer.sign(replace(claims, idle_at=idle_at))
        page = await house.client.get("/account", headers={"cookie": f"member_session={signed}"})
        assert (page.status_code, "member_session" in page.headers.get("set-cookie", "")) == (
            status,
            renewed,
        ), idle_for


async def test_forms_are_bounded(quick_house: House) -> None:
    for content, content_type, status in (
        (b"{}", "application/json", 415),
        (b"pin=" + b"1" * 70_000, "application/x-www-form-urlencoded", 413),
        (b"pin=%00", "application/x-www-form-urlencoded", 422),
    ):
        headers = OWN | {"content-type": content_type}
        answer = await quick_house.client.post("/login", content=content, headers=headers)
        assert answer.status_code == status
        assert answer.headers["content-type"].startswith("text/html")


async def test_markup_in_texts_is_text(quick_house: House) -> None:
    event = quick_house.publish(5, title="<script>alert(1)</script>", notice="<b>&")
    page = await quick_house.client.get(f"/events/{event}")
    assert "<script>alert" not in page.text
    assert "&lt;b&gt;&amp;" in page.text
