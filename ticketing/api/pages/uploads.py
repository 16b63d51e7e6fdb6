"""A form that brings a file: read whole within a bound, because its pieces can only be told apart afterwards."""

from collections.abc import AsyncGenerator

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from ticketing.api.pages.forms import Form, bounded_body
from ticketing.errors import Code, Refusal

_FIELDS_MAX = 20
_OTHER_BYTES_MAX = 64 * 1024


async def read_upload(request: Request, name: str, bytes_max: int) -> tuple[Form, bytes | None]:
    """The form and the file in its field `name`, None when none was chosen. Raises refusals."""
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise Refusal(Code.UNSUPPORTED_MEDIA_TYPE)
    body = await bounded_body(request, bytes_max + _OTHER_BYTES_MAX)
    parser = MultiPartParser(request.headers, _once(body), max_files=1, max_fields=_FIELDS_MAX)
    try:
        parts = await parser.parse()
    except (MultiPartException, KeyError, ValueError) as error:
        raise Refusal(Code.INVALID) from error
    fields = [(key, value) for key, value in parts.multi_items() if isinstance(value, str)]
    file = parts.get(name)
    content = await file.read() if isinstance(file, UploadFile) else b""
    await parts.close()
    return Form(fields), content or None


async def _once(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body
