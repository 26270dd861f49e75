"""Profile every column of a snapshot: how filled, how many values, what shape, what type it looks like."""

from __future__ import annotations

from pathlib import Path
from string import ascii_lowercase, ascii_uppercase, digits

import polars as pl

from workbench.dental_exec.contract import ExportObject, read_contract
from workbench.profile.source import open_snapshot
from workbench.warehouse import Warehouse

LETTERS = (ascii_uppercase + ascii_lowercase + digits, "A" * 26 + "a" * 26 + "9" * 10)
OURS = ("source_file", "source_row")
SURE = 0.95  # share of the filled values that must have one type's shape
TYPES = (
    ("time", r"9999-99-99[T ]99:99(:99)?.*"),
    ("date", r"9999-99-99|99?[/.-]99?[/.-](9999|99)"),
    ("integer", r"-?9+"),
    ("decimal", r"-?\$?9[9,]*\.9+"),
    ("e-mail", r"[^ @]+@[^ @]+"),
    ("phone", r"(\+9|9[-. ])?\(?999\)?[-. ]?999[-.]9999.*"),
)
SCHEMA = {
    "object": pl.String, "column": pl.String, "rows": pl.Int64, "filled": pl.Int64, "distinct": pl.Int64,
    "shortest": pl.Int64, "longest": pl.Int64, "shape": pl.String, "likely_type": pl.String,
    "least": pl.String, "greatest": pl.String, "unreadable": pl.Int64, "in_contract": pl.Boolean,
}  # fmt: skip


def profile_columns(warehouse: Path) -> pl.DataFrame:
    """Profile the columns of every object that has rows, in the contract's order, and write profile.columns.

    Least and greatest values are given only for the dates and numbers that the contract names as describing no person.
    """
    with open_snapshot(warehouse) as store:
        rows = [row for said in read_contract().objects.values() for row in _profile_object(store, said)]
        frame = pl.DataFrame(rows, schema=SCHEMA, orient="row")
        store.write("profile.columns", frame)
    return frame


def summarise_columns(columns: pl.DataFrame) -> pl.DataFrame:
    """Return one row an object: its rows, its columns, how many are empty, and how many the contract does not know."""
    return columns.group_by("object", maintain_order=True).agg(
        pl.col("rows").first(),
        pl.len().cast(pl.Int64).alias("columns"),
        (pl.col("filled") == 0).sum().cast(pl.Int64).alias("empty"),
        (~pl.col("in_contract")).sum().cast(pl.Int64).alias("beyond_contract"),
        pl.col("unreadable").sum().alias("unreadable_values"),
    )


def _profile_object(store: Warehouse, said: ExportObject) -> list[tuple[object, ...]]:
    table = f"raw.{said.name}"
    rows = store.run(f"SELECT count(*) FROM {table}")[0][0]
    if rows == 0:
        return []
    return [
        (said.name, column, rows, *_profile_column(store, said, column), column in said.columns)
        for column in store.columns(table)
        if column not in OURS
    ]


def _profile_column(store: Warehouse, said: ExportObject, column: str) -> tuple[object, ...]:
    # One column at a time: the distinct values of all columns at once would not stay within bounded memory.
    values = (
        f'SELECT "{column}" AS value, count(*) AS records FROM raw.{said.name} WHERE "{column}" IS NOT NULL GROUP BY 1'
    )
    filled, distinct, shortest, longest = store.run(
        f"SELECT coalesce(sum(records), 0)::BIGINT, count(*), min(length(value)), max(length(value)) FROM ({values})"
    )[0]
    shapes = store.frame(
        "SELECT regexp_replace(translate(strip_accents(left(value, 24)), $letters, $shapes), '[^ -~]', '*', 'g')"
        f" AS shape, sum(records)::BIGINT AS records FROM ({values}) GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1000",
        {"letters": LETTERS[0], "shapes": LETTERS[1]},
    )
    top = shapes["shape"][0] if shapes.height else None
    likely = _likely_type(shapes, filled, distinct)
    return (filled, distinct, shortest, longest, top, likely, *_range(store, said, column))


def _likely_type(shapes: pl.DataFrame, filled: int, distinct: int) -> str:
    if not filled:
        return "empty"
    if distinct <= 3 and shapes["shape"].str.len_chars().max() == 1:
        return "flag"
    for name, shape in TYPES:
        fitting = shapes.filter(pl.col("shape").str.contains(f"^(?:{shape})$"))["records"].sum()
        if fitting >= SURE * filled:
            return name
    return "list" if distinct <= 40 and filled >= 5 * distinct else "text"


def _range(store: Warehouse, said: ExportObject, column: str) -> tuple[str | None, str | None, int | None]:
    """Return least and greatest value of a date or number column, and how many values cannot be read as one."""
    if column in said.dates:
        cast = f"""strftime(TRY_CAST("{column}" AS TIMESTAMP), '%Y-%m-%d')"""
        read, write = cast, cast
    elif column in said.numbers:
        read = f"""TRY_CAST(regexp_replace("{column}", '[$, ]', '', 'g') AS DECIMAL(18, 2))"""
        write = read
    else:
        return None, None, None
    least, greatest, unreadable = store.run(
        f'SELECT min({write})::VARCHAR, max({write})::VARCHAR, count("{column}") - count({read}) FROM raw.{said.name}'
    )[0]
    return least, greatest, unreadable
