"""Makes the pictures of README and docs from a running demo: `./dev python -m scripts.screenshots [FOLDER]`.

One sheet for each language shows a member's whole way on a phone, one the desk, and one picture the README's short way;
the console's pages are pictures of their own. With a FOLDER, every page of members and desk is also put there by
itself: both languages, phone and desktop, light and dark, to look at.
"""

import io
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page

from scripts import console_pictures, desk_pictures
from tests.support.browser import running_browser, visitor
from tests.support.command import RunningInstance, running
from tests.support.events import act, change, make_event, recover
from tests.support.processes import standing_still
from tests.support.steps import hold, sign_in

IMAGES = Path(__file__).parents[1] / "docs" / "images"
CARD = 990  # the first of the demo's cards without a ticket
LEARNT_SECONDS = 4  # after which the pages and the worker know what staff have just done
GAP, ROW, COLOURS = 24, 6, 64
BACKGROUND = "#d5d9e2"
README = ("list", "event", "hold", "order")
Shots = Iterator[tuple[str, bytes]]


def main() -> None:
    """Start a demo of its own, take the pictures, stop it."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        running("demo", Path(folder) / "data") as demo,
        running_browser() as browser,
    ):
        for card, language in enumerate(("zh", "en"), CARD):
            shots = dict(_way(browser, demo, card, language))
            _sheet(list(shots.values()), IMAGES / f"way-{language}.png")
            if language == "zh":
                _sheet([shots[name] for name in README], IMAGES / "member.png")
            _desk(browser, demo, language)
        if len(sys.argv) > 1:
            _all(browser, demo, Path(sys.argv[1]))
    with running_browser() as browser:
        for language in ("zh", "en"):
            _console(browser, language)
    pictures = sorted(IMAGES.rglob("*.png"))
    made = ", ".join(f"{path.name} {path.stat().st_size // 1024} kB" for path in pictures)
    print(f"made {made} in {IMAGES}", file=sys.stderr)


def _all(browser: Browser, demo: RunningInstance, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    ways = product(("zh", "en"), (False, True), ("light", "dark"))
    for card, (language, wide, scheme) in enumerate(ways, CARD + 2):
        kind = f"{language}-{'desktop' if wide else 'phone'}-{scheme}"
        for number, (name, shot) in enumerate(_way(browser, demo, card, language, wide, scheme), 1):
            (folder / f"{kind}-{number:02}-{name}.png").write_bytes(shot)
        for number, (name, shot) in enumerate(desk_pictures.shots(browser, demo, language, wide, scheme), 1):
            (folder / f"{kind}-desk-{number:02}-{name}.png").write_bytes(shot)


def _way(
    browser: Browser,
    demo: RunningInstance,
    card: int,
    language: str,
    wide: bool = False,
    scheme: Any = "light",
) -> Shots:
    """A member's whole way, page by page, each as the window shows it."""
    page = visitor(browser, demo.base_url, language=language, wide=wide, javascript=True).new_page()
    page.emulate_media(color_scheme=scheme)
    whose, event = demo.demo["cards"][card], _event(demo, "five-yuan-cinema")
    soon = make_event(demo, 200, opens_in=300, title="儿童剧《小海豚》", price=1_000, face_price=8_000)
    brief = make_event(demo, 20, hold_seconds=2)
    for name, path in {
        "list": "/",
        "stranger": f"/events/{soon['id']}",
        "sold-out": f"/events/{_event(demo, 'evening-classes')['id']}",
        "login": "/login",
    }.items():
        page.goto(path)
        yield name, _shot(page)
    sign_in(page, {**whose, "pin": "000000"})
    yield "wrong-pin", _shot(page)
    sign_in(page, whose, f"/events/{soon['id']}")
    yield "countdown", _shot(page)
    yield from _booking(page, event, brief)
    ended = page.url  # a hold that is over
    _make_news(page, demo)
    yield from _afterwards(page)
    yield from _states(page, demo, ended)
    page.context.close()


