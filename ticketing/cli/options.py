"""What verbs share: their common options, the settings of an instance, and how they print."""

import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from ticketing.settings import Settings

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="The directory of an instance with embedded servers.", file_okay=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else on stdout.")]


def settings_of(data_dir: Path | None) -> Settings:
    """The settings of the environment, with `--data-dir` before them."""
    return Settings() if data_dir is None else Settings(data_dir=data_dir)


def instance_of(data_dir: Path | None) -> Settings:
    """The same with every server's address filled in. Raises `Misconfigured` without a secret."""
    from ticketing.embedded.instance import resolve

    return resolve(settings_of(data_dir))


def print_json(document: Any) -> None:
    """Print one JSON document on stdout."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(document)).decode() + "\n")
