"""The words of the pages on members and cards: why a list or a line was refused, and the states of a list.

`N_` marks a text for the catalogue; it is translated when it is shown.
"""

import re
from collections.abc import Mapping

from ticketing.api.pages.names import N_
from ticketing.members import imports

IMPORT_STATES: Mapping[str, str] = {
    imports.SENDING: N_("Being sent"),
    imports.CHECKING: N_("Being checked"),
    imports.CHECKED: N_("Checked, nothing imported yet"),
    imports.IMPORTING: N_("Being imported"),
    imports.IMPORTED: N_("Imported"),
    imports.FAILED: N_("Could not be read"),
    imports.DROPPED: N_("Dropped"),
}

ORGANISATION_KINDS: Mapping[str, str] = {
    "city": N_("City union"),
    "district": N_("District union"),
    "sub_district": N_("Sub-district union"),
    "workplace": N_("Workplace union"),
}

CARD_STATES: Mapping[str, str] = {
    "active": N_("In use"),
    "blocked": N_("Card blocked"),
    "replaced": N_("Replaced"),
}

HAPPENED: Mapping[str, str] = {
    "booked": N_("Booked %(tickets)s tickets"),
    "collected": N_("Collected %(tickets)s tickets at %(desk)s"),
    "collecting_undone": N_("Hand-over of %(tickets)s tickets taken back: %(reason)s"),
    "cancelled": N_("Gave %(tickets)s tickets back: %(reason)s"),
    "card.block": N_("Card blocked: %(reason)s"),
    "card.unblock": N_("Card in use again: %(reason)s"),
    "card.replace": N_("Card replaced by one ending in %(last_four)s: %(reason)s"),
    "card.reset_pin": N_("One-time PIN given: %(reason)s"),
    "card.change_pin": N_("Chose another PIN"),
    "member.move": N_("Moved from organisation %(from)s to %(to)s by a card list"),
    "notice": N_("Was told: %(text)s"),
    "signed_in": N_("Signed in: %(device)s"),
    "joined": N_("Became a member here"),
}

_REASONS: Mapping[str, str] = {
    r"is empty": N_("This file is empty. Choose the list that you want to import."),
    r"is larger than .*": N_("This file is larger than 32 MB. Send it in parts, or as CSV."),
    r"is neither UTF-8 nor GB 18030 text": N_(
        "This is no list: it is neither a CSV file nor an XLSX workbook. In Excel, save it as an Excel workbook."
    ),
    r"cannot be read as XLSX": N_(
        "This workbook cannot be opened. Save it again in Excel as an Excel workbook (XLSX)."
    ),
    r"unpacks to more than .*": N_(
        "This workbook is far larger inside than a list of cards can be. Save it as CSV."
    ),
    r"cannot be read as CSV at line (?P<line>\d+): .*": N_(
        "This CSV file breaks off at line %(line)s: a quotation mark is opened there and not closed."
    ),
    r"needs a first line that names its columns; missing: (?P<names>.*)": N_(
        "The first line must name the columns. Missing: %(names)s."
    ),
    r"has more than (?P<most>.*) lines": N_("This list has more than %(most)s lines. Send it in parts."),
    r"could not be read: the import stopped each time it was tried": N_(
        "The import stopped each time it was tried. Save the list as CSV and send it again."
    ),
    r"card_number must be .*": N_("The card number must have 6 to 32 digits."),
    r"pin must be .*": N_("The PIN must have 4 to 12 digits."),
    r"status must be .*": N_("The status must be active (正常), blocked (停用) or empty."),
    r"name is empty": N_("The name is missing."),
    r"(?P<field>\w+) is longer than (?P<most>\d+) characters": N_(
        "%(field)s has more than %(most)s characters."
    ),
    r"(?P<field>\w+) contains a control character": N_(
        "%(field)s contains a character that cannot be shown."
    ),
    r"(?P<field>\w+) is a number cell; format its column as text": N_(
        "%(field)s is a number in the workbook, which loses leading zeros: format the column as text and type it again."
    ),
    r"organisation is unknown": N_(
        "There is no such organisation in your part of the tree. Add it first, or mend its name."
    ),
    r"organisation is a name that several have; give its id": N_(
        "Several organisations have this name. Write the organisation's id instead."
    ),
    r"the same card_number is in line (?P<line>\d+)": N_("The same card number is in line %(line)s already."),
    r"pin is empty for a new card": N_("A new card needs a PIN."),
    r"the card was replaced by a new one": N_("This card was replaced by a new one."),
    r"the card is of an organisation outside yours; .*": N_(
        "This card belongs to an organisation outside yours. The union above both can move it."
    ),
}

_PATTERNS = [(re.compile(pattern), text) for pattern, text in _REASONS.items()]


def reason_text(reason: str) -> tuple[str, dict[str, str]]:
    """The sentence, still in English, for why a list or a line was refused, and the values in it."""
    for pattern, text in _PATTERNS:
        found = pattern.fullmatch(reason)
        if found:
            return text, found.groupdict()
    return reason, {}
