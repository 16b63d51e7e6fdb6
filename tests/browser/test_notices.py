"""Goal: a member who has a ticket sees on their own page that the event was moved, or called off, by staff.

Method: a real Chromium against the real demo with its worker; staff change the event by the API, as their program
would, and call it off on their page.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.command import RunningInstance
from tests.support.events import change
from tests.support.processes import wait_for
from tests.support.steps import confirm, hold, sign_in

pytestmark = pytest.mark.slow

OpenPage = Callable[..., Page]

WORDS = {
    "zh": {"moved": "与您订票时相比有变动", "off": "已取消。您的票已作废", "act": "取消活动"},
    "en": {
        "moved": "is not as it was",
        "off": "was cancelled. Your tickets are void",
        "act": "Call the event off",
    },
}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_member_reads_that_it_moved_and_that_it_was_called_off(
    open_page: OpenPage,
    staff_page: OpenPage,
    card: Any,
    new_event: Callable[..., Any],
    demo: RunningInstance,
    language: str,
) -> None:
    page, words = open_page(language=language), WORDS[language]
    event = new_event(5, title="露天电影", venue="一号厅")
    sign_in(page, card)
    hold(page, event, 1)
    confirm(page)

    later = datetime.now(UTC) + timedelta(days=9)
    change(demo, event["id"], {"venue": "二号厅", "starts_at": later, "reason": "rain"})
    page.goto("/orders")
    notice = page.locator(".message", has_text=words["moved"])
    expect(notice).to_contain_text("露天电影")
    expect(notice.locator("s")).to_have_count(2)
    expect(notice.locator("strong").last).to_have_text("二号厅")

    staff = staff_page("manager", language=language, wide=True)
    staff.goto(f"/staff/events/{event['id']}")
    staff.click(f"summary >> text={words['act']}")
    staff.fill("#reason-cancel", "rain")
    staff.click("form[action$='/cancel'] button")
    expect(staff.locator(".badge").first).to_have_class("badge cancelled")

    def void() -> bool:
        page.goto("/orders")
        return page.locator(".card .badge.cancelled").count() == 1

    assert wait_for(void, 15)
    expect(page.locator(".message", has_text=words["off"])).to_have_count(1)
    page.click(".card a")
    expect(page.locator(".ticket.void")).to_have_count(1)
    expect(page.locator(".qr")).to_have_count(0)
