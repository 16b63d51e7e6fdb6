"""Goal: a member recognises their own phone in a list. Method: what real browsers say of themselves."""

import pytest

from ticketing.api.devices import device_of

MOZILLA = "Mozilla/5.0"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (f"{MOZILLA} (Linux; Android 10; HMA-AL00) Chrome/107 Mobile MicroMessenger/8.0", "Android · WeChat"),
        (f"{MOZILLA} (iPhone; CPU iPhone OS 16_1 like Mac OS X) Version/16 Safari/604.1", "iPhone · Safari"),
        (f"{MOZILLA} (Windows NT 10.0; Win64) Chrome/120 Safari/537.36 Edg/120", "Windows · Edge"),
        (f"{MOZILLA} (Macintosh; Intel Mac OS X 10_15) Chrome/120 Safari/537.36", "Mac · Chrome"),
        ("python-httpx", ""),
        ("", ""),
        ("\xff<script>" * 100, ""),
    ],
)
def test_a_device_is_named_in_two_words(said: str, shown: str) -> None:
    assert device_of(said.encode("latin-1")) == shown
