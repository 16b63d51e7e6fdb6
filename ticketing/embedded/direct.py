"""HTTP to an instance, straight to it: a proxy of the environment knows nothing of our loopback."""

import urllib.request
from http.client import HTTPResponse
from typing import cast

_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def open_directly(request: urllib.request.Request | str, seconds: float) -> HTTPResponse:
    """The answer, to be closed. Raises `urllib.error.HTTPError` for a refusal, `OSError` for none in `seconds`."""
    return cast("HTTPResponse", _OPENER.open(request, timeout=seconds))
