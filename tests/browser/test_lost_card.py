"""Goal: whoever loses the card loses nothing with it, and whoever finds it gains nothing.

Method: a member books in a real Chromium; staff block the card and replace it by the API of the real demo; the member
goes on with the new one, and somebody tries the old one.
"""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.command import RunningInstance
from tests.support.events import card_act
from tests.support.processes import wait_for
from tests.support.steps import book, hold, sign_in

pytestmark = pytest.mark.slow


def test_the_new_card_has_the_tickets_and_the_used_allowance(
    open_page: Callable[..., Page], card: Any, new_event: Callable[..., Any], demo: RunningInstance
) -> None:
    page, event = open_page(), new_event(20, per_card_limit=3)
    number = book(page, card, event, 2)
    card_act(demo, "block", {"card_number": card["card_number"]})

    def blocked() -> bool:
        page.goto("/account")
        return page.locator(".message.problem").count() == 1

    assert wait_for(blocked, 10)
    expect(page.locator(".message.problem")).to_contain_text("您的卡已停用")
    hold(page, event, 1)
    expect(page.locator("[role=alert]")).to_contain_text("您的卡已停用")

    new = card | {"card_number": f"77{card['card_number'][2:]}"}
    card_act(demo, "replace", {"card_number": card["card_number"], "new_card_number": new["card_number"]})
    finder, owner = open_page(), open_page()
    sign_in(finder, card)
    expect(finder.locator("[role=alert]")).to_be_visible()
    sign_in(owner, new, "/orders")
    expect(owner.locator(".card", has_text=number)).to_have_count(1)
    owner.goto(f"/events/{event['id']}")
    expect(owner.locator(".allowance strong")).to_have_text("1/3")
    assert owner.locator("select option").all_inner_texts() == ["0", "1"]
