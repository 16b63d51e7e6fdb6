"""Goal: staff keep tickets for the desk, which the web does not sell and the desk does.

Method: a manager keeps a whole quota for the desk on the event's page; a member finds it sold out, and a clerk sells of
it to the same member. Without JavaScript, in a browser.
"""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.events import make_event
from tests.support.steps import sideways_scroll, sign_in

pytestmark = pytest.mark.slow


def test_the_desk_sells_what_is_kept_for_it(
    demo: Any, open_page: Callable[..., Page], staff_page: Callable[..., Page], cards: Any
) -> None:
    event = make_event(demo, 2, title="现场留票", price=500, payment_methods=["desk"], per_card_limit=2)
    [card] = cards(1)
    manager = staff_page("manager")
    manager.goto(f"/staff/events/{event['id']}")
    manager.fill("#withheld", "3")
    manager.fill("#share-reason", "现场")
    manager.click("form[action$='/share'] button")
    expect(manager.locator(".message.problem").last).to_contain_text("不能超过")
    manager.fill("#withheld", "2")
    manager.fill("#share-reason", "现场")
    manager.click("form[action$='/share'] button")
    expect(manager.locator("[role=status]")).to_contain_text("现场留票数已修改")
    assert sideways_scroll(manager) == 0

    member = open_page()
    sign_in(member, card, f"/events/{event['id']}")
    expect(member.locator("form[action$='/holds'] button")).to_have_count(0)

    clerk = staff_page("clerk")
    clerk.goto("/desk")
    clerk.fill("#swipe", card["card_number"])
    clerk.click("form.swipe button")
    clerk.select_option("#quota", event["quotas"][0]["id"])
    clerk.check("form[action='/desk/sales'] input[value=cash]")
    clerk.click("form[action='/desk/sales'] button")
    expect(clerk.locator(".verdict.good")).to_contain_text("已发放 1 张票")
    manager.goto(f"/staff/events/{event['id']}")
    expect(manager.locator("table.figures td").nth(1)).to_have_text("1")

    clerk.goto("/desk/share")
    share = clerk.locator("form[action='/desk/share']", has_text="现场留票")
    share.locator("[name=reason]").fill("今天没人来")
    assert sideways_scroll(clerk) == 0
    share.locator("button").click()
    expect(clerk.locator("[role=status]")).to_contain_text("网上")
    member.goto(f"/events/{event['id']}")
    expect(member.locator("form[action$='/holds'] option", has_text="1")).not_to_have_count(0)
