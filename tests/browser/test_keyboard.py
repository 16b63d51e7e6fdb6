"""Goal: the keyboard is enough, from the list to a cancelled ticket, with JavaScript and without.

Method: a real Chromium in which nothing is clicked: Tab, arrows, Space and Enter, as whoever cannot use a pointer
goes. Where the focus is must be seen at every stop.
"""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.slow

STOPS_MAX = 300

SEEN = """() => {
  const style = getComputedStyle(document.activeElement)
  return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2
}"""


def _tab_to(page: Page, selector: str) -> None:
    wanted = page.locator(selector).first
    wanted.wait_for()
    for _ in range(STOPS_MAX):
        page.keyboard.press("Tab")
        if wanted.evaluate("element => element === document.activeElement"):
            assert page.evaluate(SEEN), f"the focus on {selector} is not seen"
            return
    pytest.fail(f"the keyboard does not reach {selector}")


def _press(page: Page, selector: str, key: str = "Enter") -> None:
    _tab_to(page, selector)
    page.keyboard.press(key)


@pytest.mark.parametrize("javascript", [False, True])
def test_the_keyboard_is_enough(
    open_page: Callable[..., Page], card: Any, new_event: Callable[..., Any], javascript: bool
) -> None:
    page, event = open_page(wide=True, javascript=javascript), new_event(20, per_card_limit=5)
    page.goto("/login")
    expect(page.locator("#card_number")).to_be_focused()
    page.keyboard.type(card["card_number"])
    page.keyboard.press("Tab")
    page.keyboard.type(card["pin"])
    page.keyboard.press("Enter")
    page.wait_for_url("**/")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    _press(page, f"a[href='/events/{event['id']}']")
    _press(page, "select", "ArrowDown")
    _press(page, "form[action$='/holds'] button")
    expect(page.locator("h1")).to_have_text("票已为您锁定")
    _press(page, "form[action$='/confirm'] button")
    expect(page.locator(".qr")).to_have_count(2)
    _press(page, "summary")
    _press(page, "input[name=ticket]", "Space")
    _press(page, "form[action$='/cancel'] button")
    expect(page.locator(".message.done")).to_have_text("票已退，重新放回票池。")
    expect(page.locator(".qr")).to_have_count(1)
