"""What members do in a browser, step by step, for tests of several pages."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def sign_in(page: Page, card: Any, after: str = "/") -> None:
    """Sign a member in and go to `after`."""
    page.goto(f"/login?next={after}")
    page.fill("#card_number", card["card_number"])
    page.fill("#pin", card["pin"])
    page.click("main form button")


def hold(page: Page, event: Any, quantity: int, quota: int = 0) -> None:
    """Hold tickets of one quota of an event."""
    page.goto(f"/events/{event['id']}")
    page.select_option(f"#q-{event['quotas'][quota]['id']}", str(quantity))
    page.click("form[action$='/holds'] button")


def confirm(page: Page) -> str:
    """Confirm the hold that the page shows; the order's number as it is written there."""
    page.click("form[action$='/confirm'] button")
    return page.inner_text(".heading .code")


def book(page: Page, card: Any, event: Any, quantity: int = 1) -> str:
    """From the sign-in to the order; its number."""
    sign_in(page, card)
    hold(page, event, quantity)
    return confirm(page)


def sideways_scroll(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    page.wait_for_load_state("load")
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


def broken_rules(page: Page) -> list[str]:
    """What axe-core says against a page of a browser with JavaScript (without, it would never answer)."""
    found = Axe().run(page, options=RULES).response["violations"]
    return [f"{rule['id']}: {node['html'][:120]}" for rule in found for node in rule["nodes"]]
