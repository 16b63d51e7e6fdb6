"""How many live holds were made from one client address, counted in this process alone.

Members have a limit of their own in Redis; this one slows down a single machine that has many cards.
"""


class LiveHolds:
    """Holds by address, each until it is confirmed, released, or over."""

    def __init__(self, per_address_max: int) -> None:
        self._per_address_max = per_address_max
        self._expiries: dict[str, dict[str, int]] = {}

    def wait_ms(self, address: str, now_ms: int) -> int:
        """Milliseconds until the address may hold again; 0: now."""
        expiries = self._expiries.get(address)
        if expiries is None or len(expiries) < self._per_address_max:
            return 0
        live = {hold_id: at for hold_id, at in expiries.items() if at > now_ms}
        self._expiries[address] = live
        return min(live.values()) - now_ms if len(live) >= self._per_address_max else 0

    def add(self, address: str, hold_id: str, expires_at: int) -> None:
        """Count a hold made from this address."""
        self._expiries.setdefault(address, {})[hold_id] = expires_at

    def drop(self, address: str, hold_id: str) -> None:
        """Count it no longer: it was confirmed or released from the same address."""
        expiries = self._expiries.get(address)
        if expiries is not None:
            expiries.pop(hold_id, None)

    def prune(self, now_ms: int) -> None:
        """Forget what is over; called now and then, so that addresses do not pile up."""
        for address, expiries in list(self._expiries.items()):
            live = {hold_id: at for hold_id, at in expiries.items() if at > now_ms}
            if live:
                self._expiries[address] = live
            else:
                del self._expiries[address]
