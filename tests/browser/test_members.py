"""Goal: a member books on any phone, in either language, with or without JavaScript, and understands every answer.

Method: a real Chromium against the real demo. JavaScript is off unless a test says otherwise; each test has a
card of its own and reads the page as the member does.
"""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.command import RunningInstance
from tests.support.steps import book, confirm, hold, sideways_scroll, sign_in

pytestmark = pytest.mark.slow

OpenPage = Callable[..., Page]
Campaign = Callable[[str], Any]

WORDS = {
    "zh": {"held": "票已为您锁定", "orders": "我的票", "limit": "每卡限 3 张，您已有 2 张，还可订 1 张。"},
    "en": {
        "held": "Your tickets are held",
        "orders": "My tickets",
        "limit": "The limit is 3 per card; yours so far: 2, left: 1.",
    },
}


@pytest.mark.parametrize(("language", "wide"), [("zh", False), ("en", True)])
def test_from_the_list_to_a_qr_code_without_javascript(
    open_page: OpenPage, card: Any, campaign: Campaign, language: str, wide: bool
) -> None:
    page, event = open_page(language=language, wide=wide), campaign("five-yuan-cinema")
    page.goto("/")
    page.click(f"a[href='/events/{event['id']}']")
    page.click("a.button[href^='/login']")
    page.fill("#card_number", card["card_number"])
    page.fill("#pin", card["pin"])
    page.click("main form button")
    expect(page).to_have_url(f"{page.url.split('/events')[0]}/events/{event['id']}")

    page.select_option(f"#q-{event['quotas'][0]['id']}", "2")
    page.click("form[action$='/holds'] button")
    expect(page.locator("h1")).to_have_text(WORDS[language]["held"])
    expect(page.locator(".total")).to_contain_text("¥10.00")

    number = confirm(page)
    assert len(number.replace(" ", "")) == 12
    expect(page.locator(".ticket")).to_have_count(2)
    for image in page.locator(".qr").all():
        picture = page.request.get(str(image.get_attribute("src")))
        assert picture.ok
        assert picture.headers["content-type"].startswith("image/svg+xml")
        assert picture.text().startswith("<svg")

    page.click(f"nav >> text={WORDS[language]['orders']}")
    expect(page.locator(".card").first).to_contain_text(number)
    page.goto(f"/events/{event['id']}")
    expect(page.locator("main")).to_contain_text(WORDS[language]["limit"])


def test_a_reload_and_a_second_tap_take_nothing_more(
    open_page: OpenPage, card: Any, campaign: Campaign
) -> None:
    page, event = open_page(), campaign("five-yuan-cinema")
    sign_in(page, card)
    page.goto(f"/events/{event['id']}")
    form: dict[str, str | float | bool] = {
        "key": str(page.get_attribute("input[name=key]", "value")),
        f"q.{event['quotas'][0]['id']}": "1",
    }
    headers = {"origin": page.url.split("/events")[0]}
    path = f"/events/{event['id']}/holds"
    first, second = (page.request.post(path, form=form, headers=headers, max_redirects=0) for _ in range(2))
    assert first.status == second.status == 303
    assert first.headers["location"] == second.headers["location"]

    page.goto(first.headers["location"])
    confirm(page)
    order = page.url
    page.goto(first.headers["location"])
    page.click(".box a.button")
    assert page.url == order.partition("?")[0]


def test_tickets_given_back_can_be_booked_again(open_page: OpenPage, card: Any, campaign: Campaign) -> None:
    page, event = open_page(), campaign("five-yuan-cinema")
    sign_in(page, card)
    hold(page, event, 3)
    page.goto(f"/events/{event['id']}")
    expect(page.locator("main")).to_contain_text("您有锁定的票等待确认")
    expect(page.locator("form[action$='/holds'] button")).to_be_disabled()
    page.click("text=去确认")
    page.click("form[action$='/release'] button")
    expect(page.locator(".message.done")).to_have_text("票已退回。")
    hold(page, event, 3)
    expect(page.locator("h1")).to_have_text("票已为您锁定")


def test_a_member_cancels_one_of_two_tickets(open_page: OpenPage, card: Any, campaign: Campaign) -> None:
    page = open_page()
    book(page, card, campaign("five-yuan-cinema"), 2)
    page.click("summary >> text=退票")
    page.check("input[name=ticket] >> nth=1")
    page.click("form[action$='/cancel'] button")
    expect(page.locator(".message.done")).to_have_text("票已退，重新放回票池。")
    expect(page.locator(".ticket.issued")).to_have_count(1)
    expect(page.locator(".ticket.void")).to_have_count(1)


