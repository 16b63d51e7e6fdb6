"""Goal: an upload becomes two small pictures of our own drawing, or a refusal; never anything else of the file.

Method: real pictures of every kind we take, and files that are none, through Pillow.
"""

import io
import random
from typing import Any

import pytest
from PIL import Image

from ticketing.errors import Code, Refusal
from ticketing.services.images import (
    LARGE_SIZE,
    PIXELS_MAX,
    SMALL_BYTES_MAX,
    SMALL_SIZE,
    UPLOAD_BYTES_MAX,
    pictures_of,
)


def _file(kind: str, size: tuple[int, int] = (1_600, 1_000), mode: str = "RGB", **more: Any) -> bytes:
    target = io.BytesIO()
    Image.new(mode, size, 128).save(target, kind, **more)
    return target.getvalue()


def _noise() -> bytes:
    target = io.BytesIO()
    pixels = random.Random(7).randbytes(800 * 600 * 3)
    Image.frombytes("RGB", (800, 600), pixels).save(target, "PNG")
    return target.getvalue()


@pytest.mark.parametrize(
    "upload",
    [
        _file("JPEG"),
        _file("PNG", mode="RGBA"),
        _file("PNG", mode="P"),
        _file("WEBP"),
        _file("JPEG", (3, 900)),
    ],
)
def test_a_picture_becomes_two(upload: bytes) -> None:
    made = pictures_of(upload)
    small, large = Image.open(io.BytesIO(made.small)), Image.open(io.BytesIO(made.large))
    assert (small.format, small.size, large.format, large.size) == ("WEBP", SMALL_SIZE, "JPEG", LARGE_SIZE)
    assert len(made.small) <= SMALL_BYTES_MAX


def test_a_picture_full_of_detail_becomes_smaller_rather_than_heavy() -> None:
    small = pictures_of(_noise()).small
    assert len(small) <= SMALL_BYTES_MAX
    assert Image.open(io.BytesIO(small)).width >= SMALL_SIZE[0] // 3


def test_nothing_else_of_the_file_is_kept() -> None:
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    made = pictures_of(_file("JPEG", exif=exif) + b"<script>alert(1)</script>")
    for content in (made.small, made.large):
        assert b"taken at home" not in content
        assert b"<script>" not in content
        assert not dict(Image.open(io.BytesIO(content)).getexif())


def test_a_picture_that_lies_on_its_side_is_set_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by a quarter to the right
    target = io.BytesIO()
    picture = Image.new("RGB", (900, 1_600), "white")
    picture.paste("black", (0, 0, 900, 800))  # the top, which is the right once turned
    picture.save(target, "PNG", exif=exif)
    small = Image.open(io.BytesIO(pictures_of(target.getvalue()).small)).convert("L")
    assert small.crop((0, 0, 300, 405)).getextrema()[0] > 240  # type: ignore[operator]
    assert small.crop((420, 0, 720, 405)).getextrema()[1] < 15  # type: ignore[operator]


@pytest.mark.parametrize(
    ("upload", "reason"),
    [
        (b"", "is no picture"),
        (b"not a picture", "is no picture"),
        (_file("PNG")[:200], "is no picture"),
        (_file("GIF"), "is no picture"),
        (_file("BMP"), "is no picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is no picture"),
        (b"x" * (UPLOAD_BYTES_MAX + 1), "is larger than 5 MB"),
        (_file("PNG", (8_000, PIXELS_MAX // 8_000 + 1), mode="1"), "has too many pixels"),
    ],
)
def test_what_is_no_picture_is_refused(upload: bytes, reason: str) -> None:
    with pytest.raises(Refusal) as refused:
        pictures_of(upload)
    assert refused.value.code is Code.INVALID
    assert refused.value.facts["errors"] == [{"field": "picture", "reason": reason}]
