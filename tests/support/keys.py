"""Keys as a browser's operating system tells them, each with the moment it was pressed.

Chromium is told the moments, so that a reader's 5 ms a key is exactly that on a machine that is busy; what the test
itself takes between two keys makes no difference.
"""

import time
from typing import Any

from playwright.sync_api import Page

READER_MS, HAND_MS = 5, 120
_CODES = {"-": ("Minus", 189), ";": ("Semicolon", 186), "?": ("Slash", 191), "Enter": ("Enter", 13)}


class Keyboard:
    """A keyboard or a reader, which is one too, at a page."""

    def __init__(self, page: Page) -> None:
        self._client = page.context.new_cdp_session(page)
        self._at = time.time()

    def types(self, text: str, *more: str, ms: float = HAND_MS) -> None:
        """Type `text` and then `more` keys by name, such as Enter, at this pace."""
        self._at = max(self._at + 1, time.time())
        for key in (*text, *more):
            self._press(key)
            self._at += ms / 1000

    def reads(self, text: str, *more: str) -> None:
        """What a reader does with a card."""
        self.types(text, *more or ("Enter",), ms=READER_MS)

    def composes(self, letters: str, into: str) -> None:
        """Type letters that a Chinese input method takes for itself and makes `into`."""
        for count, letter in enumerate(letters, start=1):
            self._at = max(self._at + HAND_MS / 1000, time.time())
            code, key = _code_of(letter)
            self._event("rawKeyDown", key="Process", code=code, windowsVirtualKeyCode=229)
            composition = {"text": letters[:count], "selectionStart": count, "selectionEnd": count}
            self._client.send("Input.imeSetComposition", composition)
            self._event("keyUp", key=letter, code=code, windowsVirtualKeyCode=key)
        self._client.send("Input.insertText", {"text": into})

    def _press(self, key: str) -> None:
        code, number = _code_of(key)
        text = "\r" if key == "Enter" else key
        shown = {"text": text} if len(text) == 1 else {}
        self._event("keyDown", key=key, code=code, windowsVirtualKeyCode=number, **shown)
        self._event("keyUp", key=key, code=code, windowsVirtualKeyCode=number)

    def _event(self, kind: str, **facts: Any) -> None:
        self._client.send("Input.dispatchKeyEvent", {"type": kind, "timestamp": self._at, **facts})


def _code_of(key: str) -> tuple[str, int]:
    """The place of a key on the keyboard, and Windows' number for it."""
    if key in _CODES:
        return _CODES[key]
    if key.isdecimal():
        return f"Digit{key}", ord(key)
    return (f"Key{key.upper()}", ord(key.upper())) if len(key) == 1 else (key, 111 + int(key[1:]))
