"""Goal: a QR text tells a desk without the network which ticket it is, and nobody but us can make one.

Method: texts are signed and read back, changed in every character, and signed with another key; the signature is
also checked by the library alone, as a browser will, so that format and purpose are fixed; a control takes the
verification out and sees the forgery pass.
"""

from base64 import b32decode

import pytest
import segno
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.support.refusals import refusal
from ticketing.errors import Code, Refusal
from ticketing.keyring import Keyring
from ticketing.orders.model import OrderRecord, TicketRecord
from ticketing.orders.tables import CONFIRMED, DUE, PAID
from ticketing.services.seals import LIST, TICKET, Seal, SealedTicket

SEAL = Seal(Keyring.derive("a secret that only tests use").ticket)
OTHER = Seal(Keyring.derive("another secret of some other place").ticket)


def order(payment_status: str = PAID, price: int = 500) -> OrderRecord:
    return OrderRecord(
        id="0abcdefg.x",
        number="7KQ2M9XH4T5W",
        event_id="0abcdefg",
        member_id=1,
        position=1,
        channel="web",
        status=CONFIRMED,
        amount=price,
        currency="CNY",
        payment_method="desk",
        payment_status=payment_status,
        created_at=1,
        hold_expires_at=2,
        confirmed_at=1,
        recorded_at=None,
        tickets=(TicketRecord("7KQ2M9XH4T5W-1", "0abcdefg-3", 1, price),),
    )


def qr(seal: Seal = SEAL, one: OrderRecord | None = None) -> str:
    one = one or order()
    return seal.qr(one, one.tickets[0])


def test_a_text_is_read_back_in_any_case_and_with_spaces() -> None:
    text = qr()
    for typed in (text, text.lower(), f" {text[:20]} {text[20:]}\n"):
        assert SEAL.read(typed) == SealedTicket("7KQ2M9XH4T5W-1", "0abcdefg-3", due=False)
    unpaid = SEAL.read(qr(one=order(DUE)))
    assert unpaid is not None
    assert unpaid.due
    free = SEAL.read(qr(one=order(DUE, price=0)))
    assert free is not None
    assert not free.due, "another ticket of the order is to be paid, not this one"


def test_what_is_no_such_text_is_none() -> None:
    for typed in (
        "",
        "7KQ2M9XH4T5W-1",
        "7KQ2M9XH4T5W",
        "6222000000000001",
        qr()[:-1],
        qr() + "A",
        "." * 5_000,
    ):
        assert SEAL.read(typed) is None


def test_every_changed_character_is_seen() -> None:
    text = qr()
    for place, letter in enumerate(text[:-1]):  # the last letter carries three bits that say nothing
        changed = text[:place] + ("2" if letter != "2" else "3") + text[place + 1 :]
        assert _is_refused(changed), place


def test_another_key_is_named_as_such() -> None:
    told = refusal(lambda: SEAL.read(qr(OTHER)))
    assert told.code is Code.INVALID
    assert told.facts["errors"] == [
        {"field": "code", "reason": "was signed with another key than this instance's"}
    ]


def test_a_signature_for_a_list_is_none_for_a_ticket() -> None:
    text = qr()
    said, _, letters = text.rpartition(".")
    signature = b32decode(letters + "=")
    public = Ed25519PublicKey.from_public_bytes(SEAL.public)
    public.verify(signature, b"ticketing ticket 1\n" + said.encode())
    with pytest.raises(InvalidSignature):
        public.verify(signature, LIST + said.encode())
    public.verify(SEAL.sign_list(b"list"), b"ticketing desk list 1\nlist")


def test_the_code_stays_coarse_enough_for_a_phone() -> None:
    code = segno.make(qr(), error="m", micro=False)
    assert (code.mode, code.version) == ("alphanumeric", 6)


def test_control_without_the_verification_a_forgery_passes() -> None:
    said, _, letters = qr().rpartition(".")
    forged = f"{said.replace('-1.', '-2.', 1)}.{letters}"
    assert _is_refused(forged)
    careless = Seal(Keyring.derive("a secret that only tests use").ticket)
    vars(careless)["_public"] = _Trusting()
    assert careless.read(forged) == SealedTicket("7KQ2M9XH4T5W-2", "0abcdefg-3", due=False)


class _Trusting:
    def verify(self, signature: bytes, data: bytes) -> None:
        assert data.startswith(TICKET)


def _is_refused(text: str) -> bool:
    try:
        return SEAL.read(text) is None
    except Refusal as forged:
        return forged.code is Code.INVALID
