"""A clerk with a reader at the desk's page, and what they see and hear there."""

from typing import Any

from playwright.sync_api import Page, expect

from tests.support.keys import Keyboard

LISTEN = """
window.heard = [];
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (...when) {
  window.heard.push(this.type);
  return start.apply(this, when);
};"""


class Desk:
    """A clerk with a reader at the desk's page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        page.add_init_script(LISTEN)
        page.reload()
        self.keys = Keyboard(page)
        self.swipes: list[str] = []
        page.on("request", self._count)

    def _count(self, request: Any) -> None:
        if request.method == "POST" and request.url.endswith("/desk"):
            self.swipes.append(request.post_data or "")

    def sees(self, kind: str, word: str | None = None) -> None:
        """The verdict is of this kind, with this word."""
        verdict = self.page.locator("#result > .verdict >> nth=0")
        expect(verdict).to_have_attribute("data-kind", kind)
        if word is not None:
            expect(verdict.locator(".word")).to_have_text(word)

    def has_focus(self) -> None:
        """Whatever is read or typed now arrives in the field."""
        expect(self.page.locator("#swipe")).to_be_focused()

    def heard(self) -> list[str]:
        """What was sounded since it was asked last."""
        return list(self.page.evaluate("window.heard.splice(0)"))

    def presses(self, key: str) -> None:
        """One key, after the clerk has had time to see what is shown."""
        self.page.wait_for_timeout(350)
        self.keys.types("", key)

    def waits_out_the_swipe(self) -> None:
        """So long that the same card is a new swipe."""
        self.page.wait_for_timeout(2_100)
