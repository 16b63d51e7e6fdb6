"""One line of a card import: what it says, and what is wrong with it."""

import re
from typing import NamedTuple

from ticketing.members.numbers import CARD_NUMBER_RULE, PIN_RULE, read_card_number, read_pin
from ticketing.members.tables import ACTIVE, BLOCKED

REQUIRED = ("card_number", "name", "organisation", "pin")
OPTIONAL = ("phone", "status")
COLUMNS = (*REQUIRED, *OPTIONAL)

WORDS = {
    "card number": "card_number",
    "full name": "name",
    "state": "status",
    "卡号": "card_number",
    "会员卡号": "card_number",
    "姓名": "name",
    "工会": "organisation",
    "工会组织": "organisation",
    "所属工会": "organisation",
    "单位": "organisation",
    "密码": "pin",
    "初始密码": "pin",
    "手机": "phone",
    "手机号": "phone",
    "手机号码": "phone",
    "电话": "phone",
    "状态": "status",
    "正常": ACTIVE,
    "停用": BLOCKED,
    "冻结": BLOCKED,
}
"""What people, and our own workbooks, call the columns of a list and the two states of a card."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_NAME_MAX = 100
_PHONE_MAX = 30


class CardLine(NamedTuple):
    """One line as it was written, without the spaces around each value; `fault` is the reader's own finding."""

    line: int
    card_number: str
    name: str
    organisation: str  # its id or its name
    pin: str  # may be empty for a card that is known
    phone: str = ""
    status: str = ""  # active, blocked, or empty: as it is
    fault: str = ""


def fault_of(line: CardLine) -> str | None:
    """Why the line is refused whatever the database says, in words that repeat no card number and no PIN."""
    if line.fault:
        return line.fault
    if read_card_number(line.card_number) is None:
        return f"card_number must be {CARD_NUMBER_RULE}"
    if line.pin and read_pin(line.pin) is None:
        return f"pin must be {PIN_RULE}"
    if line.status not in ("", ACTIVE, BLOCKED):
        return f"status must be {ACTIVE}, {BLOCKED} or empty"
    return _text_fault("name", line.name, _NAME_MAX) or _text_fault("phone", line.phone, _PHONE_MAX)


def _text_fault(field: str, value: str, length_max: int) -> str | None:
    if field == "name" and not value:
        return "name is empty"
    if len(value) > length_max:
        return f"{field} is longer than {length_max} characters"
    if _CONTROL.search(value):
        return f"{field} contains a control character"
    return None
