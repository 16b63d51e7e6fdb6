"""Goal: staff find and tick who may book an event by the keyboard alone, with a script and without.

Method: one manager's browser against the demo; the form is filled by keys, and the event's own form is read afterwards.
"""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.slow

FOUND = "#eligible-lists fieldset:last-of-type input[type=checkbox]"


def _search(page: Page, text: str, javascript: bool) -> None:
    page.focus("#eligible_q")
    page.keyboard.type(text)
    if javascript:
        page.wait_for_selector(f"#eligible-lists input[type=hidden][value='{text}']", state="attached")
        expect(page.locator("#eligible_q")).to_be_focused()
    else:
        page.keyboard.press("Enter")
        expect(page.locator("#eligible_q-wrong")).to_be_visible()
        expect(page.locator("#eligible_q")).to_be_focused()


@pytest.mark.parametrize("javascript", [False, True])
def test_who_may_book_is_chosen_by_keys(staff_page: Callable[..., Page], javascript: bool) -> None:
    page = staff_page("manager", language="en", javascript=javascript)
    page.goto("/staff/events/new")
    page.fill("#title", "Choir <1>")
    _search(page, "街道", javascript)
    expect(page.locator("#eligible-words")).to_contain_text("Everyone")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    ticked = page.locator(f"{FOUND}:checked").get_attribute("value")
    if not javascript:
        page.focus("#eligible button")
        page.keyboard.press("Enter")
    expect(page.locator("#eligible-words")).to_contain_text("Members of 1 organisation")
    assert page.input_value("#title") == "Choir <1>"
    for name, value in (
        ("opens_at", "2030-04-01T08:00"),
        ("closes_at", "2030-04-30T08:00"),
        ("starts_at", "2030-05-01T08:00"),
    ):
        page.fill(f"#{name}", value)
    page.fill("[id='quota.0.name']", "A")
    page.fill("[id='quota.0.capacity']", "5")
    page.press("[id='quota.0.capacity']", "Enter")
    page.wait_for_url("**?done=created")
    page.goto(page.url.partition("?")[0] + "/edit")
    assert [page.locator("#eligible-lists input:checked").get_attribute("value")] == [ticked]
