"""What a form sends: read within bounds, and its fields checked into values.

Only `application/x-www-form-urlencoded` is taken here; the one form with a file is in `uploads`.
"""

import re
from decimal import Decimal, InvalidOperation
from urllib.parse import parse_qsl

from starlette.requests import Request

from ticketing.api.pages.formats import read_form_time
from ticketing.errors import Code, Refusal, invalid

FORM_BYTES_MAX = 64 * 1024
FORM_FIELDS_MAX = 1_000
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_CONTENT_TYPE = "application/x-www-form-urlencoded"


class Form:
    """The fields of one form. `faults` collects what is wrong, by field, as it is read."""

    def __init__(self, fields: list[tuple[str, str]]) -> None:
        self.fields = fields
        self.values = dict(reversed(fields))  # the first of a name counts
        self.faults: dict[str, str] = {}

    def text(self, name: str, *, required: bool = False) -> str:
        """A field without the space around it; empty when it was not sent."""
        value = self.values.get(name, "").strip()
        if required and not value:
            self.faults[name] = "is required"
        return value

    def refuse_faults(self) -> None:
        """Raise the refusal `invalid` with what is wrong so far, if anything is."""
        if self.faults:
            raise invalid(*self.faults.items())

    def all(self, name: str) -> list[str]:
        """Every value of a field that may come several times."""
        return [value for field, value in self.fields if field == name]

    def time(self, name: str, *, required: bool = False) -> int | None:
        """A time in milliseconds, or None when the field is empty or wrong."""
        text = self.text(name, required=required)
        try:
            return read_form_time(text) if text else None
        except ValueError:
            self.faults[name] = "time"
            return None

    def count(self, name: str, *, required: bool = False) -> int | None:
        """A whole number, or None when the field is empty or wrong."""
        text = self.text(name, required=required)
        if text and not (text.isascii() and text.isdecimal() and len(text) <= 9):
            self.faults[name] = "number"
            return None
        return int(text) if text else None

    def price(self, name: str) -> int | None:
        """An amount typed in yuan, in fen; None when the field is empty or wrong."""
        text = self.text(name)
        if not text:
            return None
        try:
            fen = Decimal(text) * 100
        except InvalidOperation:
            fen = Decimal("0.1")
        if not fen.is_finite() or fen < 0 or fen >= 10**10 or fen != int(fen):
            self.faults[name] = "price"
            return None
        return int(fen)

    def key(self) -> str:
        """The form's own idempotency key. Raises the refusal `idempotency_key_missing`."""
        key = self.text("key")
        if not (0 < len(key) <= 255 and key.isascii() and key.isprintable()):
            raise Refusal(Code.IDEMPOTENCY_KEY_MISSING)
        return key


async def read_form(request: Request) -> Form:
    """The form of a request.

    Raises refusals for another media type, a large body, one that is not UTF-8, or control
    characters.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _CONTENT_TYPE:
        raise Refusal(Code.UNSUPPORTED_MEDIA_TYPE)
    body = await bounded_body(request, FORM_BYTES_MAX)
    try:
        fields = parse_qsl(
            body.decode(), keep_blank_values=True, errors="strict", max_num_fields=FORM_FIELDS_MAX
        )
    except ValueError as error:  # UnicodeDecodeError is one
        raise Refusal(Code.INVALID) from error
    if any(_CONTROL.search(text) for field in fields for text in field):
        raise Refusal(Code.INVALID)
    return Form(fields)


async def bounded_body(request: Request, bytes_max: int) -> bytes:
    """The body of a request. Raises the refusal `body_too_large`."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > bytes_max:
            raise Refusal(Code.BODY_TOO_LARGE)
    return bytes(body)
