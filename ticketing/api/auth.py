"""Who asks, from the signed session alone: no I/O, the same for the rush, the JSON routes and the pages.

A token comes in `Authorization: Bearer`, or in a cookie. A cookie is sent by the browser whoever made the
page, so a change that rests on one must come from our own origin.
"""

from collections.abc import Callable, Mapping
from typing import Literal
from urllib.parse import urlsplit

from starlette.requests import cookie_parser
from starlette.responses import Response

from ticketing.clock import ServerClock
from ticketing.errors import Code, Refusal
from ticketing.members.revocations import Revocations
from ticketing.services.api_tokens import PREFIX, ApiTokens
from ticketing.services.tokens import Claims, TokenSigner

Headers = Mapping[bytes, bytes]
Kind = Literal["member", "staff"]


class Gate:
    """Reads sessions and guards changes. `public_url` says how people reach us; without it, as they say.

    `seen` is told of every session of staff that is used; `programs` knows whose an API token is.
    """

    def __init__(
        self,
        signer: TokenSigner,
        revocations: Revocations,
        clock: ServerClock,
        public_url: str | None,
        seen: Callable[[Claims], None],
        programs: ApiTokens,
    ) -> None:
        self._signer = signer
        self._revocations = revocations
        self._clock = clock
        self._seen = seen
        self._programs = programs
        self._origin = _origin_of(public_url) if public_url else None
        self.secure = public_url is not None and public_url.startswith("https://")

    def session(
        self, headers: Headers, kind: Kind, *, changes: bool, enrols: bool = False, scope: str | None = None
    ) -> Claims:
        """The session of a request that needs one of this kind.

        Raises `Refusal`: `unauthenticated`, `cross_origin`, `forbidden` for a session of the other kind, or
        `second_factor_needed` for one that must set that up first, unless the request `enrols`.
        To an API token only a request of one of its scopes is open, and none without a `scope`.
        """
        token, from_cookie = self._token(headers, kind)
        claims = self._valid(token)
        if claims is None:
            raise Refusal(Code.UNAUTHENTICATED)
        if changes and from_cookie and not self.same_origin(headers):
            raise Refusal(Code.CROSS_ORIGIN)
        if claims.kind != kind or (claims.scopes is not None and scope not in claims.scopes):
            raise Refusal(Code.FORBIDDEN)
        if claims.must_enrol and not enrols:
            raise Refusal(Code.SECOND_FACTOR_NEEDED)
        self._note(claims)
        return claims

    def visitor(self, headers: Headers, kind: Kind) -> Claims | None:
        """The session of a page that also serves who has none."""
        claims = self._valid(self._token(headers, kind)[0])
        if claims is None or claims.kind != kind or claims.scopes is not None:
            return None
        self._note(claims)
        return claims

    def is_blocked(self, claims: Claims) -> bool:
        """Whether the member's card was blocked after they signed in: they may look, but not buy."""
        return self._revocations.check(claims) is Code.CARD_BLOCKED

    def ended(self, claims: Claims) -> Code | None:
        """Why an answer that goes on, such as a stream, must end: no session or token any more, or another reach."""
        reach = self._reach(claims)
        if reach is None or self._clock.now_ms() >= min(claims.idle_at, claims.expires_at):
            return Code.UNAUTHENTICATED
        return Code.FORBIDDEN if reach != claims.organisation_path else None

    def organisations(self, claims: Claims) -> str:
        """The path of the organisation they belong to now, joined by dots."""
        return self._revocations.organisation_path(claims)

    def same_origin(self, headers: Headers) -> bool:
        """Whether a browser says that the request comes from our own pages."""
        site = headers.get(b"sec-fetch-site")
        if site is not None:
            return site == b"same-origin"
        origin = headers.get(b"origin", b"").decode("latin-1")
        if self._origin is not None:
            return origin == self._origin
        return bool(origin) and urlsplit(origin).netloc == headers.get(b"host", b"").decode("latin-1")

    def set_cookie(self, response: Response, kind: Kind, token: str) -> None:
        """Keep a session in the browser until the browser closes; its token ends by itself."""
        response.set_cookie(
            self.cookie_name(kind), token, path="/", secure=self.secure, httponly=True, samesite="lax"
        )

    def clear_cookie(self, response: Response, kind: Kind) -> None:
        """Take the session out of the browser."""
        response.delete_cookie(
            self.cookie_name(kind), path="/", secure=self.secure, httponly=True, samesite="lax"
        )

    def cookie_name(self, kind: Kind) -> str:
        """The cookie's name; the prefix makes browsers refuse it from another host or without TLS."""
        return f"__Host-{kind}_session" if self.secure else f"{kind}_session"

    def _token(self, headers: Headers, kind: Kind) -> tuple[str, bool]:
        authorization = headers.get(b"authorization")
        if authorization is not None:
            scheme, _, token = authorization.decode("latin-1").partition(" ")
            return (token.strip() if scheme.lower() == "bearer" else ""), False
        cookies = headers.get(b"cookie")
        if cookies is None:
            return "", False
        return cookie_parser(cookies.decode("latin-1")).get(self.cookie_name(kind), ""), True

    def _reach(self, claims: Claims) -> str | None:
        """Where they belong now; None once the session is over. A token outlives the sessions of its maker."""
        if claims.scopes is not None:
            return self._programs.reach(claims)
        over = self._revocations.check(claims) is not None
        return None if over else self._revocations.organisation_path(claims)

    def _note(self, claims: Claims) -> None:
        if claims.kind == "staff" and claims.scopes is None:
            self._seen(claims)

    def _valid(self, token: str) -> Claims | None:
        if token.startswith(PREFIX):
            return self._programs.claims(token)
        claims = self._signer.verify(token, self._clock.now_ms()) if token else None
        if claims is None or self._revocations.check(claims) is Code.UNAUTHENTICATED:
            return None
        return claims


def _origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
