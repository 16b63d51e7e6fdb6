"""An event's page, and what has changed of it since: hot calls, answered from memory.

In the minute before a sale nearly every request is one of these. To whoever has not signed in the page is the same
for all who read one language, so it is rendered and compressed once for each change of the counts, and once a second
while it counts down; a browser that has it already gets 304. A member's depends on their ledger, which is read for
each, but most ledgers are alike, and so are the pages but for the key of the form.
"""

from collections.abc import Callable

from msgspec.structs import replace
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse

from ticketing.api.answers import Answer
from ticketing.api.board import Poster
from ticketing.api.contract import Operation
from ticketing.api.frame import safe_headers
from ticketing.api.hot import Asked, Given, HotCall
from ticketing.api.pages import booking, members, messages
from ticketing.api.pages.kept import HOLE, Kept, KeyedPage, State, WholePage
from ticketing.api.pages.site import Site, new_key
from ticketing.errors import Refusal, StoreUnavailable
from ticketing.services.tokens import Claims

PAGE = Operation(method="GET", path="/events/{event_id}", summary="An event's page", tag="pages")
LIVE = Operation(method="GET", path="/events/{event_id}/live", summary="What changes of it", tag="pages")

_MADE_ANEW = frozenset({b"content-length", b"server-timing"})
_NO_STORE = (b"cache-control", b"no-store")
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
        self._of_all: Kept[WholePage] = Kept()
        self._of_members: Kept[KeyedPage] = Kept()
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
        return self._once(messages.refused(self._request(asked), refusal))

    def _answer(self, asked: Asked, choose: Choose) -> Given | None:
        if self._board.card(asked.id) is None:
            return None  # unknown, or published a moment ago: that is found out further in
        member = self._site.gate.visitor(asked.headers, "member")
        if member is not None:
            return None if self._site.is_due(member) else self._in_time(asked, choose, member)
        poster = self._board.fresh_poster(asked.id)
        if poster is None:
            return self._in_time(asked, choose)
        return self._strangers(asked, choose(asked, poster), poster)

    async def _in_time(self, asked: Asked, choose: Choose, member: Claims | None = None) -> Answer:
        """The page once Redis has said what is not known yet; while it is away, as this process last knew it."""
        try:
            poster = self._board.fresh_poster(asked.id) or await self._board.fresh(asked.id)
            assert poster is not None, "an event that has a card has a poster"
            template = choose(asked, poster)
            if member is None or template == members.COUNTS:
                return self._strangers(asked, template, poster)
            card = self._board.card(asked.id)
            assert card is not None, "it had one when the request came"
            standing = await booking.standing(self._site, card, poster.event, member)
        except StoreUnavailable:
            return await self._from_memory(asked, choose)
        return self._own(asked, template, poster, member, standing)

    async def _from_memory(self, asked: Asked, choose: Choose) -> Answer:
        poster = self._board.poster(asked.id)
        assert poster is not None, "an event that has a card has a poster"
        template = choose(asked, poster)
        if template == members.COUNTS:
            return self._strangers(asked, template, poster)
        return self._once(await members.event_page(self._request(asked), asked.id, template=template))

    # To everybody alike

    def _strangers(self, asked: Asked, template: str, poster: Poster) -> Answer:
        """The page as everybody sees it who has not signed in."""
        name = (template, poster.event.id, self._site.renderer.reader(asked.headers))
        page = self._of_all.page(
            name, self._state(asked, poster), lambda: self._shared(asked, template, poster)
        )
        return page.answer(asked.headers)

    def _shared(self, asked: Asked, template: str, poster: Poster) -> WholePage:
        made = self._once(members.page_of(self._request(asked), template, poster))
        headers = tuple(header for header in made.headers if header != _NO_STORE)
        return WholePage.of(replace(made, headers=(*headers, *_KEPT)))

    # To a member

    def _own(
        self, asked: Asked, template: str, poster: Poster, member: Claims, standing: booking.Standing
    ) -> Answer:
        """The page as it is for all members who stand alike, with a key of its own."""

        def render(key: str) -> Answer:
            request = self._request(asked)
            return self._once(members.page_of(request, template, poster, member, standing.own, key))

        if standing.live_hold is not None:
            return render(new_key())  # it leads to that hold, so it is like no other
        name = (template, poster.event.id, self._site.renderer.reader(asked.headers), standing.likeness)
        page = self._of_members.page(name, self._state(asked, poster), lambda: KeyedPage.of(render(HOLE)))
        return page.answer(asked.headers, new_key())

    # What the pages stand on

    def _state(self, asked: Asked, poster: Poster) -> State:
        """What a page is made of beside what names it; while the event is to open, it counts down."""
        second = self._site.now_ms() // 1000 if poster.event.status == "scheduled" else 0
        look, host = self._site.look(poster.event), asked.headers.get(b"host")
        return (poster.etag, poster.held, poster.next_due, second, look, host)

    def _once(self, response: HTMLResponse) -> Answer:
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
