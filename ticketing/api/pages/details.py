"""The details of an act in words: what changed from what to what, and all else by its name."""

from collections.abc import Iterator, Mapping
from typing import Any

from ticketing.api.pages import acts, names
from ticketing.api.pages.formats import Formats
from ticketing.api.pages.languages import Language

CURRENCY = "CNY"
_TIME_MIN = 946_684_800_000
"""An integer named as a time is one from the year 2000 on."""

_ITEMS_MAX = 12


def details(detail: Mapping[str, Any], language: Language) -> list[str]:
    """A sentence or two for each detail, without what says nothing to people."""
    return list(_Details(language).lines(detail))


class _Details:
    def __init__(self, language: Language) -> None:
        self._say = language.words.gettext
        self._formats = Formats(language.locale)

    def lines(self, detail: Mapping[str, Any]) -> Iterator[str]:
        for name, value in detail.items():
            if name == "changes" and isinstance(value, Mapping):
                yield from self._changes(value)
            elif name not in acts.HIDDEN and value not in (None, "", [], {}):
                yield self._pair(name, value)

    def _changes(self, changes: Mapping[str, Any]) -> Iterator[str]:
        for name, values in changes.items():
            before, after = values if isinstance(values, list) and len(values) == 2 else (None, values)
            yield f"{self._name(name)}: {self._value(name, before)} → {self._value(name, after)}"

    def _pair(self, name: str, value: Any) -> str:
        return f"{self._name(name)}: {self._value(name, value)}"

    def _name(self, name: str) -> str:
        return self._say(acts.DETAILS[name]) if name in acts.DETAILS else name.replace("_", " ")

    def _value(self, name: str, value: Any) -> str:
        if value is None or value == "":
            return self._say(acts.NONE)
        if isinstance(value, bool):
            return self._say(acts.YES if value else acts.NO)
        if isinstance(value, Mapping):
            return "; ".join(
                self._pair(key, part)
                for key, part in value.items()
                if key not in acts.HIDDEN and part not in (None, "", [])
            )
        if isinstance(value, list):
            shown = [self._value(name, part) for part in value[:_ITEMS_MAX]]
            return ", ".join(shown) + (" …" if len(value) > _ITEMS_MAX else "")
        if isinstance(value, int):
            return self._number(name, value)
        return self._word(name, str(value))

    def _number(self, name: str, value: int) -> str:
        if name in acts.AMOUNTS:
            return self._formats.money(value, CURRENCY)
        is_time = name.endswith(("_at", "_until")) and value >= _TIME_MIN
        return self._formats.moment(value) if is_time else self._formats.number(value)

    def _word(self, name: str, text: str) -> str:
        if name == "role":
            return self._say(names.ROLES.get(text, text))
        return self._say(names.REFUSAL_NAMES.get(text, text)) if name == "code" else text
