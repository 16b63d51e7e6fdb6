"""The static files, read once at start: compressed, named by their content, kept by browsers for a year.

They change with an upgrade alone, so each process has them in memory, and a rush costs no disk and no compression.
"""

import gzip
import hashlib
import mimetypes
from pathlib import Path

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from ticketing.errors import Code, Refusal

IMMUTABLE = "public, max-age=31536000, immutable"
_COMPRESSES = ("text/", "application/javascript", "image/svg+xml")


class StaticFile(Struct, frozen=True):
    """One file. `packed` is None where compressing gains nothing."""

    content_type: str
    plain: bytes
    packed: bytes | None
    digest: str


class StaticFiles:
    """Every file below a folder, by its path in it."""

    def __init__(self, folder: Path) -> None:
        files = (path for path in folder.rglob("*") if path.is_file())
        self._files = {path.relative_to(folder).as_posix(): _read(path) for path in files}

    def url(self, name: str) -> str:
        """The address under which a browser may keep this file. Raises `KeyError` for an unknown one."""
        return f"/static/{name}?v={self._files[name].digest}"

    async def show(self, request: Request) -> Response:
        """A file; kept for a year when the address names its content. Raises the refusal `not_found`."""
        return await self.named(request.path_params["name"], request)

    async def named(self, name: str, request: Request) -> Response:
        """The file of this name, whatever address was asked for."""
        found = self._files.get(name)
        if found is None:
            raise Refusal(Code.NOT_FOUND)
        headers = {
            "ETag": f'"{found.digest}"',
            "Vary": "Accept-Encoding",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": IMMUTABLE if request.query_params.get("v") == found.digest else "no-cache",
        }
        if headers["ETag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return packed_response(request, found.plain, found.packed, found.content_type, headers)


def packed_response(
    request: Request, plain: bytes, packed: bytes | None, content_type: str, headers: dict[str, str]
) -> Response:
    """The compressed bytes for a browser that takes them, else the plain ones."""
    if packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(packed, media_type=content_type, headers={**headers, "Content-Encoding": "gzip"})
    return Response(plain, media_type=content_type, headers=headers)


def _read(path: Path) -> StaticFile:
    content_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    plain = path.read_bytes()
    packed = gzip.compress(plain, 9, mtime=0) if content_type.startswith(_COMPRESSES) else None
    return StaticFile(content_type, plain, packed, hashlib.sha256(plain).hexdigest()[:12])
