"""Goal: a log line says what happened and never what a program held in its variables.

Method: an error raised beside a secret, logged as every process logs it; the control logs by structlog's default.
"""

from collections.abc import Iterator

import pytest
import structlog

from ticketing import logs


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def log_an_error(pin: str) -> None:
    try:
        raise ValueError("it broke")
    except ValueError:
        structlog.get_logger("test").exception("unexpected", path="/login")


def test_a_traceback_shows_no_variables(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    log_an_error("135790")
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert "level=error event=unexpected" in said.err
    assert "ValueError: it broke" in said.err
    assert "135790" not in said.err


def test_control_the_default_shows_them(capsys: pytest.CaptureFixture[str]) -> None:
    structlog.configure(logger_factory=structlog.PrintLoggerFactory())
    log_an_error("135790")
    assert "135790" in capsys.readouterr().out
