"""Pages that are the same for many, kept in memory as they were rendered and compressed."""

import gzip
from collections.abc import Callable, Hashable
from hashlib import blake2b

from msgspec import Struct

from ticketing.api.answers import Answer
from ticketing.api.auth import Headers

PAGES_MAX = 1_000

State = tuple[Hashable, ...]


class KeptPage(Struct, frozen=True):
    """One rendering as it is answered; `state` is what it was made of."""

    state: State
    plain: Answer
    packed: Answer
    unchanged: Answer
    etag: bytes

    def answer(self, headers: Headers) -> Answer:
        """304 for a browser that has it, else the bytes that it takes."""
        if self.etag in headers.get(b"if-none-match", b""):
            return self.unchanged
        return self.packed if b"gzip" in headers.get(b"accept-encoding", b"") else self.plain


class KeptPages:
    """The last rendering of each page, by whatever names it."""

    def __init__(self) -> None:
        self._pages: dict[Hashable, KeptPage] = {}

    def page(self, name: Hashable, state: State, render: Callable[[], Answer]) -> KeptPage:
        """The page `name` as it is in this `state`; `render` makes it unless it is kept."""
        page = self._pages.get(name)
        if page is None or page.state != state:
            if len(self._pages) >= PAGES_MAX:
                self._pages.clear()
            page = self._pages[name] = _kept(state, render())
        return page


def _kept(state: State, made: Answer) -> KeptPage:
    etag = b'W/"%s"' % blake2b(made.body, digest_size=9).hexdigest().encode()
    headers = (*made.headers, (b"etag", etag))
    packed = gzip.compress(made.body, 6, mtime=0)
    return KeptPage(
        state=state,
        plain=made._replace(headers=headers),
        packed=made._replace(body=packed, headers=(*headers, (b"content-encoding", b"gzip"))),
        unchanged=Answer(304, b"", tuple(h for h in headers if h[0] != b"content-type"), is_page=True),
        etag=etag,
    )
