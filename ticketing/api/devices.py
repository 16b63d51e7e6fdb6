"""What a phone or computer says it is, in two words that its owner recognises."""

from collections.abc import Sequence

_SYSTEMS = (("iphone", "iPhone"), ("ipad", "iPad"), ("harmonyos", "HarmonyOS"), ("android", "Android"))
_COMPUTERS = (("windows", "Windows"), ("mac os", "Mac"), ("linux", "Linux"))
_BROWSERS = (("micromessenger", "WeChat"), ("edg/", "Edge"), ("firefox", "Firefox"), ("chrome", "Chrome"))
_LAST = (("safari", "Safari"),)


def device_of(user_agent: bytes) -> str:
    """Such as `Android · WeChat`; empty for a program that does not say."""
    said = user_agent[:500].decode("latin-1").lower()
    known = (_first(said, (*_SYSTEMS, *_COMPUTERS)), _first(said, (*_BROWSERS, *_LAST)))
    return " · ".join(filter(None, known))


def _first(said: str, names: Sequence[tuple[str, str]]) -> str:
    return next((name for mark, name in names if mark in said), "")
