"""Goal: a message goes to public addresses alone, waits for no receiver for long, and counts only when it was taken.

Method: real receivers, and the addresses of every kind of network that is not public.
"""

import time

import pytest

from tests.support.receiver import Receiver
from ticketing.services import webhook_sending


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.20.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:127.0.0.1", False),
        ("64:ff9b::a00:1", False),
        ("64:ff9b:1::1", False),
        ("2002:a00:1::1", False),
        ("93.184.215.14", True),
        ("64:ff9b::5db8:d70e", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
    ],
)
def test_what_is_no_public_address(address: str, public: bool) -> None:
    assert webhook_sending.is_public(address) is public


def test_a_name_that_leads_to_both_is_never_followed_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    """One look-up, and the connection goes to what was looked at: a name cannot change its mind in between."""
    answers = iter([[(0, 0, 0, "", ("10.0.0.1", 443))]])
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: next(answers))
    with pytest.raises(webhook_sending.NotDelivered, match="private network"):
        webhook_sending.send("https://example.com/", "whsec_AAAA", "m", "{}", 1, private_allowed=False)


@pytest.mark.parametrize("status", [302, 404, 500])
def test_only_2xx_counts_and_no_redirect_is_followed(receiver: Receiver, status: int) -> None:
    receiver.secret, receiver.status = "whsec_AAAA", status
    with pytest.raises(webhook_sending.NotDelivered, match=f"answered {status}"):
        _send(receiver)


def test_a_receiver_that_drips_is_left(slow: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_sending, "ANSWER_SECONDS", 0.2)
    with pytest.raises(webhook_sending.NotDelivered):
        _send(slow)


def _send(receiver: Receiver) -> int:
    now = int(time.time() * 1000)
    return webhook_sending.send(receiver.url, "whsec_AAAA", "m", "{}", now, private_allowed=True)
