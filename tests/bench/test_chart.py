"""Goal: the chart of docs/performance.md shows every ratio with its target, and no more than fits.

Method: drawn from figures of the test's own, and read back as XML.
"""

import xml.etree.ElementTree as ET

from scripts.bench import SCALE_MAX, WIDTH, drawn

NAME = "{http://www.w3.org/2000/svg}"


def bars(**rows: dict[str, object]) -> list[ET.Element]:
    drawing = ET.fromstring(drawn(rows))
    return drawing.findall(f"{NAME}rect")[1:]  # the first is the ground


def row(ratio: float, target: float, **more: object) -> dict[str, object]:
    return {"ratio": ratio, "target": target, "runs": [{"ours": ratio, "baseline": 1.0}], **more}


def test_a_bar_is_as_long_as_its_ratio_and_coloured_by_its_target() -> None:
    met, missed = bars(met=row(2.0, 1.5), missed=row(1.0, 1.5))
    assert float(met.attrib["width"]) == 2 * float(missed.attrib["width"])
    assert met.attrib["fill"] != missed.attrib["fill"]


def test_what_is_off_the_scale_stays_on_the_page() -> None:
    (bar,) = bars(huge=row(100 * SCALE_MAX, 1.0))
    assert float(bar.attrib["x"]) + float(bar.attrib["width"]) < WIDTH


def test_values_and_bounds_from_above_are_for_the_table() -> None:
    assert bars(bytes={"value": 3.0}, growth=row(1.1, 1.15, most=True)) == []
