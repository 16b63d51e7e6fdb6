"""What a page costs on the wire, as Chromium's network log counts it: headers and compressed bodies."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import CDPSession, Page

SLOW_3G = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
"""400 ms to and fro and 400 kbit/s: what WebPageTest calls 3G Slow."""

DEVTOOLS_SLOW_3G = SLOW_3G | {"latency": 2_000}
"""What Chromium's developer tools call Slow 3G: two seconds before the first byte of anything, the page included."""


class Wire:
    """The requests of a page since the count began, and the bytes that came for them."""

    def __init__(self, session: CDPSession) -> None:
        self.bytes: dict[str, int] = {}
        self._addresses: dict[str, str] = {}
        session.on("Network.requestWillBeSent", self._asked)
        session.on("Network.loadingFinished", self._came)

    def total(self) -> int:
        """All bytes together."""
        return sum(self.bytes.values())

    def _asked(self, event: dict[str, Any]) -> None:
        self._addresses[event["requestId"]] = event["request"]["url"]

    def _came(self, event: dict[str, Any]) -> None:
        address = self._addresses.get(event["requestId"])
        if address is not None:  # else it was asked for before the count began
            self.bytes[address] = int(event["encodedDataLength"])


@contextmanager
def counted(page: Page, network: dict[str, Any] | None = None) -> Iterator[Wire]:
    """Count what `page` loads, on a network as good as `network` says."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    if network:
        session.send("Network.emulateNetworkConditions", network)
    yield Wire(session)
    session.detach()


def first_content_ms(page: Page) -> float:
    """When the first text or picture stood on the page, after the navigation began."""
    page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length")
    return float(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
