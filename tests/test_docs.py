"""Goal: the pages under docs/ are true where a machine can tell.

Method: links between pages against the files; a page and its translation against each other; what is shown of a command
or a setting against the program. Commands for backups are run by tests/operations.
"""

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from ticketing.cli import app
from ticketing.settings import Settings

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", sorted(path.name for path in (ROOT / "docs" / "zh").glob("*.md")))
def test_a_translation_has_the_same_parts_and_commands(page: str) -> None:
    english, chinese = ((ROOT / folder / page).read_text() for folder in ("docs", "docs/zh"))
    for part in (r"^(#+) ", r"^\| ?-", r"```sh\n.*?```", r"<!--.*?-->"):
        found = [re.findall(part, text, re.MULTILINE | re.DOTALL) for text in (english, chinese)]
        assert found[0] == found[1], part


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_verbs_and_settings_that_are_named_exist(page: Path) -> None:
    command: Any = typer.main.get_command(app)
    text = page.read_text()
    for verb in set(re.findall(r"(?:`|^ +|^)ticketing ([a-z]+)\b", text, re.MULTILINE)):
        assert verb in command.commands, verb
    known = {f"TICKETING_{name.upper()}" for name in Settings.model_fields}
    named = set(re.findall(r"TICKETING_[A-Z_]+[A-Z]", text))
    assert {name for name in named if not name.startswith("TICKETING_TEST_")} <= known
