"""What the members' pages weigh, and how soon they show something: `./dev python -m scripts.measure_pages`.

A demo of its own, Chromium with an empty cache, its network slowed down by the browser itself (400 ms to and fro,
400 kbit/s; in the last column 2,000 ms, which no page can be quicker than). Prints a table: bytes on the wire on a
first visit and on the next, milliseconds to the first content; each the median of five visits.
"""

import statistics
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from tests.support.browser import running_browser, visitor
from tests.support.command import running
from tests.support.wire import DEVTOOLS_SLOW_3G, SLOW_3G, counted, first_content_ms

ROUNDS = 5


def main() -> None:
    """Measure every page of a stranger's way in."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running("demo", Path(folder) / "data") as demo,
        running_browser() as browser,
    ):
        pages = {"list": "/", "sign-in": "/login"}
        pages |= {event["scenario"]: f"/events/{event['id']}" for event in demo.demo["events"]}
        print(
            f"{'page':<20}{'first visit':>14}{'next visit':>14}{'first content':>18}{'of the next':>14}"
            f"{'at 2 s latency':>18}"
        )
        for name, path in pages.items():
            rounds = [_measure(browser, demo.base_url, path) for _ in range(ROUNDS)]
            first, following, shown, again, slowest = (
                statistics.median(column) for column in zip(*rounds, strict=True)
            )
            print(
                f"{name:<20}{first:>8.0f} bytes{following:>8.0f} bytes{shown:>15.0f} ms{again:>11.0f} ms"
                f"{slowest:>15.0f} ms"
            )


def _measure(browser: Browser, base_url: str, path: str) -> tuple[float, float, float, float, float]:
    """Bytes of a first visit and of the next, the time to the first content of each, and of a first one at 2 s."""
    (first, shown), (following, again) = _visits(browser, base_url, path, SLOW_3G, 2)
    [(_, slowest)] = _visits(browser, base_url, path, DEVTOOLS_SLOW_3G, 1)
    return first, following, shown, again, slowest


def _visits(
    browser: Browser, base_url: str, path: str, network: dict[str, Any], times: int
) -> list[tuple[int, float]]:
    """Visits one after the other by somebody new: the bytes and the time to the first content of each."""
    context = visitor(browser, base_url, javascript=True)
    page = context.new_page()
    found: list[tuple[int, float]] = []
    for _ in range(times):
        with counted(page, network) as wire:
            page.goto(path)
            page.wait_for_load_state("networkidle")
            found.append((wire.total(), first_content_ms(page)))
        page.goto("about:blank")
    context.close()
    return found


if __name__ == "__main__":
    main()
