"""Shows a rehearsal on the terminal while it runs: steps that are done, and the sale itself as bars."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from ticketing.rehearsal.crowd import Snapshot

LINE_SECONDS = 5.0
"""Without a terminal a line is printed this often instead."""

REFUSALS_SHOWN = 6


class Display:
    """Everything a person sees, on stderr; use as a context manager around the whole rehearsal."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Show what is being done, and how long it took once it is done."""
        began = time.monotonic()
        with self.console.status(text):
            yield
        self._done(text, began)

    @contextmanager
    def counting(self, text: str, total: int) -> Iterator[Callable[[int], None]]:
        """A step with a bar; call what it yields with how many are done."""
        began = time.monotonic()
        with Progress(console=self.console, transient=True, disable=not self.console.is_terminal) as bars:
            task = bars.add_task(text, total=total)
            yield lambda done: bars.update(task, completed=done)
        self._done(f"{text}: {total:,}", began)

    def say(self, line: str) -> None:
        """Print one line; square brackets are markup."""
        self.console.print(line, highlight=False, soft_wrap=True)

    def plain(self, line: str) -> None:
        """Print one line as it is."""
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _done(self, text: str, began: float) -> None:
        self.say(f"[green]✓[/] {text} [dim]{time.monotonic() - began:.1f} s[/]")

    def sale(self, stock: int, cards: int) -> "Sale":
        """The live part: use as a context manager, and `show` what the crowd reports."""
        return Sale(self.console, stock, cards)


class Sale:
    """The sale as it goes: bars of tickets and cards, and below them rates and refusals."""

    def __init__(self, console: Console, stock: int, cards: int) -> None:
        self._console = console
        self._bars = Progress(
            TextColumn("{task.description:<14}"),
            BarColumn(bar_width=40),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
        )
        self._tickets = self._bars.add_task("tickets sold", total=stock)
        self._cards = self._bars.add_task("cards come", total=cards)
        self._live = Live(self._bars, console=console, refresh_per_second=4, transient=True)
        self._last = (time.monotonic(), 0)
        self._next_line = 0.0
        self._rate = 0.0

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, now: Snapshot, stock: int) -> None:
        """Show the state of the crowd; `stock` may have grown."""
        self._measure(now.requests)
        self._bars.update(self._tickets, completed=now.tickets, total=stock)
        self._bars.update(self._cards, completed=now.cards)
        if self._console.is_terminal:
            self._live.update(Group(self._bars, self._table(now)))
        elif time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + LINE_SECONDS
            self._console.print(
                f"{now.tickets}/{stock} tickets, {now.cards} cards, {self._rate:.0f} requests/s, "
                f"p95 {now.p95:.0f} ms, {sum(now.refused.values())} refusals, {now.errors} errors",
                highlight=False,
                soft_wrap=True,
            )

    def _measure(self, requests: int) -> None:
        at, before = self._last
        elapsed = time.monotonic() - at
        if elapsed >= 1:
            self._rate = (requests - before) / elapsed
            self._last = (time.monotonic(), requests)

    def _table(self, now: Snapshot) -> Table:
        table = Table.grid(padding=(0, 2))
        rates = (
            ("requests", f"{now.requests:,}"),
            ("per second", f"{self._rate:,.0f}"),
            ("p95", f"{now.p95:,.0f} ms"),
            ("errors", f"{now.errors:,}"),
            ("crowd's core", f"{now.cpu_share:.0%}"),
        )
        for name, value in rates:
            table.add_row(f"[dim]{name}[/]", value)
        for code, count in list(now.refused.items())[:REFUSALS_SHOWN]:
            table.add_row(f"[dim]refused[/] {code}", f"{count:,}")
        return table
