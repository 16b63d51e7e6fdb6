"""Goal: an instance finds its servers and its secret, and no instance that is shared runs on a made-up secret.

Method: resolve settings with every combination of given and missing addresses, on an empty directory.
"""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr

from ticketing import migrations
from ticketing.embedded.instance import resolve, upgrade_database
from ticketing.embedded.valkey import EmbeddedValkey
from ticketing.errors import Misconfigured, StoreUnavailable
from ticketing.settings import Settings

SECRET = SecretStr("given")


def _secret(settings: Settings) -> str:
    assert settings.secret_key is not None
    return settings.secret_key.get_secret_value()


def test_with_nothing_set_everything_lies_in_the_data_directory(tmp_path: Path) -> None:
    found = resolve(Settings(data_dir=tmp_path))
    assert found.redis_url == found.queue_redis_url == f"unix://{tmp_path}/valkey.sock"
    assert found.database_url == f"sqlite:///{tmp_path}/ticketing.sqlite3"


def test_the_address_is_the_running_servers(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)
    server = EmbeddedValkey(deep)
    assert resolve(Settings(data_dir=deep)).redis_url == server.url


def test_the_secret_is_made_once_and_kept_private(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "new")
    first = _secret(resolve(settings))
    assert len(first) >= 43, "256 bits and more"
    assert _secret(resolve(settings)) == first
    assert stat.S_IMODE((tmp_path / "new" / "secret.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


def test_two_that_make_the_secret_at_once_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        made = set(pool.map(lambda _: _secret(resolve(Settings(data_dir=tmp_path))), range(64)))
    assert len(made) == 1


def test_a_given_secret_is_used_and_none_is_written(tmp_path: Path) -> None:
    assert _secret(resolve(Settings(data_dir=tmp_path, secret_key=SECRET))) == "given"
    assert not (tmp_path / "secret.key").exists()


@pytest.mark.parametrize(
    "given", [{"redis_url": "redis://elsewhere"}, {"database_url": "postgresql://elsewhere"}], ids=str
)
def test_servers_of_ones_own_need_a_secret(tmp_path: Path, given: dict[str, str]) -> None:
    settings = Settings.model_validate({"data_dir": tmp_path, **given})
    with pytest.raises(Misconfigured, match="TICKETING_SECRET_KEY is not set"):
        resolve(settings)
    assert not (tmp_path / "secret.key").exists()
    assert _secret(resolve(settings.model_copy(update={"secret_key": SECRET}))) == "given"


def test_the_queue_may_have_a_server_of_its_own(tmp_path: Path) -> None:
    given = Settings(data_dir=tmp_path, redis_url="redis://a", queue_redis_url="redis://b", secret_key=SECRET)
    found = resolve(given)
    assert (found.redis_url, found.queue_redis_url) == ("redis://a", "redis://b")


def test_the_database_is_upgraded_once_and_again(tmp_path: Path) -> None:
    settings = resolve(Settings(data_dir=tmp_path))
    assert upgrade_database(settings) == upgrade_database(settings) == migrations.head()


def test_a_database_that_does_not_answer_is_a_failure(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, database_url="postgresql://127.0.0.1:1/none", secret_key=SECRET)
    with pytest.raises(StoreUnavailable):
        upgrade_database(resolve(settings))
