"""`./dev python -m scripts.bench [OPTION …]`: the whole bench, with a throw-away PostgreSQL, and its chart.

Passes its arguments on to `ticketing bench`; writes `docs/performance.json` and `docs/images/performance.svg`, of which
docs/performance.md speaks. `--draw` draws the chart anew from the file that is there.
"""

import json
import subprocess
import sys
from html import escape
from pathlib import Path
from typing import Any

from tests.support.postgres import running_postgres

DOCS = Path(__file__).parent.parent / "docs"
FIGURES, CHART = DOCS / "performance.json", DOCS / "images" / "performance.svg"
WIDTH, LEFT, ROW, BAR = 860, 270, 34, 18
SCALE_MAX = 4.0
"""Ratios above this are cut, with their number beside the bar."""


def main(arguments: list[str]) -> None:
    """Measure unless `--draw`, then draw."""
    if arguments != ["--draw"]:
        FIGURES.write_text(json.dumps(_measured(arguments), indent=1) + "\n")
    CHART.write_text(drawn(json.loads(FIGURES.read_text())))


def _measured(arguments: list[str]) -> Any:
    with running_postgres() as server:
        command = ["ticketing", "bench", "--json", "--postgres", server.url, *arguments]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def drawn(rows: dict[str, dict[str, Any]]) -> str:
    """A bar for each ratio that should be high, with its target as a line."""
    ratios = {n: r for n, r in rows.items() if "ratio" in r and "target" in r and not r.get("most")}
    height = ROW * len(ratios) + 40
    body = [_row(place, name, row) for place, (name, row) in enumerate(ratios.items())]
    style = "font:14px system-ui,sans-serif"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" style="{style}" role="img">'
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>{"".join(body)}'
        f'<text x="{LEFT}" y="{height - 12}" fill="#5b6770">'
        "times the baseline of the same run; | is the target, a bar is the median, dots are the turns</text></svg>\n"
    )


def _row(place: int, name: str, row: dict[str, Any]) -> str:
    y = 10 + place * ROW
    met = row["ratio"] >= row["target"]
    middle = y + BAR / 2
    turns = [turn["ours"] / turn["baseline"] for turn in row["runs"]]
    dots = "".join(f'<circle cx="{_x(turn):.1f}" cy="{middle}" r="3" fill="#1d2b36"/>' for turn in turns)
    return (
        f'<text x="{LEFT - 10}" y="{y + 14}" text-anchor="end">{escape(name.replace("_", " "))}</text>'
        f'<rect x="{LEFT}" y="{y}" width="{_x(row["ratio"]) - LEFT:.1f}" height="{BAR}" '
        f'fill="{"#3d9970" if met else "#c98b1d"}"/>{dots}'
        f'<line x1="{_x(row["target"]):.1f}" x2="{_x(row["target"]):.1f}" y1="{y - 4}" y2="{y + BAR + 4}" '
        'stroke="#1d2b36" stroke-width="2"/>'
        f'<text x="{WIDTH - 8}" y="{y + 14}" text-anchor="end">{row["ratio"]:.2f}</text>'
    )


def _x(ratio: float) -> float:
    return LEFT + min(ratio, SCALE_MAX) / SCALE_MAX * (WIDTH - LEFT - 70)


if __name__ == "__main__":
    main(sys.argv[1:])
