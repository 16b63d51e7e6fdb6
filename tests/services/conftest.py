"""A union's office over the real servers."""

from collections.abc import Iterator

import pytest

from tests.support.guards import without  # noqa: F401 - a fixture of these tests
from tests.support.office import Office
from tests.support.receiver import receiver, slow  # noqa: F401 - fixtures of these tests
from ticketing.database import Sessions
from ticketing.keyring import Keyring


@pytest.fixture
def office(sessions: Sessions, redis_url: str, keyring: Keyring) -> Iterator[Office]:
    made = Office(sessions, redis_url, keyring)
    yield made
    made.close()
