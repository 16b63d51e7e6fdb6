"""Which servers an instance uses: those its settings name, or the embedded ones of its data directory."""

import os
import secrets
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy.exc import OperationalError

from ticketing import migrations
from ticketing.database import make_engine
from ticketing.embedded.valkey import address_file, default_socket
from ticketing.errors import Misconfigured, StoreUnavailable
from ticketing.keyring import Keyring
from ticketing.settings import Settings

DATABASE_FILE, SECRET_FILE = "ticketing.sqlite3", "secret.key"
"""What an instance's data directory has for SQL and for the secret."""


def is_embedded(settings: Settings) -> bool:
    """Whether both servers are our own, so that no other machine can share this instance."""
    return settings.redis_url is None and settings.database_url is None


def exists(settings: Settings) -> bool:
    """Whether there is an instance to look at or act on: a database that was given, or one that `up` has made."""
    return settings.database_url is not None or _sqlite_file(settings.data_dir).exists()


def resolve(settings: Settings) -> Settings:
    """Settings with every server's address and the secret filled in.

    The embedded mode makes its secret once and keeps it beside its data. Any other mode may be shared
    by several machines, which must all have the same one: without `TICKETING_SECRET_KEY` it raises
    `Misconfigured`.
    """
    data_dir = settings.data_dir.absolute()
    redis_url = settings.redis_url or _embedded_valkey_url(data_dir)
    return settings.model_copy(
        update={
            "data_dir": data_dir,
            "redis_url": redis_url,
            "queue_redis_url": settings.queue_redis_url or redis_url,
            "database_url": settings.database_url or f"sqlite:///{_sqlite_file(data_dir)}",
            "secret_key": settings.secret_key or _embedded_secret(settings),
        }
    )


def upgrade_database(settings: Settings) -> str:
    """Bring the database of resolved settings to this release's version, and return that version."""
    assert settings.database_url is not None, "the settings are resolved"
    assert settings.secret_key is not None, "the settings are resolved"
    engine = make_engine(settings.database_url)
    try:
        migrations.upgrade(engine, Keyring.derive(settings.secret_key.get_secret_value()).trail)
    except OperationalError as error:
        raise StoreUnavailable("the SQL database does not answer") from error
    finally:
        engine.dispose()
    return migrations.head()


def _sqlite_file(data_dir: Path) -> Path:
    return data_dir.absolute() / DATABASE_FILE


def _embedded_valkey_url(data_dir: Path) -> str:
    file = address_file(data_dir)
    return file.read_text() if file.exists() else f"unix://{default_socket(data_dir)}"


def _embedded_secret(settings: Settings) -> SecretStr:
    if not is_embedded(settings):
        raise Misconfigured(
            "TICKETING_SECRET_KEY is not set: with servers of your own, set it to the same long random text "
            "on every machine, and keep a copy; without it no card number can be recognised. For a new instance: "
            'export TICKETING_SECRET_KEY="$(openssl rand -base64 36)"'
        )
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = settings.data_dir / SECRET_FILE
    if not file.exists():
        _write_once(file, secrets.token_urlsafe(48))
    return SecretStr(file.read_text())


def _write_once(file: Path, text: str) -> None:
    """Write the whole file or nothing: of two that try at once, one wins and both read its text."""
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    draft.write_text(text)
    try:
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
