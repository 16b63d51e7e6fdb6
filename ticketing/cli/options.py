"""What verbs share: their common options, the settings of an instance, and how they print."""

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from ticketing.errors import Misconfigured, StoreUnavailable
from ticketing.settings import Settings

if TYPE_CHECKING:
    from ticketing.bootstrap import Services

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="The directory of an instance with embedded servers.", file_okay=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else on stdout.")]


def settings_of(data_dir: Path | None) -> Settings:
    """The settings of the environment, with `--data-dir` before them."""
    return Settings() if data_dir is None else Settings(data_dir=data_dir)


def instance_of(data_dir: Path | None) -> Settings:
    """The settings of an instance that is there, with every server's address. Raises `Misconfigured` otherwise."""
    from ticketing.embedded.instance import exists, resolve

    settings = settings_of(data_dir)
    if not exists(settings):
        raise Misconfigured(
            f"there is no instance in {settings.data_dir}; `ticketing up` makes one, --data-dir names another"
        )
    return resolve(settings)


@contextmanager
def services_of(data_dir: Path | None) -> Iterator["Services"]:
    """The services of an instance whose database is up to date; SQL that does not answer is a failure."""
    from sqlalchemy.exc import SQLAlchemyError

    from ticketing import migrations
    from ticketing.bootstrap import build

    with closing(build(instance_of(data_dir))) as services:
        try:
            if migrations.current(services.engine) != migrations.head():
                raise Misconfigured("the database is of another release; run `ticketing db upgrade`")
            yield services
        except SQLAlchemyError as error:
            raise StoreUnavailable("the SQL database did not answer") from error


def print_json(document: Any) -> None:
    """Print one JSON document on stdout."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(document)).decode() + "\n")
