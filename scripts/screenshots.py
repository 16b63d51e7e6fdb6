"""Makes the pictures of README and docs from a running demo: `./dev python -m scripts.screenshots`.

One picture shows a member's way to a ticket on a phone, one the desk, one what a manager sees.
"""

import base64
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from tests.support.browser import running_browser, visitor
from tests.support.command import RunningInstance, running
from tests.support.steps import confirm, hold, sign_in

IMAGES = Path(__file__).parents[1] / "docs" / "images"
CARD = 990  # the first of the demo's cards without a ticket
GAP = 24


def main() -> None:
    """Start a demo of its own, take the pictures, stop it."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        running("demo", Path(folder) / "data") as demo,
        running_browser() as browser,
    ):
        _member(browser, demo)
        _desk(browser, demo)
        _staff(browser, demo)
    print(
        f"made {', '.join(path.name for path in sorted(IMAGES.glob('*.png')))} in {IMAGES}", file=sys.stderr
    )


def _member(browser: Browser, demo: RunningInstance) -> None:
    page = visitor(browser, demo.base_url).new_page()
    event = _event(demo, "five-yuan-cinema")
    page.goto("/")
    shots = [page.screenshot()]
    sign_in(page, demo.demo["cards"][CARD])
    page.goto(f"/events/{event['id']}")
    shots.append(page.screenshot())
    hold(page, event, 2)
    shots.append(page.screenshot())
    confirm(page)
    page.wait_for_load_state("load")
    shots.append(page.screenshot())
    _side_by_side(browser, shots, IMAGES / "member.png")


def _desk(browser: Browser, demo: RunningInstance) -> None:
    page = _signed_in(browser, demo, "clerk")
    page.fill("#swipe", demo.demo["cards"][CARD]["card_number"])
    page.keyboard.press("Enter")
    page.wait_for_selector("#waiting")
    page.screenshot(path=IMAGES / "desk.png")


def _staff(browser: Browser, demo: RunningInstance) -> None:
    page = _signed_in(browser, demo, "manager")
    page.goto(f"/staff/events/{_event(demo, 'art-exhibition')['id']}")
    page.screenshot(path=IMAGES / "staff.png", full_page=True)


def _event(demo: RunningInstance, scenario: str) -> Any:
    return next(event for event in demo.demo["events"] if event["scenario"] == scenario)


def _signed_in(browser: Browser, demo: RunningInstance, username: str) -> Page:
    page = visitor(browser, demo.base_url, wide=True).new_page()
    account = next(each for each in demo.demo["staff"] if each["username"] == username)
    page.goto("/staff/login")
    page.fill("#username", username)
    page.fill("#password", account["password"])
    page.click("main form button")
    return page


def _side_by_side(browser: Browser, shots: Sequence[bytes], path: Path) -> None:
    sources = [f"data:image/png;base64,{base64.b64encode(shot).decode()}" for shot in shots]
    pictures = "".join(f'<img src="{source}" style="border-radius:12px">' for source in sources)
    page = browser.new_page()
    page.set_content(
        f'<div style="display:inline-flex;gap:{GAP}px;padding:{GAP}px;background:#e7eaf0">{pictures}</div>'
    )
    page.locator("div").screenshot(path=path)


if __name__ == "__main__":
    main()
