"""Goal: an event page is small on the wire: 60 KB on a first visit with all it loads, 5 KB on the next.

Method: Chromium's own network log against the real demo, JavaScript on, an empty cache at first. Time is measured by
`scripts.measure_pages`, not here.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page

from tests.support.command import RunningInstance
from tests.support.steps import sign_in
from tests.support.wire import counted

pytestmark = pytest.mark.slow

FIRST_MAX, NEXT_MAX = 60_000, 5_000


@pytest.mark.parametrize("scenario", ["five-yuan-cinema", "art-exhibition", "evening-classes"])
@pytest.mark.parametrize("signed_in", [False, True])
def test_an_event_page_is_small(
    open_page: Callable[..., Page],
    demo: RunningInstance,
    campaign: Callable[[str], Any],
    card: Any,
    scenario: str,
    signed_in: bool,
) -> None:
    page, path = open_page(javascript=True), f"/events/{campaign(scenario)['id']}"
    if signed_in:
        sign_in(page, card)
    first, following = _visit(page, path), _visit(page, path)
    if not signed_in:
        assert any("htmx" in address for address in first)  # the count sees what it should
        assert 10_000 < sum(first.values()) <= FIRST_MAX, first
    assert sum(following.values()) <= NEXT_MAX, following
    assert any(address.endswith(path) for address in following)
    assert {urlsplit(address).netloc for address in first} == {urlsplit(demo.base_url).netloc}


def _visit(page: Page, path: str) -> dict[str, int]:
    with counted(page) as wire:
        page.goto(path)
        page.wait_for_load_state("networkidle")
    page.goto("about:blank")
    return {a: size for a, size in wire.bytes.items() if a.startswith("http") and "/live?" not in a}
