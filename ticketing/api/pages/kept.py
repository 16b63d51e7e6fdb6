"""Pages that are the same for many, kept in memory as they were rendered and compressed.

A page that is the same but for the key of its form is kept in pieces: it is rendered with a hole, and whoever
asks gets a key of their own in it, between bytes that were compressed once.
"""

import gzip
import struct
import zlib
from collections.abc import Callable, Hashable
from hashlib import blake2b
from typing import Generic, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from ticketing.api.answers import Answer
from ticketing.api.auth import Headers

PAGES_MAX = 1_000
HOLE = "\0" * 22
"""What a page is rendered with where a key goes. No page has this character of itself, since none is let in, so
nothing is compressed by reference to it."""

_GZIP = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"
_PACKED = (b"content-encoding", b"gzip")
_WINDOW = 32_768
_STORED = struct.pack("<BHH", 0, len(HOLE), len(HOLE) ^ 0xFFFF)
"""The head of a block of deflate that is not compressed, as long as a key; more blocks follow."""

_END = struct.Struct("<II")
"""Checksum and length, behind the last block."""

State = tuple[Hashable, ...]
Page = TypeVar("Page")


class Kept(Generic[Page]):
    """The last rendering of each page, by whatever names it."""

    def __init__(self) -> None:
        self._pages: dict[Hashable, tuple[State, Page]] = {}

    def page(self, name: Hashable, state: State, render: Callable[[], Page]) -> Page:
        """The page `name` as it is in this `state`; `render` makes it unless it is kept."""
        kept = self._pages.get(name)
        if kept is None or kept[0] != state:
            if len(self._pages) >= PAGES_MAX:
                self._pages.clear()
            kept = self._pages[name] = (state, render())
        return kept[1]


class WholePage(Struct, frozen=True):
    """A page that is the same for all, as it is answered."""

    plain: Answer
    packed: Answer
    unchanged: Answer
    etag: bytes

    @classmethod
    def of(cls, made: Answer) -> "WholePage":
        """The page of one rendering."""
        etag = b'W/"%s"' % blake2b(made.body, digest_size=9).hexdigest().encode()
        headers = (*made.headers, (b"etag", etag))
        return cls(
            plain=replace(made, headers=headers),
            packed=replace(made, body=gzip.compress(made.body, 6, mtime=0), headers=(*headers, _PACKED)),
            unchanged=Answer(304, b"", tuple(h for h in headers if h[0] != b"content-type"), is_page=True),
            etag=etag,
        )

    def answer(self, headers: Headers) -> Answer:
        """304 for a browser that has it, else the bytes that it takes."""
        if self.etag in headers.get(b"if-none-match", b""):
            return self.unchanged
        return self.packed if takes_gzip(headers) else self.plain


class KeyedPage(Struct, frozen=True):
    """A page with one hole: what stands before and after it, and both compressed (RFC 1951)."""

    plain: Answer
    packed: Answer
    before: bytes
    after: bytes
    packed_before: bytes
    packed_after: bytes
    crc: int

    @classmethod
    def of(cls, made: Answer) -> "KeyedPage":
        """The page of one rendering. Raises `ValueError` unless it has exactly one hole."""
        before, after = made.body.split(HOLE.encode())
        first = zlib.compressobj(6, wbits=-15)
        # The second part may refer to the first: what reads it has that, and a key as long as the hole, in its window.
        second = zlib.compressobj(6, wbits=-15, zdict=(before + HOLE.encode())[-_WINDOW:])
        return cls(
            plain=made,
            packed=replace(made, headers=(*made.headers, _PACKED)),
            before=before,
            after=after,
            packed_before=_GZIP + first.compress(before) + first.flush(zlib.Z_SYNC_FLUSH),
            packed_after=second.compress(after) + second.flush(),
            crc=zlib.crc32(before),
        )

    def answer(self, headers: Headers, key: str) -> Answer:
        """The page with `key`, which is as long as the hole, in the bytes that the browser takes."""
        filling = key.encode()
        if not takes_gzip(headers):
            return replace(self.plain, body=b"".join((self.before, filling, self.after)))
        crc = zlib.crc32(self.after, zlib.crc32(filling, self.crc))
        size = len(self.before) + len(filling) + len(self.after)
        parts = (self.packed_before, _STORED, filling, self.packed_after, _END.pack(crc, size))
        return replace(self.packed, body=b"".join(parts))


def takes_gzip(headers: Headers) -> bool:
    """Whether the browser takes compressed bytes."""
    return b"gzip" in headers.get(b"accept-encoding", b"")
