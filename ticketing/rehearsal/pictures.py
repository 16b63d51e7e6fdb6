"""Pictures for the demo's events, drawn here: hills and a sun for the cinema, tiles for art, beads for classes."""

import io
from collections.abc import Callable
from math import sin

from PIL import Image, ImageDraw

SIZE = (1200, 675)
Draw = ImageDraw.ImageDraw


def picture(scenario: str) -> bytes:
    """A PNG for a scenario's event."""
    draw_on, sky, ground = _DESIGNS.get(scenario, _DESIGNS["evening-classes"])
    canvas = Image.linear_gradient("L").resize(SIZE)
    image = Image.composite(Image.new("RGB", SIZE, ground), Image.new("RGB", SIZE, sky), canvas)
    draw_on(ImageDraw.Draw(image))
    target = io.BytesIO()
    image.save(target, "PNG")
    return target.getvalue()


def _hills(draw: Draw) -> None:
    draw.ellipse((720, 110, 1020, 410), fill="#ffe3a3")
    for base, height, colour in ((470, 60, "#a8392f"), (530, 45, "#7d2430"), (590, 30, "#4c1730")):
        line = [(x, base + height * sin(x / 160 + base)) for x in range(0, SIZE[0] + 8, 8)]
        draw.polygon([(0, SIZE[1]), *line, SIZE], fill=colour)


def _tiles(draw: Draw) -> None:
    colours = ("#0e6e78", "#f1b24a", "#e4572e", "#f7efe0", "#17324d")
    for row in range(5):
        for column in range(9):
            left, top = column * 135, row * 135
            fill = colours[(row * 2 + column * 3) % len(colours)]
            draw.pieslice((left, top, left + 270, top + 270), 180, 270, fill=fill)


def _beads(draw: Draw) -> None:
    for number in range(60):
        x, y = 60 + number % 12 * 98, 110 + number // 12 * 115
        radius = 18 + 16 * sin(number / 3)
        draw.ellipse(
            (x - radius, y - radius, x + radius, y + radius), fill="#f3e8ff" if number % 3 else "#ffd166"
        )


_DESIGNS: dict[str, tuple[Callable[[Draw], None], str, str]] = {
    "five-yuan-cinema": (_hills, "#f6b26b", "#c8433a"),
    "art-exhibition": (_tiles, "#dfeeed", "#9cc9c6"),
    "evening-classes": (_beads, "#5b3a8e", "#8e62c4"),
}
