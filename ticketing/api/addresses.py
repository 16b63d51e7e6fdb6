"""Who is at the other end: the client's address, past the proxies that we trust and no further."""

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

UNKNOWN = "unknown"
"""The address of a client that the server cannot name, such as one behind a socket file."""


class ClientAddresses:
    """Reads the client's address; `X-Forwarded-For` counts only as far as trusted proxies wrote it."""

    def __init__(self, trusted_proxies: str) -> None:
        """`trusted_proxies`: addresses or networks, separated by commas. Raises `ValueError` for others."""
        names = [name.strip() for name in trusted_proxies.split(",")]
        self._trusted: list[IPv4Network | IPv6Network] = [ip_network(name) for name in names if name]

    def of(self, peer: tuple[str, int] | None, headers: Mapping[bytes, bytes]) -> str:
        """The address of the last hop that is no trusted proxy; `peer` holds the other end of the connection."""
        address = peer[0] if peer else UNKNOWN
        forwarded = headers.get(b"x-forwarded-for")
        if forwarded is None:
            return str(address)
        for hop in reversed(forwarded.decode("latin-1").split(",")):
            if not self._is_trusted(address):
                break
            address = hop.strip()
        return str(address)

    def _is_trusted(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._trusted)