def test_each_refusal_says_what_to_do(open_page: OpenPage, card: Any, campaign: Campaign) -> None:
    page = open_page()
    sign_in(page, {"card_number": card["card_number"], "pin": "000000"})
    expect(page.locator("[role=alert]")).to_contain_text("请检查后再试")

    sign_in(page, card, "/holds/nothing.of-ours")
    expect(page.locator("[role=alert]")).to_contain_text("请检查网址，或返回首页")

    page.goto(f"/events/{campaign('evening-classes')['id']}")
    expect(page.locator("main")).to_contain_text("票已全部订出")
    event = campaign("five-yuan-cinema")
    page.goto(f"/events/{event['id']}")
    page.click("form[action$='/holds'] button")  # nothing chosen
    expect(page.locator("[role=alert]")).to_have_text("请先选择张数，再点订票。")


def test_a_form_of_another_site_is_refused(open_page: OpenPage, card: Any, campaign: Campaign) -> None:
    page, event = open_page(), campaign("five-yuan-cinema")
    sign_in(page, card)
    form: dict[str, str | float | bool] = {"key": "stolen", f"q.{event['quotas'][0]['id']}": "1"}
    path = f"/events/{event['id']}/holds"
    foreign = page.request.post(path, form=form, headers={"origin": "https://elsewhere.example"})
    assert foreign.status == 403
    page.goto(f"/events/{event['id']}")
    expect(page.locator("main")).to_contain_text("您已有 0 张")


def test_signing_in_leads_to_our_own_pages_only(open_page: OpenPage, card: Any) -> None:
    page = open_page()
    sign_in(page, card, "//elsewhere.example/")
    assert page.url.endswith("/")
    assert "elsewhere" not in page.url


def test_a_member_signs_out(open_page: OpenPage, card: Any) -> None:
    page = open_page()
    sign_in(page, card, "/orders")
    page.goto("/account")
    page.click("form[action='/logout'] button")
    page.goto("/orders")
    expect(page.locator("h1")).to_have_text("登录")


def test_a_member_changes_the_pin(open_page: OpenPage, card: Any) -> None:
    page = open_page()
    sign_in(page, card, "/account")
    page.fill("#pin", card["pin"])
    page.fill("#new_pin", "738291")
    page.click("form[action='/account'] button")
    expect(page.locator(".message.done")).to_have_text("密码已修改。")
    other = open_page()
    sign_in(other, {"card_number": card["card_number"], "pin": "738291"}, "/account")
    expect(other.locator("h1")).to_have_text("我的账户")


def test_the_language_is_a_link_and_stays(open_page: OpenPage) -> None:
    page = open_page(language="zh")
    page.goto("/login")
    page.click("nav .language")
    expect(page.locator("h1")).to_have_text("Sign in")
    page.goto("/")
    expect(page.locator("h1")).to_have_text("Events")
    assert page.get_attribute("html", "lang") == "en"


def test_the_countdown_runs_and_nothing_breaks_the_content_policy(
    open_page: OpenPage, card: Any, campaign: Campaign
) -> None:
    page = open_page(javascript=True)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    sign_in(page, card)
    hold(page, campaign("five-yuan-cinema"), 1)
    clock = page.locator(".clock")
    shown = clock.inner_text()
    assert shown <= "05:00"
    expect(clock).not_to_have_text(shown)
    confirm(page)
    expect(page.locator(".qr").first).to_have_js_property("complete", True)
    assert page.locator(".qr").first.evaluate("image => image.naturalWidth") > 0
    assert said == []


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("wide", [False, True])
def test_nothing_scrolls_sideways(
    open_page: OpenPage, card: Any, demo: RunningInstance, language: str, wide: bool
) -> None:
    page = open_page(language=language, wide=wide)
    events = [f"/events/{event['id']}" for event in demo.demo["events"]]
    for path in ("/", "/login", *events):
        page.goto(path)
        assert sideways_scroll(page) == 0, path
    sign_in(page, card)
    for path in ("/orders", "/account", *events):
        page.goto(path)
        assert sideways_scroll(page) == 0, path
