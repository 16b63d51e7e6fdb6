"""What a desk is set to, kept in its browser: its name, the events it serves, and what its reader sends.

A browser stands at one desk, and whoever signs in there finds it as it was; so this belongs to no account.
"""

from typing import Literal, get_args
from urllib.parse import quote, unquote

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from ticketing.api.pages.forms import Form
from ticketing.errors import Code, Refusal
from ticketing.members.numbers import read_card_number
from ticketing.services.tokens import Claims

COOKIE = "desk"
COOKIE_SECONDS = 365 * 24 * 3600
NAME_MAX = 100
EVENTS_MAX = 40
FRAME_MAX = 10
LENGTH_MIN, LENGTH_MAX = 6, 32
Paper = Literal["58", "80", "a4"]
"""What receipts and tickets are printed on: a roll of so many millimetres, or sheets."""


class Setup(Struct, frozen=True):
    """A desk's settings. No `events`: all of the clerk's reach. `length` is of a card's number, 0 for any.

    `prints`: every hand-over is printed without being asked.
    """

    name: str = ""
    events: tuple[str, ...] = ()
    prefix: str = ""
    suffix: str = ""
    length: int = 0
    paper: Paper = "80"
    prints: bool = False

    def serves(self, event_id: str) -> bool:
        """Whether tickets of this event are handed out here."""
        return not self.events or event_id in self.events

    def read(self, typed: str) -> str:
        """What the reader read, without what it puts around it. Raises the refusal `invalid` for half a card."""
        text = typed.strip()
        if text.startswith(self.prefix) and text.endswith(self.suffix):
            text = text[len(self.prefix) : len(text) - len(self.suffix)].strip()
        digits = read_card_number(text)
        if self.length and digits and len(digits) != self.length:
            raise Refusal(Code.INVALID, expected=self.length)
        return text


def setup_of(request: Request, clerk: Claims) -> Setup:
    """How this browser's desk is set; named after the clerk's organisation until somebody names it."""
    try:
        kept = msgspec.json.decode(unquote(request.cookies.get(COOKIE, "")), type=Setup)
    except (msgspec.DecodeError, UnicodeError):
        kept = Setup()
    return msgspec.structs.replace(kept, name=kept.name[:NAME_MAX] or clerk.organisation_name)


def read_setup(form: Form) -> Setup:
    """The settings that a form asks for; `form.faults` names what is wrong with them."""
    length = form.count("length") or 0
    if length and not LENGTH_MIN <= length <= LENGTH_MAX:
        form.faults["length"] = "must be 6 to 32"
    return Setup(
        name=form.text("desk")[:NAME_MAX],
        events=tuple(form.all("event")[:EVENTS_MAX]),
        prefix=_frame(form, "prefix"),
        suffix=_frame(form, "suffix"),
        length=length,
        paper=_paper(form),
        prints=form.text("prints") == "yes",
    )


def keep_setup(response: Response, setup: Setup, *, secure: bool) -> None:
    """Keep the settings in the browser."""
    value = quote(msgspec.json.encode(setup))
    response.set_cookie(COOKIE, value, COOKIE_SECONDS, httponly=True, samesite="lax", secure=secure)


def _paper(form: Form) -> Paper:
    """A desk that prints on nothing we know gets the usual roll."""
    return next((paper for paper in get_args(Paper) if paper == form.text("paper")), "80")


def _frame(form: Form, name: str) -> str:
    """What a reader puts before or after a number."""
    text = form.text(name)
    if len(text) > FRAME_MAX or not text.isascii():
        form.faults[name] = "must be up to 10 plain characters"
    return text
