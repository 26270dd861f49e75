"""Decide how each column of a snapshot is read, and write profile.read_<object>: the same rows in canonical text."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

import polars as pl

from workbench.dental_exec.contract import ExportObject, read_contract
from workbench.errors import MappingProblem, gather
from workbench.privacy import shown_id
from workbench.profile import cells
from workbench.profile.cells import Columnwise
from workbench.profile.source import Column, columns_of, count_odd, odd_values, open_snapshot, targets_of
from workbench.warehouse import Warehouse, open_warehouse

READINGS = {
    "object": pl.String, "column": pl.String, "kind": pl.String, "order": pl.String, "filled": pl.Int64,
    "as_is": pl.Int64, "changed": pl.Int64, "unreadable": pl.Int64, "nulls": pl.String, "rule": pl.String,
}  # fmt: skip
ORDERS = {
    "date": (cells.MONTH_FIRST, cells.DAY_FIRST, cells.SERIAL_1904),
    "birth": (cells.MONTH_FIRST, cells.DAY_FIRST, cells.SERIAL_1904),
    "number": (cells.DECIMAL_POINT, cells.DECIMAL_COMMA),
}
"""What a person may decide for a column of each kind in mappings/values/column_reading.csv."""
NOTHING = pl.DataFrame(schema={"value": pl.String, "by": pl.String, "records": pl.Int64, "bare": pl.String})
Counts = Mapping[str, Mapping[str, tuple[int, int]]]
"""Filled and odd cells by object and column."""
Reader = Callable[[pl.DataFrame, Columnwise], pl.DataFrame]


def read_columns(warehouse: Path, decided: Mapping[str, str] | None = None) -> pl.DataFrame:
    """Read every column of the snapshot by its kind; write profile.readings, profile.unreadable and profile.read_*.

    `decided` holds what a person says of a column (`contacts.date_of_birth` → `day first`); else the column's own
    values decide, then those of the whole export. The same snapshot and decisions again change nothing.
    """
    with open_snapshot(warehouse) as store:
        said = dict(decided or {})
        _refuse_unknown(store, said)
        store.run("SET force_compression = 'uncompressed'")  # as the landed tables, and for their reason
        stamp = _stamp(store, said)
        if store.has("profile.reading_stamp") and store.run("SELECT stamp FROM profile.reading_stamp") == [(stamp,)]:
            return store.frame("SELECT * FROM profile.readings")
        store.run('CREATE OR REPLACE TABLE profile.unreadable (object VARCHAR, "column" VARCHAR, source_id VARCHAR)')
        latest = _latest(store)
        counts = {one.name: count_odd(store, one) for one in read_contract().objects.values()}
        orders = _orders(store, said, counts)
        rows = []
        for one in read_contract().objects.values():
            rows += _read_object(store, one, orders, counts[one.name], latest)
        frame = pl.DataFrame(rows, schema=READINGS, orient="row")
        store.write("profile.readings", frame)
        store.run("CREATE OR REPLACE TABLE profile.reading_stamp AS SELECT ? AS stamp", [stamp])
    return frame


def list_readings(readings: pl.DataFrame) -> pl.DataFrame:
    """Return the columns of which some text was changed, stands for nothing, cannot be read, or had its order decided."""
    told = (pl.col("changed") > 0) | (pl.col("unreadable") > 0) | (pl.col("rule").fill_null("") != "")
    return readings.filter(told)


def unreadable_cells(warehouse: Path) -> pl.DataFrame:
    """Return object, column and source id of every cell that no rule reads; never its text."""
    with open_warehouse(warehouse) as store:
        return store.frame('SELECT object, "column", source_id FROM profile.unreadable ORDER BY ALL')


def _refuse_unknown(store: Warehouse, said: Mapping[str, str]) -> None:
    kinds = {column.title: column.kind for one in read_contract().objects.values() for column in columns_of(store, one)}
    problems = [
        f"{shown_id(title)}: this snapshot has no such column"
        if title not in kinds
        else f"{title}: {order!r} is no reading of a {kinds[title]}; there are {', '.join(ORDERS.get(kinds[title], ())) or 'none'}"
        for title, order in sorted(said.items())
        if order not in ORDERS.get(kinds.get(title, ""), ())
    ]
    if problems:
        raise MappingProblem(gather("mappings/values/column_reading.csv", problems))


def _stamp(store: Warehouse, said: Mapping[str, str]) -> str:
    snapshot = store.run("SELECT snapshot, contract FROM raw.deliveries")
    rules = Path(cells.__file__).read_bytes() + Path(__file__).read_bytes()
    return hashlib.sha256(repr((snapshot, sorted(said.items()))).encode() + rules).hexdigest()


def _latest(store: Warehouse) -> date:
    found = store.run("SELECT max(TRY_CAST(exported_at AS DATE)) FROM raw.deliveries")[0][0]
    return found or date.today()


def _orders(store: Warehouse, said: Mapping[str, str], counts: Counts) -> dict[str, Columnwise]:
    """Decide the order of days and decimals of each column: by a person, its own values, the export's, the country's."""
    own: dict[str, Columnwise] = {}
    open_days: list[str] = []
    votes = {cells.MONTH_FIRST: 0, cells.DAY_FIRST: 0}
    for one in read_contract().objects.values():
        for column in columns_of(store, one):
            if column.kind not in ORDERS:
                continue
            if column.title in said:
                own[column.title] = Columnwise(said[column.title], "decided by a person")
                continue
            if not counts[one.name][column.name][1]:
                own[column.title] = Columnwise("", "")
                continue
            values = odd_values(store, column)
            if column.kind == "number":
                own[column.title] = _decimals(*cells.order_of_decimals(values))
                continue
            month, day, either = cells.order_of_days(values)
            if month or day:
                order = cells.MIXED if month and day else cells.MONTH_FIRST if month else cells.DAY_FIRST
                own[column.title] = Columnwise(
                    order, f"{month} values only month first, {day} only day first, {either} either"
                )
                votes[cells.MONTH_FIRST] += month and not day
                votes[cells.DAY_FIRST] += day and not month
            elif either:
                open_days.append(column.title)
            else:
                own[column.title] = Columnwise("", "")
    if votes[cells.DAY_FIRST] and not votes[cells.MONTH_FIRST]:
        usual = Columnwise(cells.DAY_FIRST, "no value of the column tells; the export's other columns are day first")
    elif votes[cells.MONTH_FIRST] and not votes[cells.DAY_FIRST]:
        usual = Columnwise(
            cells.MONTH_FIRST, "no value of the column tells; the export's other columns are month first"
        )
    else:
        usual = Columnwise(cells.MONTH_FIRST, "no value tells; month first, as US offices write: please confirm")
    return own | dict.fromkeys(open_days, usual)


def _decimals(point: int, comma: int) -> Columnwise:
    if comma and not point:
        return Columnwise(cells.DECIMAL_COMMA, f"{comma} values have a decimal comma, none a point")
    why = f"{point} values have a decimal point, {comma} a comma" if comma else ""
    return Columnwise(cells.DECIMAL_POINT, why)


def _read_object(
    store: Warehouse,
    said: ExportObject,
    orders: Mapping[str, Columnwise],
    counts: Mapping[str, tuple[int, int]],
    latest: date,
) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    chosen, joins = [], []
    for place, column in enumerate(columns_of(store, said)):
        order = orders.get(column.title, Columnwise("", ""))
        filled, odd = counts[column.name]
        is_comma = order.order == cells.DECIMAL_COMMA  # a point groups thousands there, so no value is canonical
        values = odd_values(store, column, everything=is_comma) if odd or (is_comma and filled) else NOTHING
        if values.is_empty():
            as_is = (order.order or None, filled, filled, 0, 0, None, order.why or None)
            rows += [(said.name, column.name, column.kind, *as_is)] if any(one for one, _ in counts.values()) else []
            continue
        read = _read(store, column, order, values, latest)
        rows.append(_reading(store, column, order, filled, read))
        changed = read.filter(pl.col("value").ne_missing(pl.col("read")))
        if changed.is_empty():
            continue
        dictionary = f"reading_{place}"
        store.connection.register("incoming_frame", changed.select("value", "by", "read").to_arrow())
        store.run(f"CREATE OR REPLACE TEMP TABLE {dictionary} AS SELECT * FROM incoming_frame")
        store.connection.unregister("incoming_frame")
        by = f'lower(trim(t."{column.beside}"))' if column.kind == "link" else f't."{column.beside}"'
        beside = f" AND {dictionary}.by IS NOT DISTINCT FROM {by}" if column.beside else ""
        joins.append(f'LEFT JOIN {dictionary} ON {dictionary}.value = t."{column.name}"{beside}')
        chosen.append(
            f'CASE WHEN {dictionary}.value IS NULL THEN t."{column.name}" ELSE {dictionary}.read END AS "{column.name}"'
        )
    name = f"profile.read_{said.name}"
    store.drop(name)
    if chosen:
        store.run(
            f"CREATE TABLE {name} AS SELECT t.* REPLACE ({', '.join(chosen)}) FROM raw.{said.name} t {' '.join(joins)}"
        )
    else:
        store.run(f"CREATE VIEW {name} AS SELECT * FROM raw.{said.name}")
    return rows


def _read(store: Warehouse, column: Column, order: Columnwise, values: pl.DataFrame, latest: date) -> pl.DataFrame:
    if column.kind in ("date", "birth"):
        return cells.read_moments(values, order, latest=latest, is_birth=column.kind == "birth")
    read = READERS[column.kind](values, order)
    return _follow_links(store, column, read) if column.kind == "link" else read


def _follow_links(store: Warehouse, column: Column, read: pl.DataFrame) -> pl.DataFrame:
    """Bring a link to the spelling of the one key that differs in case only; `0` is no link (export reference §1.3)."""
    found = read
    for word, target in targets_of(column).items():
        key = read_contract().objects[target].key[0]
        typed = store.frame(f'SELECT DISTINCT "{key}" AS k FROM raw.{target} WHERE "{key}" IS NOT NULL')
        keys = (
            typed.select(spelled=cells.bare(pl.col("k")))
            .unique()
            .group_by(folded=pl.col("spelled").str.to_lowercase())
            .agg(pl.col("spelled").min(), spellings=pl.len())
            .filter(pl.col("spellings") == 1)
            .drop("spellings")
        )
        asked = pl.lit(value=True) if not word else pl.col("by") == word
        found = (
            found.with_columns(pl.col("read").str.to_lowercase().alias("folded"))
            .join(keys, on="folded", how="left", maintain_order="left")
            .with_columns(
                rule=pl.when(asked & pl.col("spelled").is_not_null() & (pl.col("spelled") != pl.col("read")))
                .then(pl.lit("case of the key"))
                .otherwise(pl.col("rule")),
                read=pl.when(asked & pl.col("spelled").is_not_null()).then(pl.col("spelled")).otherwise(pl.col("read")),
            )
            .drop("folded", "spelled")
        )
    nowhere = (pl.col("read") == "0") & (pl.col("rule") != "case of the key")
    return found.with_columns(
        rule=pl.when(nowhere).then(pl.lit("stands for nothing")).otherwise(pl.col("rule")),
        read=pl.when(nowhere).then(None).otherwise(pl.col("read")),
    )


def _reading(
    store: Warehouse, column: Column, order: Columnwise, filled: int, read: pl.DataFrame
) -> tuple[object, ...]:
    unread = read.filter(pl.col("rule").is_null())
    nothing = read.filter(pl.col("rule") == "stands for nothing")
    changed = read.filter(pl.col("rule").is_not_null() & pl.col("value").ne_missing(pl.col("read")))
    if unread.height:
        _note_unreadable(store, column, unread)
    words = (
        nothing.group_by("bare").agg(pl.col("records").sum()).sort("records", "bare", descending=[True, False]).head(8)
    )
    nulls = ", ".join(f"{word or 'blank'} {count}" for word, count in words.iter_rows())
    rules = (
        changed.filter(pl.col("rule") != "stands for nothing")
        .group_by("rule")
        .agg(pl.col("records").sum())
        .sort("rule")
    )
    told = [order.why] if order.why else []
    told += [f"{rule}: {count}" for rule, count in rules.iter_rows()]
    count = {name: int(part["records"].sum()) for name, part in (("unread", unread), ("changed", changed))}
    return (
        column.object, column.name, column.kind, order.order or None, filled, filled - count["changed"] - count["unread"],
        count["changed"], count["unread"], nulls or None, "; ".join(told) or None,
    )  # fmt: skip


def _note_unreadable(store: Warehouse, column: Column, unread: pl.DataFrame) -> None:
    key = read_contract().objects[column.object].key
    named = " || ' ' || ".join(f"coalesce(\"{part}\", '')" for part in key) if key else "source_row::VARCHAR"
    store.connection.register("incoming_frame", unread.select("value").unique().to_arrow())
    store.run(
        f"INSERT INTO profile.unreadable SELECT ?, ?, {named} FROM raw.{column.object}"
        f' WHERE "{column.name}" IN (SELECT value FROM incoming_frame)',
        [column.object, column.name],
    )
    store.connection.unregister("incoming_frame")


READERS: dict[str, Reader] = {
    "text": cells.read_texts,
    "key": cells.read_keys,
    "link": cells.read_keys,
    "flag": cells.read_flags,
    "number": cells.read_numbers,
    "zip": cells.read_zips,
}
