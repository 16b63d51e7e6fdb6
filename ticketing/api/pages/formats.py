"""Money, dates and counts as people read them."""

from collections.abc import Sequence
from datetime import UTC, datetime

from babel import Locale
from babel.dates import format_datetime
from babel.lists import format_list
from babel.numbers import format_currency, format_decimal, format_percent, get_currency_precision

from ticketing.clock import ZONE

_PATTERNS = {"zh": "y年M月d日 EEE HH:mm", "en": "EEE d MMM y, HH:mm"}
_MONEY_LOCALE = Locale.parse("zh_CN")
_FORM_TIME = "%Y-%m-%dT%H:%M"


class Formats:
    """How one language writes values. Times are `datetime` or integer milliseconds."""

    def __init__(self, locale: Locale) -> None:
        self._locale = locale

    def moment(self, at: datetime | int) -> str:
        """A date and time in `ZONE`, with its weekday."""
        return format_datetime(_local(at), _PATTERNS[self._locale.language], locale=self._locale)

    def hour(self, at: datetime | int) -> str:
        """The time of day in `ZONE`."""
        return format_datetime(_local(at), "HH:mm", locale=self._locale)

    def second(self, at: datetime | int) -> str:
        """The time of day to the second."""
        return format_datetime(_local(at), "HH:mm:ss", locale=self._locale)

    def short(self, at: datetime | int) -> str:
        """A day of this year and the time of day, as it fits below a curve."""
        return format_datetime(_local(at), "M-d HH:mm", locale=self._locale)

    def rate(self, count: float) -> str:
        """So many in a second, to a tenth."""
        return format_decimal(count, "#,##0.#", locale=self._locale)

    def money(self, amount: int, currency: str) -> str:
        """An amount given in the smallest unit of its currency; yuan are ¥ in either language."""
        units = amount / 10 ** get_currency_precision(currency)
        return format_currency(units, currency, locale=_MONEY_LOCALE)

    def listed(self, names: Sequence[str]) -> str:
        """Names one after the other, with the language's "and" before the last."""
        return format_list(list(names), locale=self._locale)

    def percent(self, rate: float | None) -> str:
        """A share, to a tenth of a hundredth; a dash when there is nothing to share."""
        return "–" if rate is None else format_percent(rate, "0.0%", locale=self._locale)

    def number(self, count: int | None) -> str:
        """A whole number, grouped as the language does it; a dash when it is not known."""
        return "–" if count is None else format_decimal(count, locale=self._locale)


def duration(ms: int) -> str:
    """Time left as `M:SS` or `H:MM:SS`, rounded up to a second and never negative."""
    seconds = max(0, -(-ms // 1000))
    minutes, hours = seconds // 60 % 60, seconds // 3600
    return f"{hours}:{minutes:02}:{seconds % 60:02}" if hours else f"{minutes:02}:{seconds % 60:02}"


def milliseconds(at: datetime | int) -> int:
    """The integer milliseconds of a time."""
    return at if isinstance(at, int) else round(at.timestamp() * 1000)


def grouped(code: str) -> str:
    """An order's number or a ticket's code in groups of four, to read aloud and to type."""
    number, dash, place = code.partition("-")
    return " ".join(number[start : start + 4] for start in range(0, len(number), 4)) + dash + place


def read_form_time(text: str) -> int:
    """Milliseconds of what a `datetime-local` field sends, taken in `ZONE`. Raises `ValueError`."""
    return milliseconds(datetime.strptime(text[:16], _FORM_TIME).replace(tzinfo=ZONE))


def write_form_time(at: datetime | int) -> str:
    """A time as a `datetime-local` field takes it."""
    return _local(at).strftime(_FORM_TIME)


def _local(at: datetime | int) -> datetime:
    moment = datetime.fromtimestamp(at / 1000, UTC) if isinstance(at, int) else at
    return moment.astimezone(ZONE)
