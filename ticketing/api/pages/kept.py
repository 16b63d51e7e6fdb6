"""Event pages for those who have not signed in, kept in memory as they were rendered.

In the minute before a sale nearly every request is this page. It is the same for everybody who reads one language,
so it is rendered and compressed once for each reading of the counts, and once a second while it counts down; a
browser that has it already gets 304.
"""

import gzip
from collections.abc import Callable, Hashable
from hashlib import blake2b

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from ticketing.api.pages.rendering import HEADERS
from ticketing.api.pages.statics import packed_response

PAGES_MAX = 1_000
_HTML = "text/html; charset=utf-8"


class KeptPage(Struct, frozen=True):
    """One rendering; `state` is what it was made of."""

    state: tuple[Hashable, ...]
    plain: bytes
    packed: bytes
    etag: str


class KeptPages:
    """The last rendering of each page, by whatever names it."""

    def __init__(self) -> None:
        self._pages: dict[Hashable, KeptPage] = {}

    def answer(
        self,
        request: Request,
        name: Hashable,
        state: tuple[Hashable, ...],
        render: Callable[[], bytes],
        now_ms: int,
    ) -> Response:
        """The page `name` as it is in this `state`; `render` makes it unless it is kept."""
        page = self._pages.get(name)
        if page is None or page.state != state:
            if len(self._pages) >= PAGES_MAX:
                self._pages.clear()
            page = self._pages[name] = _kept(state, render())
        headers = {
            **HEADERS,
            "Server-Timing": f"now;dur={now_ms}",
            "Cache-Control": "no-cache",
            "ETag": page.etag,
            "Vary": "Accept-Encoding, Accept-Language, Cookie",
        }
        if page.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return packed_response(request, page.plain, page.packed, _HTML, headers)


def _kept(state: tuple[Hashable, ...], plain: bytes) -> KeptPage:
    etag = f'W/"{blake2b(plain, digest_size=9).hexdigest()}"'
    return KeptPage(state, plain, gzip.compress(plain, 6, mtime=0), etag)
