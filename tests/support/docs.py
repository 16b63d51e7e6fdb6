"""Commands that a page of the docs shows, to be run as they stand."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.support.command import environment

DOCS = Path(__file__).parents[2] / "docs"


def commands(page: str, name: str) -> str:
    """The block of a page that stands under `<!-- tried: NAME -->`."""
    text = (DOCS / page).read_text()
    blocks = re.findall(rf"<!-- tried: {re.escape(name)} -->\n+```sh\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 1, f"{len(blocks)} blocks called {name!r} in {page}"
    return str(blocks[0])


def run(script: str, settings: Mapping[str, str], path: Path | None = None) -> str:
    """Run commands until one fails; what they printed. `path` comes before everything else that can be run."""
    first = [str(path)] if path else []
    places = [*first, str(Path(sys.executable).parent), os.environ["PATH"]]
    done = subprocess.run(
        ["sh", "-euc", script],
        env=environment() | dict(settings) | {"PATH": os.pathsep.join(places)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout
