"""One POST to an address that somebody else chose: signed, bounded in time, and never into our own network.

The name is resolved here and the connection made to the address that was looked at, so that a name which changes its
mind in between (DNS rebinding) leads nowhere else. Redirects are not followed.
"""

import socket
import ssl
from contextlib import suppress
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from threading import Timer
from urllib.parse import SplitResult, urlsplit

from standardwebhooks import Webhook

from ticketing.errors import Failure

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 10.0
"""How long one attempt may take in all, however slowly the receiver drips."""

LOCAL = ("localhost", "127.0.0.1", "::1")

_NAT64 = IPv6Network("64:ff9b::/96")
_NAT64_LOCAL = IPv6Network("64:ff9b:1::/48")


class NotDelivered(Failure):
    """The receiver has not confirmed the message; `status` is what it answered, if it did."""

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status


class _Http(HTTPConnection):
    """Connects to the address that was looked at, under the name that it was asked for."""

    def __init__(self, host: str, port: int, address: str) -> None:
        super().__init__(host, port, timeout=CONNECT_SECONDS)
        self._address = address

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self.port), CONNECT_SECONDS)


class _Https(HTTPSConnection):
    """The same, where the certificate must be of that name."""

    def __init__(self, host: str, port: int, address: str) -> None:
        self._tls = ssl.create_default_context()
        super().__init__(host, port, timeout=CONNECT_SECONDS, context=self._tls)
        self._address = address

    def connect(self) -> None:
        plain = socket.create_connection((self._address, self.port), CONNECT_SECONDS)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)


def send(url: str, secret: str, message_id: str, body: str, now_ms: int, *, private_allowed: bool) -> int:
    """The status of a receiver that took the message (2xx). Raises `NotDelivered` for everything else."""
    moment = datetime.fromtimestamp(now_ms / 1000, UTC)
    headers = {
        "content-type": "application/json",
        "user-agent": "ticketing-webhooks/1",
        "webhook-id": message_id,
        "webhook-timestamp": str(now_ms // 1000),
        "webhook-signature": Webhook(secret).sign(message_id, moment, body),
    }
    target = urlsplit(url)
    try:
        connection = _connection(target, private_allowed)
        status = _post(connection, _path(target), body.encode(), headers)
    except (OSError, HTTPException, ValueError) as error:
        raise NotDelivered(f"{type(error).__name__}: {error}") from error
    if not 200 <= status < 300:
        raise NotDelivered(f"answered {status}", status)
    return status


def _connection(target: SplitResult, private_allowed: bool) -> HTTPConnection:
    host = target.hostname or ""
    port = target.port or (443 if target.scheme == "https" else 80)
    address = _address_of(host, port, private_allowed)
    return _Https(host, port, address) if target.scheme == "https" else _Http(host, port, address)


def _address_of(host: str, port: int, private_allowed: bool) -> str:
    found = [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    public = [address for address in found if private_allowed or is_public(address)]
    if not public:
        raise NotDelivered(f"{host} is an address of a private network")
    return public[0]


def is_public(address: str) -> bool:
    """Whether an address is one of the open internet."""
    read = ip_address(address.partition("%")[0])
    if isinstance(read, IPv6Address):
        if read in _NAT64_LOCAL:
            return False
        read = _carried(read) or read
    return read.is_global and not read.is_multicast


def _carried(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that a translator or a 6to4 router would go on to."""
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour


def _post(connection: HTTPConnection, path: str, body: bytes, headers: dict[str, str]) -> int:
    def too_slow() -> None:
        with suppress(OSError, AttributeError):  # it may have ended by itself this very moment
            connection.sock.shutdown(socket.SHUT_RDWR)

    watch = Timer(ANSWER_SECONDS, too_slow)
    watch.daemon = True
    watch.start()
    try:
        connection.request("POST", path, body, headers)
        return connection.getresponse().status
    finally:
        watch.cancel()
        connection.close()


def _path(target: SplitResult) -> str:
    return (target.path or "/") + (f"?{target.query}" if target.query else "")
