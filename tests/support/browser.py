"""A real Chromium for tests: `$CHROMIUM`, an installed one, or Playwright's own download."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Playwright, ViewportSize, sync_playwright

from tests.support.report import note

NAMES = ("chromium", "chromium-browser", "google-chrome")
PHONE = ViewportSize(width=360, height=740)
DESKTOP = ViewportSize(width=1280, height=800)
LOCALES = {"zh": "zh-CN", "en": "en-GB"}


def executable(playwright: Playwright) -> str:
    """The browser to start. A run without one fails and says what to do: it never skips in silence."""
    named = os.environ.get("CHROMIUM")
    installed = (shutil.which(name) for name in NAMES)
    candidates = (named, *installed, playwright.chromium.executable_path)
    found = next((path for path in candidates if path and Path(path).exists()), None)
    assert found, "no browser: install Debian's chromium, or set $CHROMIUM to one"
    return found


@contextmanager
def running_browser(*more: str) -> Iterator[Browser]:
    """A browser without a window, with `more` arguments."""
    with sync_playwright() as playwright:
        path = executable(playwright)
        # Chromium's sandbox needs a user who is not root.
        arguments = [*more, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        note("Browser", f"{path} {browser.version}")
        yield browser
        browser.close()


def visitor(
    browser: Browser, base_url: str, *, language: str = "zh", wide: bool = False, javascript: bool = False
) -> BrowserContext:
    """Somebody with a browser of their own; JavaScript is off unless it is asked for."""
    return browser.new_context(
        base_url=base_url,
        locale=LOCALES[language],
        viewport=DESKTOP if wide else PHONE,
        java_script_enabled=javascript,
    )
