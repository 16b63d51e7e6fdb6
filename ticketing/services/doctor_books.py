"""The doctor's look at what SQL holds: its version, the secret it was written with, the audit trail."""

import time
from collections.abc import Iterator

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from ticketing import migrations
from ticketing.database import make_sessions, reading
from ticketing.errors import StoreUnavailable
from ticketing.keyring import Keyring
from ticketing.orders import checks as orders
from ticketing.services import trail, unfinished
from ticketing.services.findings import Check, check
from ticketing.services.witness import Witness

NAMED_MAX = 10


def look_at_books(engine: Engine, keyring: Keyring, witness: Witness, options: str) -> Iterator[Check]:
    """What is readable only with the right version, and verifiable only with the right secret."""
    current, head = migrations.current(engine), migrations.head()
    found = f"{current or 'none'}, needed {head}"
    yield check(
        "migrations",
        current == head,
        found,
        "this release cannot work with it",
        f"ticketing db upgrade{options}",
    )
    if current != head:
        return
    with reading(make_sessions(engine, keyring.trail)) as session:
        secret = _secret(session, keyring)
        yield secret
        if secret.ok:
            yield _chain(session)
            yield _end(witness, options)
            yield _desk_sales(session, keyring)


def _secret(session: Session, keyring: Keyring) -> Check:
    """One thing that fits is enough: what does not is then another finding."""
    order, signed = orders.any_order(session), trail.is_signed_here(session)
    fits = [] if order is None else [keyring.order_number(order[0]) == order[1]]
    fits += [] if signed is None else [signed]
    found = "nothing is written yet" if not fits else "the one the data was written with"
    mend = (
        "no card is known and no PIN is right: set TICKETING_SECRET_KEY, or put back secret.key, as it was when the "
        "data was written; it is in the backup, and cannot be worked out"
    )
    wrong = bool(fits) and not any(fits)
    return check(
        "secret of the data", not wrong, "another than the data was written with" if wrong else found, mend
    )


def _chain(session: Session) -> Check:
    broken = trail.verify(session)
    found = "every entry fits" if broken is None else f"entry {broken.entry_id} {broken.what}"
    mend = "it was changed past this program: compare it with a backup, and ask who can write to the database"
    return check("audit trail", broken is None, found, mend)


def _desk_sales(session: Session, keyring: Keyring) -> Check:
    """Sales that no till counts: each stays so until a person says what became of the money."""
    found = unfinished.find(session, keyring, 0, int(time.time() * 1000) - unfinished.GRACE_MS)
    named = [f"{sale.order.number} ({sale.clerk or 'nobody knows whose'})" for sale in found[:NAMED_MAX]]
    more = [f"{len(found) - NAMED_MAX} more"] if len(found) > NAMED_MAX else []
    mend = (
        "a desk died in the middle of them, and their money is in no till: whoever sold finishes or undoes each on the "
        "page Till, or a manager on the page Takings"
    )
    told = f"unfinished: {', '.join(named + more)}" if found else "every one is counted"
    return check("desk sales", not found, told, mend)


def _end(witness: Witness, options: str) -> Check:
    try:
        fault = witness.fault()
    except StoreUnavailable:
        return check("audit trail end", True, "not known while Redis is away", "")
    mend = (
        "rows were cut from its end, or an old copy of the database is in use: if you restored one, say so; if not, "
        "compare it with a backup, and ask who can write to it"
    )
    command = f'ticketing trail accept{options} "restored a backup"'
    return check("audit trail end", fault is None, fault or "as a worker noted it", mend, command)
