"""An event's page, and what has changed of it since: hot calls, answered from memory.

In the minute before a sale nearly every request is one of these. To whoever has not signed in the page is the same
for all who read one language, so it is rendered and compressed once for each change of the counts, and once a second
while it counts down; a browser that has it already gets 304.
"""

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse

from ticketing.api.answers import Answer
from ticketing.api.board import Poster
from ticketing.api.contract import Operation
from ticketing.api.frame import safe_headers
from ticketing.api.hot import Asked, Given, HotCall
from ticketing.api.pages import members, messages
from ticketing.api.pages.kept import KeptPages
from ticketing.api.pages.site import Site
from ticketing.errors import Refusal, StoreUnavailable

PAGE = Operation(method="GET", path="/events/{event_id}", summary="An event's page", tag="pages")
LIVE = Operation(method="GET", path="/events/{event_id}/live", summary="What changes of it", tag="pages")

_MADE_ANEW = frozenset({b"content-length", b"server-timing", b"cache-control"})
_KEPT = ((b"cache-control", b"no-cache"), (b"vary", b"Accept-Encoding, Accept-Language, Cookie"))

Choose = Callable[[Asked, Poster], str]
"""Which template answers a request about an event."""


class EventPages:
    """The pages of the rush over one process's site."""

    def __init__(self, pages: Starlette) -> None:
        """`pages` answers what these hand on; its site is theirs."""
        self._pages = pages
        self._site: Site = pages.state.site
        self._board = self._site.board
        self._kept = KeptPages()
        self._safe = tuple(safe_headers(secure=self._site.gate.secure).items())

    def calls(self) -> list[HotCall]:
        """Each with its description."""
        return [HotCall(PAGE, self.show, self.say), HotCall(LIVE, self.live, self.say)]

    def show(self, asked: Asked) -> Given | None:
        """The whole page. With a query it says or changes something, and is made for that request alone."""
        return None if asked.query else self._answer(asked, _whole)

    def live(self, asked: Asked) -> Given | None:
        """The counts alone, or the whole booking when the status is not `was` any more."""
        return self._answer(asked, _changed)

    def say(self, refusal: Refusal, asked: Asked) -> Answer:
        """A refusal as a page that people can read."""
        return self._one_off(messages.refused(self._request(asked), refusal))

    def _answer(self, asked: Asked, choose: Choose) -> Given | None:
        if self._board.card(asked.id) is None:
            return None  # unknown, or published a moment ago: that is found out further in
        if self._site.gate.visitor(asked.headers, "member") is not None:
            return None
        poster = self._board.fresh_poster(asked.id)
        return self._strangers(asked, choose, poster) if poster else self._in_time(asked, choose)

    async def _in_time(self, asked: Asked, choose: Choose) -> Answer:
        try:
            poster = await self._board.fresh(asked.id)
        except StoreUnavailable:
            poster = None
        if poster is None:
            return self._one_off(await members.event_page(self._request(asked), asked.id))
        return self._strangers(asked, choose, poster)

    def _strangers(self, asked: Asked, choose: Choose, poster: Poster) -> Answer:
        """The page as everybody sees it who has not signed in."""
        site, event, template = self._site, poster.event, choose(asked, poster)
        reader = site.renderer.reader(asked.headers)
        second = site.now_ms() // 1000 if event.status == "scheduled" else 0  # it counts down
        host = asked.headers.get(b"host")
        state = (poster.etag, poster.held, poster.next_due, second, site.look(event), host)
        name = (template, event.id, reader)
        page = self._kept.page(name, state, lambda: self._rendered(asked, template, poster))
        return page.answer(asked.headers)

    def _rendered(self, asked: Asked, template: str, poster: Poster) -> Answer:
        made = self._one_off(members.strangers_page(self._request(asked), template, poster))
        return made._replace(headers=(*made.headers, *_KEPT))

    def _one_off(self, response: HTMLResponse) -> Answer:
        own = [(name, value) for name, value in response.raw_headers if name not in _MADE_ANEW]
        present = {name for name, _ in own}
        own += [(name, value) for name, value in self._safe if name not in present]
        return Answer(response.status_code, bytes(response.body), tuple(own), is_page=True)

    def _request(self, asked: Asked) -> Request:
        """A request as the pages further in know it."""
        return Request(
            {
                "type": "http",
                "method": "GET",
                "path": f"/events/{asked.id}",
                "query_string": b"",
                "headers": list(asked.headers.items()),
                "scheme": "http",
                "server": None,
                "app": self._pages,
            }
        )


def _whole(_asked: Asked, _poster: Poster) -> str:
    return "event.html"


def _changed(asked: Asked, poster: Poster) -> str:
    return members.COUNTS if asked.query == b"was=" + poster.event.status.encode() else "event_live.html"
