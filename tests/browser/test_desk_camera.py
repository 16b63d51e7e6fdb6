"""Goal: a phone whose browser has no reader of codes reads them all the same, without the network too.

Method: Chromium films a picture of a real ticket's QR code; what it may have as a reader of its own is taken away.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import segno
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import running_browser
from tests.support.command import RunningInstance
from tests.support.desk import Desk
from tests.support.events import buy, make_event

pytestmark = pytest.mark.slow

WIDTH, HEIGHT, MODULE = 640, 480, 8
NO_READER = "delete window.BarcodeDetector;"


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "code.y4m"
    show(path, "nothing yet")
    return path


@pytest.fixture(scope="module")
def browser(film: Path) -> Iterator[Browser]:
    """One with a camera before which the film runs; it is opened anew whenever a page asks for the camera."""
    camera = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
    with running_browser(*camera, f"--use-file-for-fake-video-capture={film}") as started:
        yield started


def show(film: Path, text: str) -> None:
    """Film a QR code: grey on lighter grey, as a phone's screen is seen."""
    rows = [[bool(module) for module in row] for row in segno.make(text, error="m", micro=False).matrix]
    side = len(rows) * MODULE
    left, top = (WIDTH - side) // 2, (HEIGHT - side) // 2
    light, frame = 0xC8, bytearray(b"\xc8" * (WIDTH * HEIGHT) + b"\x80" * (WIDTH * HEIGHT // 2))
    for y in range(side):
        line = bytes(0x30 if rows[y // MODULE][x // MODULE] else light for x in range(side))
        start = (top + y) * WIDTH + left
        frame[start : start + side] = line
    head = f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F10:1 Ip A1:1 C420jpeg\n".encode()
    film.write_bytes(head + (b"FRAME\n" + bytes(frame)) * 2)


def test_a_browser_without_a_reader_of_codes_reads_them_also_without_the_network(
    staff_page: Callable[..., Page], demo: RunningInstance, card: Any, film: Path
) -> None:
    order = buy(demo, make_event(demo, 20, per_card_limit=3), card, 1)
    show(film, order["tickets"][0]["qr"])
    page = staff_page("clerk", wide=True, javascript=True)
    page.context.add_init_script(NO_READER)
    page.goto("/desk")
    desk = Desk(page)
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url))
    page.click("#camera")
    desk.sees("hand")
    assert any("/vendor/qr/decode.js" in url for url in loaded)
    page.click("#viewfinder button")
    kept = "caches.open('desk').then(c => c.match('/static/vendor/qr/index.js')).then(Boolean)"
    for _ in range(100):
        if page.evaluate(kept):
            break
        page.wait_for_timeout(100)
    page.context.set_offline(True)
    page.reload()
    expect(page.locator("#network")).to_have_attribute("data-state", "away")
    page.click("#camera")
    expect(page.locator("#result .verdict")).to_have_attribute("data-kind", "hand")
