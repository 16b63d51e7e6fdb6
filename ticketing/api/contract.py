"""How a call is described: one `Operation` each, for the hot calls and the JSON routes alike.

The table of the hot calls routes by it, and `openapi` writes the document from it.
"""

from collections.abc import Collection

from msgspec import Struct

from ticketing.errors import Code

JSON_BODY_CODES = (Code.BODY_TOO_LARGE, Code.UNSUPPORTED_MEDIA_TYPE, Code.MALFORMED_JSON, Code.INVALID)
FILE_CODES = (Code.BODY_TOO_LARGE, Code.UNSUPPORTED_MEDIA_TYPE, Code.INVALID)
SESSION_CODES = (Code.UNAUTHENTICATED, Code.CROSS_ORIGIN, Code.FORBIDDEN)
STAFF_CODES = (Code.SECOND_FACTOR_NEEDED,)
KEY_CODES = (Code.IDEMPOTENCY_KEY_MISSING, Code.IDEMPOTENCY_KEY_REUSED)


class Operation(Struct, frozen=True, kw_only=True):
    """One call of the contract.

    `caller` is who may call: "public", "member" or "staff", and `roles` which of the staff (none: all);
    those that `enrols` are open to staff who must set up a second factor first.
    `takes` and `gives` are structs of `schemas`; `keyed` calls need an Idempotency-Key; those
    that `replay` say so when they give a first answer again; `uploads` are the media types of a call
    whose body is a file; `limited` ones are a login, whose failures are counted against the client's address;
    those `in_turn` are answered a few at a time; `has_etag` ones answer 304 to whoever has it already; `codes` are the
    refusals beside those that all of this brings along.
    """

    method: str
    path: str
    summary: str
    tag: str
    caller: str = "public"
    roles: Collection[str] = ()
    enrols: bool = False
    takes: type[Struct] | None = None
    uploads: tuple[str, ...] = ()
    body_optional: bool = False
    gives: type[Struct] | None = None
    status: int = 200
    keyed: bool = False
    replays: bool = False
    limited: bool = False
    in_turn: bool = False
    has_etag: bool = False
    codes: tuple[Code, ...] = ()
    media_type: str = "application/json"
    query: tuple[str, ...] = ()

    def refusals(self) -> list[Code]:
        """Every code this call may answer, each once, in the order of the table of codes."""
        found = {*self.codes, Code.UNAVAILABLE}
        if self.takes is not None:
            found.update(JSON_BODY_CODES)
        if self.uploads:
            found.update(FILE_CODES)
        if self.query:
            found.add(Code.INVALID)
        if self.caller != "public":
            found.update(SESSION_CODES)
        if self.caller == "staff" and not self.enrols:
            found.update(STAFF_CODES)
        if self.keyed:
            found.update(KEY_CODES)
        return [code for code in Code if code in found]
