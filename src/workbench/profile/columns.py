"""Profile every column of a snapshot: how filled, how many values, what shape, what type it looks like."""

from __future__ import annotations

import re
from pathlib import Path
from string import ascii_lowercase, ascii_uppercase, digits

import polars as pl

from workbench.dental_exec.contract import ExportObject, read_contract
from workbench.profile.source import as_read, open_snapshot
from workbench.warehouse import Warehouse

SHAPED = (
    "CASE WHEN strlen({0}) = length({0}) THEN translate(left({0}, 24), $letters, $shapes) ELSE"
    " regexp_replace(translate(strip_accents(left({0}, 24)), $letters, $shapes), '[^ -~]', '*', 'g') END"
)
SHAPE = {"letters": ascii_uppercase + ascii_lowercase + digits, "shapes": "A" * 26 + "a" * 26 + "9" * 10}
"""The SQL of a value's shape, and the letters and digits that it hides."""
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
    "shortest": pl.Int64, "longest": pl.Int64, "untrimmed": pl.Int64, "null_words": pl.Int64, "mojibake": pl.Int64,
    "shape": pl.String, "shapes": pl.String, "likely_type": pl.String,
    "least": pl.String, "greatest": pl.String, "unreadable": pl.Int64, "in_contract": pl.Boolean,
}  # fmt: skip
NULL_WORDS = (
    "null", "(null)", "nil", "n/a", "#n/a", "na", "n.a.", "none", "-", "--", ".", "?", "unknown", "unk", "tbd",
    "not provided", "not available", "undefined", "nan", "0001-01-01", "1900-01-00", "1900-01-01", "1899-12-30",
    "12/30/1899", "01/00/1900", "1/0/1900", "9999-12-31",
)  # fmt: skip
"""What front desks and programs type for nothing, and the days that systems write for none."""
SECOND_BYTES = (
    r"\x{80}-\x{BF}\x{152}\x{153}\x{160}\x{161}\x{178}\x{17D}\x{17E}\x{192}\x{2C6}\x{2DC}"
    r"\x{2013}-\x{2026}\x{2030}\x{2039}\x{203A}\x{20AC}\x{2122}"
)
MOJIBAKE = rf"[\x{{C2}}-\x{{C5}}][{SECOND_BYTES}]|\x{{E2}}[\x{{20AC}}\x{{201A}}\x{{201E}}\x{{2C6}}]|\x{{FFFD}}"
"""UTF-8 that was once read as cp1252, and characters that were already lost."""
TOP_SHAPES = 3
FEW = 50_000  # values of one column that are looked at one by one instead of row by row
FILLED = ("empty", "under half", "half or more", "full")


def profile_columns(warehouse: Path) -> pl.DataFrame:
    """Profile the columns of every object that has rows, in the contract's order, and write profile.columns.

    Columns are counted as typed, least and greatest as read, and these only for the dates and numbers that the contract
    names as describing no person. profile.null_words lists the words that stand for nothing, by column.
    """
    with open_snapshot(warehouse) as store:
        store.run(
            "CREATE OR REPLACE TABLE profile.null_words (object VARCHAR, column_name VARCHAR, word VARCHAR, records BIGINT)"
        )
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
        pl.col("null_words").sum(),
        pl.col("mojibake").sum(),
    )


def share_filled(columns: pl.DataFrame) -> pl.DataFrame:
    """Return how full each column is: object, column, place in the object, percent of its rows, and one of FILLED."""
    percent = (pl.col("filled") * 100 / pl.col("rows")).round(1)
    return columns.select(
        "object",
        "column",
        pl.int_range(1, pl.len() + 1).over("object").alias("place"),
        percent.alias("percent"),
        pl.when(pl.col("filled") == 0)
        .then(pl.lit(FILLED[0]))
        .when(percent < 50)
        .then(pl.lit(FILLED[1]))
        .when(pl.col("filled") < pl.col("rows"))
        .then(pl.lit(FILLED[2]))
        .otherwise(pl.lit(FILLED[3]))
        .alias("filled"),
    )


def list_null_words(warehouse: Path) -> pl.DataFrame:
    """Return the words that stand for nothing, by column, most used first."""
    with open_snapshot(warehouse) as store:
        return store.frame(
            "SELECT object, column_name AS column, word, records FROM profile.null_words"
            " ORDER BY records DESC, object, column_name, word"
        )


def _profile_object(store: Warehouse, said: ExportObject) -> list[tuple[object, ...]]:
    table = f"raw.{said.name}"
    columns = [column for column in store.columns(table) if column not in OURS]
    counts = ", ".join(f'count("{one}"), approx_count_distinct("{one}")' for one in columns)
    rows, *counted = store.run(f"SELECT count(*), {counts} FROM {table}")[0]
    if rows == 0:
        return []
    return [
        (said.name, column, rows, *_profile_column(store, said, column, filled, about), column in said.columns)
        for column, filled, about in zip(columns, counted[::2], counted[1::2], strict=True)
    ]


