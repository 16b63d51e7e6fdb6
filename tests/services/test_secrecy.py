"""Card numbers and PINs are nowhere in clear: not in SQL, not in errors, not in logs.

Goal: who reads a database, a backup, a log or a traceback learns no card number and no PIN.
Method: do everything that touches them, then search every column of every table and everything that was said.
"""

import logging
import traceback

import pytest
from sqlalchemy import func, inspect, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from tests.support.people import ADDRESS, CARD, OTHER_CARD, OTHER_PIN, PASSWORD, PIN, Union
from ticketing.database import Sessions, reading
from ticketing.errors import Refusal
from ticketing.keyring import Keyring
from ticketing.members.tables import Card
from ticketing.services.cards import create_members, new_member

NEW_CARD, IMPORTED, CHOSEN = "0062220009", "0062230001", "975311"
SECRETS = (CARD, OTHER_CARD, NEW_CARD, IMPORTED, PIN, OTHER_PIN, CHOSEN)


@pytest.fixture
def union(sessions: Sessions, keyring: Keyring) -> Union:
    return Union(sessions, keyring)


def contents(union: Union) -> list[bytes]:
    """Every value of every column, as bytes."""
    with reading(union.sessions) as session:
        tables = inspect(session.connection()).get_table_names()
        rows = [row for table in tables for row in session.execute(text(f'SELECT * FROM "{table}"'))]
    return [value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row]


def test_sql_holds_no_card_number_and_no_pin(union: Union) -> None:
    _live(union)
    values = contents(union)
    assert len(values) > 100
    found = [secret for secret in SECRETS if any(secret.encode() in value for value in values)]
    assert found == []
    assert any(value == b"0001" for value in values)  # the search sees what is there


def test_the_digests_are_keyed_and_the_pins_salted(union: Union, keyring: Keyring) -> None:
    with union.sessions.begin() as session:
        people = [new_member(keyring, f"00622400{n}", PIN, "同", "east") for n in range(50)]
        create_members(session, people, 1)
        assert session.scalar(select(func.count(func.distinct(Card.pin_digest)))) == 52
    other = Keyring.derive("another instance")
    assert other.card_digest(CARD) != keyring.card_digest(CARD)
    assert other.pin_digest(bytes(16), PIN) != keyring.pin_digest(bytes(16), PIN)


def test_nothing_said_repeats_them(union: Union, caplog: pytest.LogCaptureFixture) -> None:
    """Refusals, failures of SQL and their tracebacks, everything logged, the report of an import."""
    caplog.set_level(logging.DEBUG)
    said: list[str] = []
    _live(union)
    for act in (
        lambda: union.accounts.login_member(CARD, PIN, ADDRESS),
        lambda: union.cards.block(union.claims(), CARD, "lost"),
        lambda: union.cards.replace(union.claims(), NEW_CARD, OTHER_CARD, "worn"),
        lambda: union.accounts.change_pin(union.sign_in(NEW_CARD, CHOSEN), PIN, "24680"),
    ):
        with pytest.raises(Refusal) as refused:
            act()
        said += [repr(refused.value), str(refused.value.facts)]
    said.append(_failure_of_sql(union))
    said.append(
        repr(union.import_text(f"{OTHER_CARD},李华,nowhere,{OTHER_PIN},,", f"{IMPORTED},张伟,,{PIN},,"))
    )
    said.append(caplog.text)
    said.append(repr(union.keyring))
    assert [secret for secret in SECRETS if any(secret in text for text in said)] == []


def test_sqls_errors_do_not_name_people(union: Union) -> None:
    assert "王小明" not in _failure_of_sql(union)


def _live(union: Union) -> None:
    """Everything that takes a card number or a PIN."""
    claims = union.sign_in()
    union.import_text(f"{IMPORTED},张伟,west,{PIN},,", f"{OTHER_CARD},李华,east,{OTHER_PIN},,blocked")
    union.accounts.change_pin(claims, PIN, CHOSEN)
    union.cards.replace(union.claims(), CARD, NEW_CARD, "worn out")
    union.cards.reset_pin(union.claims(), IMPORTED, "forgotten")
    union.staff.add_staff("wang", "clerk", "east", PASSWORD)
    union.accounts.login_staff("wang", PASSWORD, ADDRESS)
    union.accounts.logout(claims)


def _failure_of_sql(union: Union) -> str:
    """What a traceback says when SQL refuses rows of people."""
    twins = [new_member(union.keyring, "0062250001", PIN, "王小明", "east") for _ in range(2)]
    try:
        with union.sessions.begin() as session:
            create_members(session, twins, 1)
    except (IntegrityError, DBAPIError) as error:
        return "".join(traceback.format_exception(error))
    raise AssertionError("a card number was stored twice")
