"""Goal: a wheel carries all it needs: templates, static files, Lua, migrations, scenarios.

Method: build one from the checkout, install it by hash into fresh environments elsewhere, and run
`ticketing demo` and, with the extra that brings Locust, `ticketing rush` from there, standing in an empty folder.
"""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from tests.support.command import STOP_SECONDS, running, ticketing

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
INSTALL_SECONDS = 600.0
RUSH_SECONDS = 240.0


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    _run("-m", "hatchling", "build", "-t", "wheel", "-d", str(folder), cwd=ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def install(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Installs the wheel with one requirement file; answers with the new environment's Python."""

    def install_with(requirements: str) -> str:
        folder = tmp_path_factory.mktemp(requirements) / "venv"
        python = str(folder / "bin" / "python")
        _uv("venv", "--python", sys.executable, str(folder))
        hashed = str(ROOT / "requirements" / f"{requirements}.txt")
        _uv("pip", "install", "--python", python, "--require-hashes", "-r", hashed)
        _uv("pip", "install", "--python", python, "--no-deps", "--no-index", str(wheel))
        return python

    return install_with


def test_it_carries_every_file(wheel: Path) -> None:
    carried = set(zipfile.ZipFile(wheel).namelist())
    folders = {"web": "ticketing/_web", "loadtests": "ticketing/_loadtests", "ticketing": "ticketing"}
    wanted = {
        f"{inside}/{file.relative_to(ROOT / folder)}"
        for folder, inside in folders.items()
        for file in (ROOT / folder).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert wanted - carried == set()
    assert not any("__pycache__" in name for name in carried)
    assert {name.split("/")[0] for name in carried} == {"ticketing", "ticketing-0.1.0.dist-info"}


def test_the_demo_runs_from_a_wheel(install: Callable[[str], str], tmp_path: Path) -> None:
    python = install("serving")
    with running("demo", tmp_path / "data", python=python, cwd=tmp_path) as demo:
        page = httpx2.get(f"{demo.base_url}/", follow_redirects=True, trust_env=False)
        assert page.status_code == 200
        assert "五元看大片" in page.text
        document = httpx2.get(f"{demo.base_url}/openapi.json", trust_env=False).json()
        assert document["openapi"].startswith("3.")
        assert demo.stop() < STOP_SECONDS
    without = ticketing("rush", "art-exhibition", python=python, cwd=tmp_path)
    assert without.returncode == 2
    assert "ticketing[rush]" in without.stderr


def test_a_rush_runs_from_a_wheel(install: Callable[[str], str], tmp_path: Path) -> None:
    figures, report = tmp_path / "figures.json", tmp_path / "report.html"
    options = ["--cards", "600", "--users", "40", "--json", str(figures), "--html", str(report)]
    rush = ticketing(
        "rush", "art-exhibition", *options, python=install("rush"), cwd=tmp_path, seconds=RUSH_SECONDS
    )
    assert rush.returncode == 0, rush.stderr
    found = json.loads(figures.read_text())
    assert found["sold"] > 0
    assert {found[name] for name in ("oversold", "over_limit", "lost_orders", "duplicate_orders")} == {0}
    assert "<svg" in report.read_text()


def _uv(*arguments: str) -> None:
    found = shutil.which("uv") or str(ROOT / ".cache" / "uv" / "bin" / "uv")
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    done = subprocess.run(
        [found, *arguments, "--quiet"],
        capture_output=True,
        text=True,
        timeout=INSTALL_SECONDS,
        env=environment,
    )
    assert done.returncode == 0, done.stderr


def _run(*arguments: str, cwd: Path) -> None:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
