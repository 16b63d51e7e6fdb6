"""Goal: a clerk counts a shift in a minute, and the finance office sees what was taken, undone and counted.

Method: a clerk opens a shift, hands out, sells and undoes, and closes it with a coin too few; then the auditor reads
the report. The clerk's browser has no JavaScript.
"""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.events import make_event
from tests.support.steps import book, broken_rules, sideways_scroll

pytestmark = pytest.mark.slow

OpenPage = Callable[..., Page]
StaffPage = Callable[..., Page]
DESK = "收银测试窗口"


@pytest.fixture
def clerk_page(staff_page: StaffPage) -> Page:
    """The desk of a clerk, named for this test."""
    page = staff_page("clerk", wide=True)
    page.click(".setup summary")
    page.fill("#desk", DESK)
    page.click(".setup button")
    return page


def swipe(page: Page, typed: str) -> None:
    page.goto("/desk")
    page.fill("#swipe", typed)
    page.click("form.swipe button")


def hand_out(page: Page, event: Any, method: str) -> None:
    """Hand out the tickets of this event alone, paid like this."""
    for box in page.locator("input[name=ticket]").all():
        box.set_checked(str(box.get_attribute("value")).startswith(event["id"]))
    page.click(f"form[action='/desk/pickups'] button[value={method}]")


def work(demo: Any, open_page: OpenPage, clerk_page: Page, cards: Any) -> None:
    """Open a shift with 100 yuan, be paid 10 in cash and 10 by card, take the second back, and sell for 5."""
    event = make_event(demo, 50, title="收银之夜", price=500, payment_methods=["desk"], per_card_limit=5)
    paid, undone, buyer = cards(3)
    for card in (paid, undone):
        book(open_page(), card, event, 2)
    clerk_page.goto("/desk/till")
    clerk_page.fill("#opening_cash", "100")
    clerk_page.click("form[action='/desk/till'] button")
    expect(clerk_page.locator("[role=status]")).to_contain_text("已开班")

    for card, method in ((paid, "cash"), (undone, "card")):
        swipe(clerk_page, card["card_number"])
        hand_out(clerk_page, event, method)
    clerk_page.locator("form[action$='/undo'] button").first.click()
    swipe(clerk_page, buyer["card_number"])
    clerk_page.select_option("#quota", event["quotas"][0]["id"])
    clerk_page.check("form[action='/desk/sales'] input[value=cash]")
    clerk_page.click("form[action='/desk/sales'] button")


def test_a_shift_with_sales_an_undo_and_totals(
    demo: Any, open_page: OpenPage, staff_page: StaffPage, clerk_page: Page, cards: Any
) -> None:
    work(demo, open_page, clerk_page, cards)
    clerk_page.goto("/desk/till")
    rows = clerk_page.locator("table.lines tbody tr")
    lines = [" ".join(text.split()) for text in rows.all_inner_texts()]
    assert lines == [
        "收银之夜 发放 刷卡 1 ¥10.00",
        "收银之夜 发放 现金 2 ¥15.00",
        "收银之夜 已撤回 刷卡 1 −¥10.00",
    ]
    assert sideways_scroll(clerk_page) == 0
    clerk_page.click("text=清点并结束")
    clerk_page.fill("#counted_cash", "114")
    clerk_page.fill("#counted_card", "0")
    clerk_page.click("form[action$='/close'] button")
    expect(clerk_page.locator(".message.problem").last).to_contain_text("请重新清点")
    assert clerk_page.input_value("#counted_cash") == "114"
    clerk_page.fill("#remark", "少一枚硬币")
    clerk_page.click("form[action$='/close'] button")
    expect(clerk_page.locator("[role=status]")).to_contain_text("班次已结束")
    difference = clerk_page.locator("tr.difference").inner_text()
    assert "-¥1.00" in difference

    auditor = staff_page("auditor", wide=True, javascript=True)  # axe needs it, the pages do not
    auditor.goto("/staff/till")
    shift = auditor.locator("table.shifts tbody tr", has_text=DESK)
    expect(shift).to_contain_text("少一枚硬币")
    expect(shift).to_contain_text("-¥1.00")
    expect(auditor.locator("table.totals tbody tr", has_text="收银之夜").first).to_contain_text("¥0.00")
    with auditor.expect_download() as download:
        auditor.click("a[href*='till.csv']")
    assert "少一枚硬币" in download.value.path().read_text("utf-8-sig")
    assert sideways_scroll(auditor) == 0
    assert broken_rules(auditor) == []
    shift.locator("a").click()
    expect(auditor.locator("tr.counted")).to_contain_text("¥114.00")
    assert broken_rules(auditor) == []
    expect(auditor.locator("form[action$='/close']")).to_have_count(0)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_money_without_a_shift_is_listed_outside(
    demo: Any, open_page: OpenPage, staff_page: StaffPage, cards: Any, language: str
) -> None:
    event = make_event(demo, 50, title=f"无班 {language}", price=700, payment_methods=["desk"])
    (card,) = cards(1)
    book(open_page(), card, event, 1)
    desk = staff_page("clerk", language=language)
    swipe(desk, card["card_number"])
    hand_out(desk, event, "cash")
    report = staff_page("manager", language=language)
    report.goto("/staff/till")
    line = report.locator("table.loose tbody tr", has_text=event["title"])
    expect(line).to_contain_text("¥7.00")
    expect(line).to_contain_text("clerk")
    assert sideways_scroll(report) == 0
