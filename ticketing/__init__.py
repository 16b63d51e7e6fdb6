"""The ticket engine of a members' card."""

__version__ = "0.1.0"