def _profile_column(store: Warehouse, said: ExportObject, column: str, filled: int, about: int) -> tuple[object, ...]:
    """Return what stands of a column between its rows and whether the contract knows it; it has about so many values."""
    if not filled:
        unreadable = 0 if column in (*said.dates, *said.numbers) else None
        return 0, 0, None, None, 0, 0, 0, None, None, "empty", None, None, unreadable
    words = [*NULL_WORDS, *(["0"] if column in said.links else [])]
    values = _values(store, f"raw.{said.name}", f'"{column}"', few=about <= FEW)
    # Hashes instead of values: 2 M distinct texts would not stay within bounded memory. Most texts need no second look:
    # as many bytes as characters is ASCII, and no word for nothing is long.
    distinct, shortest, longest, untrimmed, empty, broken = store.run(
        "SELECT count(DISTINCT hash(value)), min(length(value)), max(length(value)),"
        " coalesce(sum(records) FILTER (value <> trim(value, chr(160) || chr(9) || chr(10) || chr(13) || ' ')), 0)::BIGINT,"
        " coalesce(sum(records) FILTER (CASE WHEN length(value) < 20 THEN lower(trim(value)) IN $words END), 0)::BIGINT,"
        " coalesce(sum(records) FILTER (CASE WHEN strlen(value) > length(value)"
        f" THEN regexp_matches(value, $broken) END), 0)::BIGINT FROM {values}",
        {"words": words, "broken": MOJIBAKE},
    )[0]
    if empty:
        store.run(
            "INSERT INTO profile.null_words SELECT $object, $column, lower(trim(value)) AS word, sum(records)::BIGINT"
            f" FROM {values} WHERE word IN $words GROUP BY ALL ORDER BY 4 DESC, 3",
            {"object": said.name, "column": column, "words": words},
        )
    shapes = store.run(
        f"SELECT {SHAPED.format('value')} AS shape, sum(records)::BIGINT AS records FROM {values}"
        " GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1000",
        SHAPE,
    )
    top = shapes[0][0]
    most = " · ".join(f"{shape} ({records:,})" for shape, records in shapes[:TOP_SHAPES])
    likely = _likely_type(shapes, filled, distinct)
    return (
        filled, distinct, shortest, longest, untrimmed, empty, broken, top, most, likely, *_range(store, said, column),
    )  # fmt: skip


def _values(store: Warehouse, table: str, column: str, *, few: bool) -> str:
    """Return the filled values of a column with their records: each once where they are few, else row by row."""
    if not few:
        return f"(SELECT {column} AS value, 1 AS records FROM {table} WHERE {column} IS NOT NULL)"
    store.run(
        f"CREATE OR REPLACE TEMP TABLE column_values AS SELECT {column} AS value, count(*) AS records FROM {table}"
        f" WHERE {column} IS NOT NULL GROUP BY 1"
    )
    return "column_values"


def _likely_type(shapes: list[tuple[str, int]], filled: int, distinct: int) -> str:
    if distinct <= 3 and max(len(shape) for shape, _ in shapes) == 1:
        return "flag"
    for name, form in TYPES:
        fitting = sum(records for shape, records in shapes if re.fullmatch(form, shape, re.DOTALL))
        if fitting >= SURE * filled:
            return name
    return "list" if distinct <= 40 and filled >= 5 * distinct else "text"


def _range(store: Warehouse, said: ExportObject, column: str) -> tuple[str | None, str | None, int | None]:
    """Return least and greatest value of a date or number column, and how many values cannot be read as one."""
    if column in said.dates:
        # DuckDB casts 3/4/24 too, to the year 3.
        cast = f"""strftime(TRY_CAST(regexp_extract("{column}", '^\\s*[0-9]{{4}}-.*$') AS TIMESTAMP), '%Y-%m-%d')"""
        read, write = cast, cast
    elif column in said.numbers:
        read = f"""TRY_CAST(regexp_replace("{column}", '[$, ]', '', 'g') AS DECIMAL(18, 2))"""
        write = read
    else:
        return None, None, None
    least, greatest, unreadable = store.run(
        f"SELECT min({write})::VARCHAR, max({write})::VARCHAR, coalesce(sum(records) FILTER ({read} IS NULL), 0)::BIGINT"
        f' FROM (SELECT "{column}", count(*) AS records FROM {as_read(store, said.name)} WHERE "{column}" IS NOT NULL'
        " GROUP BY 1)"
    )[0]
    return least, greatest, unreadable
