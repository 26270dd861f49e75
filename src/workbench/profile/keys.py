"""Profile the keys of every object: duplicates, blanks and damage at the door, collisions, reuse, and their shapes."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from workbench.dental_exec.contract import ExportObject, read_contract
from workbench.profile.columns import SHAPE, SHAPED
from workbench.profile.source import open_snapshot
from workbench.warehouse import Warehouse

AT_THE_DOOR = {
    "repeated_equal": "the same record again: kept once",
    "repeated_different": "its key names several different records",
    "blank": "its key is blank",
    "damaged": "its key was damaged by a spreadsheet",
}
"""Columns of the profile and the reasons of raw.rejected that they count."""
BLANKS = r"[\s\x{00A0}\x{2000}-\x{200D}\x{202F}\x{2060}\x{3000}\x{FEFF}]+"
SCHEMA = {
    "object": pl.String, "rows": pl.Int64, **dict.fromkeys(AT_THE_DOOR, pl.Int64), "reused_after_deletion": pl.Int64,
    "differ_in_case": pl.Int64, "differ_in_unicode": pl.Int64, "untrimmed": pl.Int64, "shortest": pl.Int64,
    "longest": pl.Int64, "main_shape": pl.String, "fit_main_shape": pl.Int64, "shapes": pl.Int64,
}  # fmt: skip


def profile_keys(warehouse: Path) -> pl.DataFrame:
    """Return one row an object that has records, landed or rejected; write profile.keys.

    Keys are judged as typed. profile.key_collisions lists the keys that differ from another one only in case or in
    characters that look alike, or that a deleted record had before.
    """
    with open_snapshot(warehouse) as store:
        store.run(
            "CREATE OR REPLACE TABLE profile.key_collisions"
            " (object VARCHAR, source_id VARCHAR, collision VARCHAR, other_id VARCHAR)"
        )
        rows = [row for said in read_contract().objects.values() if said.key and (row := _profile_key(store, said))]
        frame = pl.DataFrame(rows, schema=SCHEMA, orient="row")
        store.write("profile.keys", frame)
    return frame


def _profile_key(store: Warehouse, said: ExportObject) -> tuple[object, ...] | None:
    rejected = "raw.rejected"
    refused = [
        store.run(f"SELECT count(*) FROM {rejected} WHERE object = ? AND reason = ?", [said.name, reason])[0][0]
        for reason in AT_THE_DOOR.values()
    ]
    key = (
        f'"{said.key[0]}"'
        if len(said.key) == 1
        else "concat_ws('/', {})".format(", ".join(f'"{one}"' for one in said.key))
    )
    keys = f"SELECT {key} AS key, nfc_normalize(trim(regexp_replace({key}, '{BLANKS}', ' ', 'g'))) AS plain FROM raw.{said.name}"
    rows, untrimmed, shortest, longest = store.run(
        f"SELECT count(*), count(*) FILTER (key <> trim(key)), min(length(key)), max(length(key)) FROM ({keys})"
    )[0]
    if not rows and not any(refused):
        return None
    reused = _list_collisions(store, said, keys)
    counts = dict(
        store.run("SELECT collision, count(*) FROM profile.key_collisions WHERE object = ? GROUP BY 1", [said.name])
    )
    shapes = store.run(
        f"SELECT regexp_replace(regexp_replace({SHAPED.format('key')}, '9+', '9', 'g'), '([Aa])[Aa]+', '\\1', 'g') AS shape,"
        f" count(*) FROM ({keys}) GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1000",
        SHAPE,
    )
    main, fitting = shapes[0] if shapes else (None, 0)
    return (
        said.name, rows, *refused, reused, counts.get("case", 0), counts.get("unicode", 0), untrimmed,
        shortest, longest, main, fitting, len(shapes),
    )  # fmt: skip


def _list_collisions(store: Warehouse, said: ExportObject, keys: str) -> int:
    """Write the collisions of one object's keys and return how many live keys a deleted record had before."""
    for collision, same, differs in (("case", "lower(plain)", "plain"), ("unicode", "plain", "key")):
        store.run(
            "INSERT INTO profile.key_collisions"
            f" WITH keys AS ({keys}), many AS (SELECT {same} AS same, min(key) AS least, max(key) AS most FROM keys"
            f" GROUP BY 1 HAVING count(DISTINCT {differs}) > 1)"
            f" SELECT '{said.name}', key, '{collision}', CASE WHEN key = least THEN most ELSE least END"
            f" FROM keys JOIN many ON many.same = {same} ORDER BY 2"
        )
    if "is_deleted" not in said.columns:
        return 0
    found = store.run(
        "INSERT INTO profile.key_collisions"
        f" SELECT '{said.name}', key, 'reused', NULL FROM ({keys.replace(' FROM raw.', ', is_deleted FROM raw.')}) k"
        " WHERE upper(trim(coalesce(is_deleted, 'N'))) <> 'Y' AND EXISTS (SELECT 1 FROM raw.record_deletions d"
        f" WHERE lower(trim(d.object)) = '{said.name}' AND trim(d.record_id) = k.plain) ORDER BY 2"
    )
    return int(found[0][0])
