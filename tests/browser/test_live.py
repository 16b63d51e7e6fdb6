"""Goal: a sale's numbers change by themselves in front of whoever watches, until they may not watch any more.

Method: a manager's browser on the live page while tickets are taken by the API; then the session ends elsewhere.
"""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import DESKTOP
from tests.support.command import RunningInstance
from tests.support.events import hold_one

pytestmark = pytest.mark.slow


def test_the_numbers_change_by_themselves_and_end_with_the_session(
    staff_page: Callable[..., Page], demo: RunningInstance, new_event: Callable[..., Any], card: Any
) -> None:
    event = new_event(20)["id"]
    page = staff_page("manager", language="en", javascript=True)
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(said.text))  # what the content policy refuses is said there
    page.goto(f"/staff/events/{event}/live")
    expect(page.get_by_text("0 sold, 0 on hold, 0 held back, 20 left of 20")).to_be_visible()
    page.evaluate("window.kept = true")
    hold_one(demo, event, card)
    expect(page.get_by_text("0 sold, 1 on hold, 0 held back, 19 left of 20")).to_be_visible()
    expect(page.locator("svg.bar rect.held")).to_have_attribute("width", "1")
    assert page.evaluate("window.kept"), "the page is the same, only its numbers are new"
    expect(page.locator("#lost")).to_be_hidden()
    assert wrong == []

    cookie = next(each for each in page.context.cookies() if each["name"] == "staff_session")
    bearer = {"authorization": f"Bearer {cookie['value']}"}
    httpx2.delete(f"{demo.base_url}/api/v1/staff/sessions/current", headers=bearer, trust_env=False)
    page.wait_for_url("**/staff/login?next=**")


def test_a_wall_fills_the_screen_and_has_nothing_to_press(
    staff_page: Callable[..., Page], campaign: Callable[[str], Any]
) -> None:
    event = campaign("five-yuan-cinema")["id"]
    page = staff_page("manager", wide=True)
    page.goto(f"/staff/events/{event}/wall")
    assert page.locator("a, button, input, select").count() == 0
    smallest = page.evaluate(
        "Math.min(...[...document.querySelectorAll('dd')].map(n => parseFloat(getComputedStyle(n).fontSize)))"
    )
    assert smallest >= DESKTOP["height"] / 10
    high = page.evaluate("document.documentElement.scrollHeight")
    assert high <= DESKTOP["height"] + 1, "what is below the edge of a wall nobody sees"
