"""QR codes as pictures of their own: no page may carry inline styles."""

import io

import segno
from markupsafe import Markup


def qr_svg(text: str, error: str, scale: int) -> bytes:
    """An SVG of `text`; `error` is the level of correction, `scale` the side of a module in pixels."""
    picture = io.BytesIO()
    code = segno.make(text, error=error, micro=False)
    code.save(picture, kind="svg", scale=scale, border=2, light="#fff", xmldecl=False)
    return picture.getvalue()


def qr_picture(text: str) -> Markup:
    """The same to stand inside a page, as large as its style sheet says."""
    code = segno.make(text, error="m", micro=False)
    svg = code.svg_inline(border=2, light="#fff", omitsize=True, svgclass="qr", lineclass=None)
    return Markup(svg)  # noqa: S704 - made of squares alone


def qr_data(text: str) -> str:
    """The same as a `data:` address, for what must not stand in any address of ours."""
    return segno.make(text, error="m", micro=False).svg_data_uri(scale=4, border=2, light="#fff")