def _states(page: Page, demo: RunningInstance, ended: str) -> Shots:
    """What goes wrong with a sale, as a member meets it."""
    events = {state: make_event(demo, 20) for state in ("paused", "cancelled", "recovering")}
    act(demo, events["paused"]["id"], "pause")
    act(demo, events["cancelled"]["id"], "cancel")
    recover(demo, events["recovering"]["id"])
    time.sleep(LEARNT_SECONDS)
    for state, event in events.items():
        page.goto(f"/events/{event['id']}")
        yield state, _shot(page)
    with standing_still(demo.part("valkey-server")):
        page.goto(ended)
        yield "busy", _shot(page)


def _make_news(page: Page, demo: RunningInstance) -> None:
    """Tickets of an event that moved, and of one that was called off."""
    for title in ("露天电影《海风》", "合唱音乐会"):
        event = make_event(demo, 20, title=title)
        hold(page, event, 1)
        page.click("form[action$='/confirm'] button")
        page.wait_for_selector(".qr")
        if title.startswith("露天"):
            change(demo, event["id"], {"venue": "工人文化宫大剧场"})
        else:
            act(demo, event["id"], "cancel")
    time.sleep(LEARNT_SECONDS)


def _booking(page: Page, event: Any, brief: Any) -> Shots:
    page.goto(f"/events/{event['id']}")
    yield "event", _shot(page)
    hold(page, event, 2)
    page.wait_for_selector("form[action$='/confirm']")
    yield "hold", _shot(page)
    page.context.set_offline(True)
    page.click("form[action$='/confirm'] button")
    page.wait_for_selector(".away")
    yield "no-network", _shot(page)
    page.context.set_offline(False)
    page.wait_for_selector(".qr")
    yield "order", _shot(page)
    page.click("summary")
    page.locator("fieldset").scroll_into_view_if_needed()
    yield "cancel", _shot(page)
    page.goto(f"{page.url.partition('?')[0]}/print")
    yield "paper", _shot(page)
    hold(page, brief, 1)
    page.wait_for_selector("a.button >> nth=0")
    yield "expired", _shot(page)


def _afterwards(page: Page) -> Shots:
    for name, path in {
        "tickets": "/orders",
        "account": "/account",
        "data": "/account/data",
        "missing": "/no",
    }.items():
        page.goto(path)
        yield name, _shot(page)


def _shot(page: Page) -> bytes:
    page.wait_for_load_state("networkidle")
    return page.screenshot()


def _desk(browser: Browser, demo: RunningInstance, language: str) -> None:
    """The states that the clerks' instruction explains, at half their size."""
    shots = dict(desk_pictures.shots(browser, demo, language))
    _sheet([_half(shots[name]) for name in desk_pictures.SHEET], IMAGES / f"desk-{language}.png", columns=2)


def _half(shot: bytes) -> bytes:
    small, target = Image.open(io.BytesIO(shot)), io.BytesIO()
    small.resize((small.width // 2, small.height // 2), Image.Resampling.LANCZOS).save(target, "PNG")
    return target.getvalue()


def _console(browser: Browser, language: str) -> None:
    """A picture for each page of the console, in a demo of its own."""
    folder = IMAGES / "console"
    folder.mkdir(exist_ok=True)
    for name, shot in console_pictures.shots(browser, language):
        _save(Image.open(io.BytesIO(shot)), folder / f"{name}-{language}.png")


def _event(demo: RunningInstance, scenario: str) -> Any:
    return next(event for event in demo.demo["events"] if event["scenario"] == scenario)


def _sheet(shots: Sequence[bytes], path: Path, columns: int = ROW) -> None:
    """The pictures in rows."""
    pictures = [Image.open(io.BytesIO(shot)).convert("RGB") for shot in shots]
    width, height = pictures[0].size
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    size = (GAP + columns * (width + GAP), GAP + rows * (height + GAP))
    sheet = Image.new("RGB", size, BACKGROUND)
    for place, picture in enumerate(pictures):
        sheet.paste(picture, (GAP + place % columns * (width + GAP), GAP + place // columns * (height + GAP)))
    _save(sheet, path)


def _save(picture: Image.Image, path: Path) -> None:
    """With few colours: what a reader sees is the same, and the repository stays small."""
    few = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


if __name__ == "__main__":
    main()
