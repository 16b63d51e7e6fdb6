"""What every page works with: the parts of the process, who is looking, and how a page is answered."""

import contextlib
import secrets
from collections.abc import Mapping
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from ticketing.api import schemas
from ticketing.api.auth import Headers, Kind
from ticketing.api.front import Front
from ticketing.api.holds import Holds
from ticketing.api.pages import names
from ticketing.api.pages.forms import Form
from ticketing.api.pages.rendering import Renderer
from ticketing.api.problems import status_of
from ticketing.catalogue.looks import Looks
from ticketing.errors import Code, Refusal, StoreUnavailable
from ticketing.services.desk import require_clerk
from ticketing.services.tokens import Claims

RENEW_AFTER_MS = 5 * 60 * 1000
"""A browser's session in use gets a new idle limit when its last one is this old."""


ENROL_PATH = "/staff/account"
"""Where staff set up the second factor that they must have."""


class EnrolFirst(Exception):
    """Who has signed in may do nothing before they have a second factor."""


class SignInFirst(Exception):
    """Nobody has signed in; they are sent to the sign-in page and back to `after`."""

    def __init__(self, kind: Kind, after: str) -> None:
        super().__init__(kind)
        self.kind: Kind = kind
        self.after = after


class Site:
    """The pages of one API process."""

    def __init__(self, front: Front, renderer: Renderer) -> None:
        settings = front.services.settings
        self.front = front
        self.services = front.services
        self.board = front.board
        self.gate = front.gate
        self.holds = Holds(front)
        self.renderer = renderer
        self._idle_ms = {
            "member": settings.member_idle_minutes * 60_000,
            "staff": settings.staff_idle_minutes * 60_000,
        }

    def now_ms(self) -> int:
        """The time by Redis' clock."""
        return self.services.clock.now_ms()

    def visitor(self, request: Request, kind: Kind) -> Claims | None:
        """The member or staff member who is looking, if one has signed in."""
        return self.gate.visitor(headers_of(request), kind)

    def require(self, request: Request, kind: Kind, after: str) -> Claims:
        """Who is signed in. Raises `SignInFirst` or `EnrolFirst`; for a change also the refusal `cross_origin`."""
        if request.method == "POST":
            self.require_own_origin(request)
        claims = self.visitor(request, kind)
        if claims is None:
            raise SignInFirst(kind, after)
        if claims.must_enrol and after != ENROL_PATH:
            raise EnrolFirst
        return claims

    def clerk(self, request: Request, after: str) -> Claims:
        """Who works at this desk. Raises as `require`, and the refusal `forbidden` for who does not."""
        clerk = self.require(request, "staff", after)
        require_clerk(clerk)
        return clerk

    def require_own_origin(self, request: Request) -> None:
        """Refuse a form that another site's page has sent, whether or not anybody is signed in."""
        if not self.gate.same_origin(headers_of(request)):
            raise Refusal(Code.CROSS_ORIGIN)

    def address(self, request: Request) -> str:
        """The client's address."""
        return self.front.addresses.of(request.scope.get("client"), headers_of(request))

    async def event(self, event_id: str) -> schemas.Event | None:
        """An event from memory; one that was published a moment ago is read now, if that can be done."""
        known = self.board.poster(event_id)
        with contextlib.suppress(StoreUnavailable):
            known = known or await self.board.fresh(event_id)
        return known.event if known else None

    def look(self, event: schemas.Event | None) -> Looks:
        """How the pages of an event look, or those that belong to none."""
        looks = self.front.looks
        return (
            looks.of_event(event.id, event.organisation) if isinstance(event, schemas.Event) else looks.root
        )

    def url(self, request: Request) -> str:
        """How people reach us, without a slash at the end."""
        return (self.services.settings.public_url or str(request.base_url)).rstrip("/")

    def explain(
        self,
        request: Request,
        refusal: Refusal | None,
        sentences: Mapping[Code, str] = names.REFUSALS,
    ) -> str | None:
        """A refusal as a sentence, or None when there is none."""
        return self.renderer.explain(request, refusal, sentences) if refusal else None

    def fault(self, request: Request, reason: str) -> str:
        """Why a field is wrong, as a sentence."""
        return self.renderer.say(request, names.fault_text(reason))

    def faults(self, request: Request, refusal: Refusal | None) -> dict[str, str]:
        """What is wrong with each field of what was refused, as a sentence."""
        errors = refusal.facts.get("errors", ()) if refusal else ()
        return {error["field"]: self.fault(request, error["reason"]) for error in errors}

    def reasons(self, request: Request, refusal: Refusal | None) -> list[str]:
        """The same for forms that are too small to say it beside each field: every sentence once."""
        errors = refusal.facts.get("errors", ()) if refusal else ()
        return list(dict.fromkeys(self.fault(request, error["reason"]) for error in errors))

    def typed(self, request: Request, form: Form, refusal: Refusal | None) -> dict[str, Any]:
        """What such a form shows again: what was typed, and what is wrong with it."""
        return {"form": form.values, "faults": self.reasons(request, refusal)}

    def page(
        self,
        request: Request,
        template: str,
        *,
        refusal: Refusal | None = None,
        who: Claims | None = None,
        path: str | None = None,
        **context: Any,
    ) -> HTMLResponse:
        """A page for `who`. A refusal stands on top of it, in words, and gives its status."""
        look = self.look(context.get("event"))
        shown: dict[str, Any] = {
            "now_ms": self.now_ms(),
            "look": look,
            "problem": self.explain(request, refusal),
            "done": self._done(request),
        }
        if who is not None:
            shown[who.kind] = who
        status = status_of(refusal.code) if refusal else 200
        response = self.renderer.page(request, template, status=status, path=path, **shown | context)
        response.headers["Server-Timing"] = (
            f"now;dur={self.now_ms()}"  # what a page's script can read of its answer
        )
        if who is not None:
            if self.is_due(who):
                self.sign_in(response, who)
            self._keep_language(request, who)
        return response

    def sign_in(self, response: Response, claims: Claims) -> None:
        """Keep a session in the browser, with an idle limit."""
        self.gate.set_cookie(response, claims.kind, self.services.accounts.renew(claims))

    def is_due(self, claims: Claims) -> bool:
        """Whether a session in use should get a new idle limit with the next page."""
        left_ms = claims.idle_at - self.now_ms()
        return claims.idle_at < claims.expires_at and left_ms < self._idle_ms[claims.kind] - RENEW_AFTER_MS

    def _keep_language(self, request: Request, who: Claims) -> None:
        asked = request.query_params.get("lang", "")
        if who.kind == "member" and asked in self.renderer.languages:
            self.services.logins.prefers(who.id, asked)

    def _done(self, request: Request) -> str | None:
        text = names.DONE.get(request.query_params.get("done", "")) if request.method == "GET" else None
        return self.renderer.say(request, text) if text else None


def site_of(request: Request) -> Site:
    """The site a request came to."""
    return cast("Site", request.app.state.site)


def headers_of(request: Request) -> Headers:
    """A request's headers as the gate reads them."""
    return dict(request.scope["headers"])


def new_key() -> str:
    """A fresh idempotency key for a form."""
    return secrets.token_urlsafe(16)
