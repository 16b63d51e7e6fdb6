"""Goal: a clerk hands tickets out in seconds, once, and can take a mistake back.

Method: a member books in one browser; a clerk with a card reader (which types digits and Enter) works in another,
without JavaScript.
"""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.steps import book, sideways_scroll

pytestmark = pytest.mark.slow

OpenPage = Callable[..., Page]
StaffPage = Callable[..., Page]
Campaign = Callable[[str], Any]


def _swipe(page: Page, typed: str) -> None:
    expect(page.locator("#swipe")).to_be_focused()
    page.keyboard.type(typed)
    with page.expect_navigation():  # to the same address
        page.keyboard.press("Enter")


def _hand_out(page: Page, method: str = "card") -> None:
    page.click(f"form[action='/desk/pickups'] button[value={method}]")


@pytest.mark.parametrize(
    ("language", "handed_out", "gone"),
    [("zh", "已发放 2 张票", "已经取走"), ("en", "2 tickets handed out", "Already handed out")],
)
def test_handed_out_once_and_the_second_swipe_says_by_whom(
    open_page: OpenPage,
    staff_page: StaffPage,
    fresh_card: Any,
    campaign: Campaign,
    language: str,
    handed_out: str,
    gone: str,
) -> None:
    book(open_page(), fresh_card, campaign("five-yuan-cinema"), 2)
    desk = staff_page("clerk", language=language, wide=True)
    expect(desk).to_have_url(desk.url.split("/desk")[0] + "/desk")
    desk.click(".setup summary")
    desk.fill("#desk", "文化宫 2 号窗口")
    desk.click(".setup button")

    _swipe(desk, fresh_card["card_number"])
    assert fresh_card["card_number"] not in desk.url
    assert fresh_card["card_number"] not in desk.inner_text("body")
    expect(desk.locator(".verdict.wait .total")).to_contain_text("¥10.00")
    _hand_out(desk)
    expect(desk.locator(".verdict.good .word")).to_have_text(handed_out)

    for again in (fresh_card["card_number"], desk.locator(".verdict .code").first.inner_text()):
        _swipe(desk, again)
        refused = desk.locator(".verdict.bad")
        expect(refused).to_contain_text(gone)
        expect(refused).to_contain_text("文化宫 2 号窗口")
        expect(refused).to_contain_text("clerk")
        expect(desk.locator("form[action='/desk/pickups']")).to_have_count(0)
        desk.goto("/desk")


def test_one_of_two_then_the_other(
    open_page: OpenPage, staff_page: StaffPage, fresh_card: Any, campaign: Campaign
) -> None:
    number = book(open_page(), fresh_card, campaign("five-yuan-cinema"), 2)
    desk = staff_page("clerk")
    _swipe(desk, number)
    desk.uncheck("input[name=ticket] >> nth=1")
    _hand_out(desk, "cash")
    expect(desk.locator(".verdict.good .word")).to_have_text("已发放 1 张票")
    _swipe(desk, number)
    expect(desk.locator("input[name=ticket]")).to_have_count(1)
    expect(desk.locator(".total")).to_have_count(0)
    desk.click("form[action='/desk/pickups'] button.big")
    expect(desk.locator(".verdict.good .word")).to_have_text("已发放 1 张票")


def test_a_mistake_is_taken_back(
    open_page: OpenPage, staff_page: StaffPage, fresh_card: Any, campaign: Campaign
) -> None:
    book(open_page(), fresh_card, campaign("five-yuan-cinema"), 1)
    desk = staff_page("clerk")
    _swipe(desk, fresh_card["card_number"])
    _hand_out(desk)
    desk.click("form[action$='/undo'] button")
    expect(desk.locator(".verdict")).to_contain_text("已撤回")
    _swipe(desk, fresh_card["card_number"])
    expect(desk.locator("input[name=ticket]")).to_have_count(1)
    expect(desk.locator(".total")).to_contain_text("¥5.00")


def test_the_same_form_sent_twice_hands_out_once(
    open_page: OpenPage, staff_page: StaffPage, fresh_card: Any, campaign: Campaign
) -> None:
    book(open_page(), fresh_card, campaign("five-yuan-cinema"), 1)
    desk = staff_page("clerk")
    _swipe(desk, fresh_card["card_number"])
    form: dict[str, str | float | bool] = {
        "key": str(desk.locator("form[action='/desk/pickups'] input[name=key]").get_attribute("value")),
        "ticket": str(desk.locator("input[name=ticket]").get_attribute("value")),
        "method": "card",
    }
    headers = {"origin": desk.url.removesuffix("/desk")}
    first, second = (
        desk.request.post("/desk/pickups", form=form, headers=headers, max_redirects=0) for _ in range(2)
    )
    assert first.status == second.status == 303
    assert first.headers["location"] == second.headers["location"]


def test_a_sale_on_the_spot_keeps_the_limit(
    staff_page: StaffPage, fresh_card: Any, campaign: Campaign
) -> None:
    event = campaign("five-yuan-cinema")
    desk = staff_page("clerk")
    for quantity in (2, 2):
        _swipe(desk, fresh_card["card_number"])
        desk.select_option("#quota", event["quotas"][1]["id"])
        desk.fill("#quantity", str(quantity))
        desk.check("form[action='/desk/sales'] input[value=cash]")
        desk.click("form[action='/desk/sales'] button")
        if desk.locator("[role=alert]").count() == 0:
            expect(desk.locator(".verdict.good")).to_contain_text("已收 ¥10.00")
    expect(desk.locator("[role=alert]")).to_have_text("每卡限 3 张，该会员已有 2 张。")


def test_an_unknown_card_says_so(staff_page: StaffPage) -> None:
    desk = staff_page("clerk")
    _swipe(desk, "99999999999999999")
    expect(desk.locator("[role=alert]")).to_contain_text("请重新刷卡")
    assert "99999999999999999" not in desk.url


def test_the_desk_is_not_for_auditors(staff_page: StaffPage) -> None:
    page = staff_page("auditor")
    answer = page.goto("/desk")
    assert answer is not None
    assert answer.status == 403
    expect(page.locator("[role=alert]")).to_contain_text("请联系管理员")


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("wide", [False, True])
def test_nothing_scrolls_sideways(
    open_page: OpenPage, staff_page: StaffPage, card: Any, campaign: Campaign, language: str, wide: bool
) -> None:
    book(open_page(), card, campaign("five-yuan-cinema"), 3)
    desk = staff_page("clerk", language=language, wide=wide)
    assert sideways_scroll(desk) == 0
    _swipe(desk, card["card_number"])
    assert sideways_scroll(desk) == 0
    _hand_out(desk)
    assert sideways_scroll(desk) == 0
