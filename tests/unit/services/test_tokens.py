"""A token says who signed in, and only we can have said it.

Goal: no token is accepted that we did not sign, that was changed, or whose time is past.
Method: sign, bend one thing, verify; hypothesis bends the text anywhere.
"""

from base64 import urlsafe_b64encode

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from ticketing.keyring import Keyring
from ticketing.services.tokens import TOKEN_LENGTH_MAX, Claims, TokenSigner, new_session_id

NOW, IDLE, END = 1_000_000, 1_060_000, 1_120_000
CLAIMS = Claims(
    kind="member",
    id=42,
    session_id="first",
    issued_at=NOW,
    expires_at=END,
    idle_at=IDLE,
    name="王小明",
    organisation_id="east",
    organisation_name="东街道工会",
    organisation_path="district.east",
    card_last_four="0001",
)
SIGNER = TokenSigner(Keyring.derive("tests").session)
TOKEN = SIGNER.sign(CLAIMS)


def test_what_was_signed_is_read_back() -> None:
    assert SIGNER.verify(TOKEN, NOW) == CLAIMS
    assert TokenSigner(Keyring.derive("tests").session).verify(TOKEN, NOW) == CLAIMS


@pytest.mark.parametrize("late", [IDLE, IDLE + 1, END])
def test_a_token_ends_when_idle(late: int) -> None:
    assert SIGNER.verify(TOKEN, IDLE - 1) == CLAIMS
    assert SIGNER.verify(TOKEN, late) is None


def test_a_token_ends_for_good() -> None:
    eager = SIGNER.sign(replace(CLAIMS, idle_at=END + 1))
    assert SIGNER.verify(eager, END - 1) is not None
    assert SIGNER.verify(eager, END) is None


def test_another_key_signs_nothing_for_us() -> None:
    assert TokenSigner(Keyring.derive("others").session).verify(TOKEN, NOW) is None
    assert TokenSigner(Keyring.derive("tests").hold).verify(TOKEN, NOW) is None


def test_claims_cannot_be_swapped_under_a_signature() -> None:
    forged = urlsafe_b64encode(msgspec.json.encode(replace(CLAIMS, id=1))).rstrip(b"=").decode()
    assert SIGNER.verify(f"{forged}.{TOKEN.rpartition('.')[2]}", NOW) is None


@given(place=st.integers(0, len(TOKEN) - 1), letter=st.characters())
def test_a_token_changed_anywhere_is_refused(place: int, letter: str) -> None:
    bent = TOKEN[:place] + letter + TOKEN[place + 1 :]
    assume(bent != TOKEN)
    claims = SIGNER.verify(bent, NOW)
    assert claims is None


@given(st.text(max_size=200))
def test_any_text_is_refused_quietly(text: str) -> None:
    assert SIGNER.verify(text, NOW) is None


def test_a_long_text_is_refused_unread() -> None:
    long_name = SIGNER.sign(replace(CLAIMS, name="x" * TOKEN_LENGTH_MAX))
    assert SIGNER.verify(long_name, NOW) is None


def test_session_ids_have_128_bits_and_differ() -> None:
    ids = {new_session_id() for _ in range(1_000)}
    assert len(ids) == 1_000
    assert {len(session_id) for session_id in ids} == {22}


def test_names_in_other_tables() -> None:
    staff = replace(CLAIMS, kind="staff", id=7, name="wang", role="clerk")
    assert (CLAIMS.subject, CLAIMS.actor) == ("m:42", "member:42")
    assert (staff.subject, staff.actor) == ("s:7", "staff:wang")


@pytest.mark.parametrize(
    ("path", "covered"),
    [
        ("district.east", True),
        ("district.east.mill", True),
        ("district.eastern", False),
        ("district", False),
        ("district.west", False),
    ],
)
def test_a_person_covers_their_organisation_and_below(path: str, covered: bool) -> None:
    assert CLAIMS.covers(path) is covered
