"""Many rows in one statement, past SQLAlchemy's compiler: the drain's inserts and nothing else.

PostgreSQL takes one array per column and unnests them, so that the statement stays short however many rows
there are; SQLite's driver repeats one prepared statement.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Integer, Table
from sqlalchemy.orm import Session


def insert_rows(
    session: Session, table: Table, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]], tail: str = ""
) -> int:
    """Insert `rows` (values of `columns`) and return how many went in; `tail` is an ON CONFLICT clause.

    Raises SQLAlchemy's `IntegrityError` or `DataError`, or `OverflowError`, for what a row says.
    """
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        return connection.exec_driver_sql(_row_statement(table, columns, tail), list(rows)).rowcount
    arrays = tuple(list(values) for values in zip(*rows, strict=True))
    return connection.exec_driver_sql(_array_statement(table, columns, tail), arrays).rowcount


@cache
def _row_statement(table: Table, columns: tuple[str, ...], tail: str) -> str:
    places = ", ".join("?" for _ in columns)
    return f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({places}) {tail}"  # noqa: S608 - names of our own


@cache
def _array_statement(table: Table, columns: tuple[str, ...], tail: str) -> str:
    arrays = ", ".join(f"%s::{_array_type(table.c[name].type)}" for name in columns)
    return f"INSERT INTO {table.name} ({', '.join(columns)}) SELECT * FROM unnest({arrays}) {tail}"  # noqa: S608


def _array_type(column_type: Any) -> str:
    if isinstance(column_type, BigInteger):
        return "bigint[]"
    # A cast to varchar(n) would cut what is too long; the column itself refuses it.
    return "integer[]" if isinstance(column_type, Integer) else "text[]"
