"""How every process writes its log: one line an event to stderr, as `key=value` pairs.

Tracebacks are plain: what a program held in its variables, such as a PIN, a token or a card's number, is
written nowhere.
"""

import sys

import structlog


def configure() -> None:
    """Write logs in the way of this package from here on; called once by each process that serves or works."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(
                key_order=["timestamp", "level", "event"], bool_as_flag=False
            ),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
