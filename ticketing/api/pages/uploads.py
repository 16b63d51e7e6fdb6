"""A form that brings a file: read whole within a bound, because its pieces can only be told apart afterwards."""

from collections.abc import AsyncGenerator

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from ticketing.api.pages.forms import Form
from ticketing.errors import Code, Refusal

_FIELDS_MAX = 20
_OTHER_BYTES_MAX = 64 * 1024
_DROPPED_BYTES_MAX = 128 * 1024 * 1024


async def read_upload(request: Request, name: str, bytes_max: int) -> tuple[Form, bytes | None]:
    """The form and the file in its field `name`, None when none was chosen. Raises refusals."""
    form, _, content = await read_file(request, name, bytes_max)
    return form, content or None


async def read_file(request: Request, name: str, bytes_max: int) -> tuple[Form, str, bytes]:
    """The form, and the name and content of the file in its field `name`, empty when none was chosen."""
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise Refusal(Code.UNSUPPORTED_MEDIA_TYPE)
    body = await _bounded(request, bytes_max + _OTHER_BYTES_MAX)
    parser = MultiPartParser(request.headers, _once(body), max_files=1, max_fields=_FIELDS_MAX)
    try:
        parts = await parser.parse()
    except (MultiPartException, KeyError, ValueError) as error:
        raise Refusal(Code.INVALID) from error
    fields = [(key, value) for key, value in parts.multi_items() if isinstance(value, str)]
    file = parts.get(name)
    content = await file.read() if isinstance(file, UploadFile) else b""
    file_name = (file.filename or "") if isinstance(file, UploadFile) else ""
    await parts.close()
    return Form(fields), file_name, content


async def _bounded(request: Request, bytes_max: int) -> bytes:
    """The body. One that is too large is read and dropped: a browser shows no answer before it has sent all."""
    body, size = bytearray(), 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= bytes_max:
            body += chunk
        else:
            body.clear()
        if size > bytes_max + _DROPPED_BYTES_MAX:
            break
    if size > bytes_max:
        raise Refusal(Code.BODY_TOO_LARGE)
    return bytes(body)


async def _once(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body
