"""An uploaded picture made safe and small: decoded, cropped, scaled, and encoded anew without anything else it carried.

What leaves here was drawn by us from pixels: a file that only looks like a picture, hides another behind it, or
carries a place and a camera's number does not.
"""

import io
import warnings
from itertools import product

from msgspec import Struct
from PIL import Image, ImageOps, UnidentifiedImageError

from ticketing.errors import invalid

UPLOAD_BYTES_MAX = 5_000_000
PIXELS_MAX = 40_000_000
FORMATS = ("JPEG", "PNG", "WEBP")
SMALL_SIZE, LARGE_SIZE = (720, 405), (1200, 630)
SMALL_BYTES_MAX = 22_000
"""What a page may spend on its picture, so that all of it stays below 60 kB."""

_QUALITIES = (80, 65, 50, 35, 20)
_SHRINKS = (1, 2, 3)


class Pictures(Struct, frozen=True):
    """One picture twice: `small` (WebP) for pages, `large` (JPEG) for what others show of a link to us."""

    small: bytes
    large: bytes


def pictures_of(upload: bytes) -> Pictures:
    """Both sizes. Raises the refusal `invalid` naming `picture` for what is no picture, or too much of one."""
    if len(upload) > UPLOAD_BYTES_MAX:
        raise invalid(("picture", "is larger than 5 MB"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = _decoded(upload)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, MemoryError, Warning) as error:
        raise invalid(("picture", "is no picture")) from error
    except Image.DecompressionBombError as error:
        raise invalid(("picture", "has too many pixels")) from error
    return Pictures(_small(ImageOps.fit(picture, SMALL_SIZE)), _jpeg(ImageOps.fit(picture, LARGE_SIZE)))


def _decoded(upload: bytes) -> Image.Image:
    with Image.open(io.BytesIO(upload), formats=FORMATS) as picture:
        if picture.width * picture.height > PIXELS_MAX:
            raise Image.DecompressionBombError
        picture.draft("RGB", LARGE_SIZE)  # a JPEG of a camera is decoded at the size we need
        upright = ImageOps.exif_transpose(picture)
        flat = Image.new("RGB", upright.size, "white")
        flat.paste(upright.convert("RGBA"), mask=upright.convert("RGBA").getchannel("A"))
        return flat


def _small(picture: Image.Image) -> bytes:
    encoded = b""
    for shrink, quality in product(_SHRINKS, _QUALITIES):
        encoded = _encoded(picture.reduce(shrink), "WEBP", quality=quality, method=4)
        if len(encoded) <= SMALL_BYTES_MAX:
            break
    return encoded


def _jpeg(picture: Image.Image) -> bytes:
    return _encoded(picture, "JPEG", quality=78, optimize=True, progressive=True)


def _encoded(picture: Image.Image, kind: str, **options: int | bool) -> bytes:
    target = io.BytesIO()
    picture.save(target, kind, **options)
    return target.getvalue()
