"""What stands in the tenant that this ledger did not make, read by pages, and which source rows it may be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from workbench.freshsales.census import Marks, read_pages
from workbench.freshsales.client import Freshsales
from workbench.freshsales.endpoints import SOURCE_ID, Endpoint, endpoint
from workbench.freshsales.records import read_record
from workbench.freshsales.shapes import flatten
from workbench.vocabulary import Edition
from workbench.warehouse import Warehouse, open_warehouse

FOREIGN, COMING, LOADED = "destination.foreign", "destination.foreign_coming", "destination.loaded"
CONVERTED = "destination.converted"
UNSEEN = "destination.unseen"
MARKED = "destination.census"
PHONES = ("mobile_number", "work_number", "phone")
NUMBER = "[2-9][0-9]{2}[^0-9]{0,3}[0-9]{3}[^0-9]{0,3}[0-9]{4}"
TEXT, TEXTS = pl.String, pl.List(pl.String)
RECORD: dict[str, Any] = {
    "tenant": TEXT,
    "plural": TEXT,
    "destination_id": pl.Int64,
    "our_id": TEXT,
    "first_name": TEXT,
    "last_name": TEXT,
    "name": TEXT,
    "address": TEXT,
    "zipcode": TEXT,
    "email": TEXT,
    "emails": TEXTS,
    "phones": TEXTS,
}
PLACE = {"tenant": TEXT, "path": TEXT, "page": pl.Int64, "total": pl.Int64}
CAME = {
    "tenant": TEXT,
    "source_key": TEXT,
    "was": TEXT,
    "was_id": pl.Int64,
    "becomes": TEXT,
    "destination_id": pl.Int64,
}
GONE = {"tenant": TEXT, "source_key": TEXT, "destination": TEXT, "destination_id": pl.Int64}
ASKING = (
    "source_key VARCHAR, plurals VARCHAR[], our_id VARCHAR, first_name VARCHAR, last_name VARCHAR, name VARCHAR,"
    " address VARCHAR, zipcode VARCHAR, emails VARCHAR[], phones VARCHAR[]"
)
"""The columns of the temporary table `standing`: source rows as they may stand in the tenant already."""


@dataclass(frozen=True)
class Match:
    """One foreign record that may be a source row, how sure that is, and why."""

    source_key: str
    plural: str
    destination_id: int
    confidence: float
    reason: str


def take_census(
    tenant: Freshsales,
    path: Path,
    live: Mapping[str, tuple[str, int]],
    *,
    prefix: str = "",
    decided: Mapping[str, int] | None = None,
) -> dict[str, int]:
    """Read every account, contact, deal and lead; keep those that `live`, our ledger, does not know; return counts.

    Cut off, the next call goes on at the page it had reached. The last census stands until the new one is whole. Which
    of our leads a person converted is kept, too: found by source id (with its `prefix`), else as `decided`; and which of
    our records no page showed.
    """
    leads = ("lead",) if tenant.edition is Edition.CLASSIC else ()
    kinds = [endpoint(one, tenant.edition) for one in ("account", "contact", "deal", *leads)]
    ours = {(endpoint(kind, tenant.edition).plural, number) for kind, number in live.values() if kind in _KNOWN}
    marks = _begin(tenant, path)
    is_whole, seen = not marks, set[tuple[str, int]]()
    for where in kinds:
        for page in read_pages(tenant, where, marks):
            seen.update((where.plural, int(one["id"])) for one in page)
            rows = [_row(tenant, where, one) for one in page if (where.plural, int(one["id"])) not in ours]
            places = [(tenant.alias, place, number, total) for place, (number, total) in marks.items()]
            with open_warehouse(path, write=True) as warehouse:
                warehouse.write(COMING, pl.DataFrame(rows, schema=RECORD, orient="row"), append=True)
                warehouse.write(MARKED, pl.DataFrame(places, schema=PLACE, orient="row"))
    with open_warehouse(path, write=True) as warehouse:
        # A page that was read twice, before and after a cut, brings its records twice.
        warehouse.run(
            f"CREATE OR REPLACE TABLE {FOREIGN} AS SELECT DISTINCT ON (plural, destination_id) * FROM {COMING}"
        )
        warehouse.drop(COMING)
        warehouse.drop(MARKED)
        keep_loaded(warehouse, live)
        found = dict(warehouse.run(f"SELECT plural, count(*) FROM {FOREIGN} GROUP BY 1"))
    _keep_converted(tenant, path, live, prefix, decided or {})
    if is_whole:  # one that was cut off does not know any more what its first pages showed
        _keep_unseen(tenant, path, live, seen)
    return {where.plural: int(found.get(where.plural, 0)) for where in kinds}


_KNOWN = ("account", "contact", "deal", "lead")


def _begin(tenant: Freshsales, path: Path) -> Marks:
    """Return where a census of this tenant was cut off, or begin one."""
    with open_warehouse(path, write=True) as warehouse:
        if warehouse.has(MARKED) and warehouse.has(COMING):
            places = warehouse.run(f"SELECT tenant, path, page, total FROM {MARKED}")
            if places and {one[0] for one in places} == {tenant.alias}:
                return {place: (int(page), total) for _, place, page, total in places}
        warehouse.drop(MARKED)
        warehouse.write(COMING, pl.DataFrame(schema=RECORD))
    return {}


def keep_loaded(warehouse: Warehouse, live: Mapping[str, tuple[str, int]]) -> None:
    """Keep the source keys that have a record of their own, and its kind: nobody asks any more whether one stands there."""
    rows = [(key, destination) for key, (destination, _) in live.items()]
    warehouse.write(LOADED, pl.DataFrame(rows, schema={"source_key": TEXT, "destination": TEXT}, orient="row"))


def _keep_converted(
    tenant: Freshsales, path: Path, live: Mapping[str, tuple[str, int]], prefix: str, decided: Mapping[str, int]
) -> None:
    """Keep which foreign record came of which of ours: ours is gone, and one alone carries its source id.

    Whether a conversion takes our field along is the admin's map of lead fields to contact fields. Where it does not,
    a person's line in existing.csv tells the record.
    """
    with open_warehouse(path) as warehouse:
        rows = warehouse.run(f"SELECT plural, destination_id, our_id FROM {FOREIGN}")
    there = {(plural, int(number)) for plural, number, _ in rows}
    carrying: dict[tuple[str, str], list[int]] = {}
    for plural, number, our_id in rows:
        carrying.setdefault((plural, our_id), []).append(int(number))
    came = []
    for key, (kind, number) in live.items():
        becomes = endpoint(kind, tenant.edition).converts_to if kind in _KNOWN else None
        if becomes is None:
            continue
        plural = endpoint(becomes, tenant.edition).plural
        found = carrying.get((plural, f"{prefix}{key.partition('/')[2]}"), [])
        found = found or [one for one in [decided.get(key)] if one is not None and (plural, one) in there]
        if len(found) == 1 and read_record(tenant, kind, number) is None:
            came.append((tenant.alias, key, kind, number, becomes, found[0]))
    with open_warehouse(path, write=True) as warehouse:
        warehouse.write(CONVERTED, pl.DataFrame(came, schema=CAME, orient="row"))


def read_converted(
    warehouse: Warehouse, tenant: str | None, live: Mapping[str, tuple[str, int]]
) -> dict[str, tuple[str, int]]:
    """Return (destination, id) of what came of our records by conversion, where the ledger does not know it yet."""
    if not warehouse.has(CONVERTED):
        return {}
    rows = warehouse.run(
        f"SELECT source_key, was, was_id, becomes, destination_id FROM {CONVERTED} WHERE tenant = ? ORDER BY 1",
        [tenant],
    )
    return {key: (becomes, int(number)) for key, was, gone, becomes, number in rows if live.get(key) == (was, gone)}


def _keep_unseen(
    tenant: Freshsales, path: Path, live: Mapping[str, tuple[str, int]], seen: set[tuple[str, int]]
) -> None:
    """Keep which of our records no page showed."""
    unseen = [
        (tenant.alias, key, kind, number)
        for key, (kind, number) in live.items()
        if kind in _KNOWN and (endpoint(kind, tenant.edition).plural, number) not in seen
    ]
    with open_warehouse(path, write=True) as warehouse:
        warehouse.write(UNSEEN, pl.DataFrame(unseen, schema=GONE, orient="row"))


def has_foreign(warehouse: Warehouse) -> bool:
    """Say whether the last census found a record that is not ours."""
    return warehouse.has(FOREIGN) and bool(warehouse.run(f"SELECT 1 FROM {FOREIGN} LIMIT 1"))


def taken_keys(warehouse: Warehouse) -> set[tuple[str, str]]:
    """Return (plural, name or e-mail, case-folded) of every foreign record: under these nothing is sent in bulk."""
    if not has_foreign(warehouse):
        return set()
    rows = warehouse.run(f"SELECT plural, lower(unnest(list_append(emails, name))) AS key FROM {FOREIGN}")
    return {(plural, key) for plural, key in rows if key}


def _row(tenant: Freshsales, where: Endpoint, record: Mapping[str, Any]) -> tuple[Any, ...]:
    flat = flatten(where.destination, record)
    emails = [flat.get("email"), *(flat.get("emails_more") or [])]
    phones = [flat.get(name) for name in PHONES] + [one.get("value") for one in flat.get("phone_numbers") or []]
    return (
        tenant.alias,
        where.plural,
        int(record["id"]),
        flat.get(SOURCE_ID),
        flat.get("first_name"),
        flat.get("last_name"),
        flat.get("name") if where.bulk_identifier == "name" else None,
        flat.get("address"),
        flat.get("zipcode"),
        flat.get("email"),
        [str(one).strip().lower() for one in emails if one],
        [str(one) for one in phones if one],
    )


def _folded(text: str) -> str:
    return rf"nullif(regexp_replace(lower(strip_accents({text})), '[^\p{{L}}\p{{N}}]+', '', 'g'), '')"


def _person(row: str) -> str:
    return f"{_folded(f'{row}.first_name')} || ' ' || {_folded(f'{row}.last_name')}"


def _keys(table: str, who: str) -> Iterator[str]:
    """Yield the SELECTs of (who, kind of key, key) of a table, by which rows and records are brought together."""
    yield f"SELECT {who}, 'id' AS kind, our_id AS key FROM {table}"
    yield f"SELECT {who}, 'email', lower(trim(unnest(emails))) FROM {table}"
    yield f"SELECT {who}, 'name', {_folded('name')} FROM {table}"
    # One cell may hold two numbers, words and an extension.
    numbers = f"unnest(flatten(list_transform(phones, lambda one: regexp_extract_all(one, '{NUMBER}'))))"
    yield f"SELECT {who}, 'phone', regexp_replace({numbers}, '[^0-9]', '', 'g') FROM {table}"


def match_foreign(warehouse: Warehouse) -> list[Match]:
    """Return what each row of the temporary table `standing` may be: by our id, e-mail and name, phone and name, place.

    A record that surely is one row is not offered to others; what several rows or records may be is never sure.
    """
    for name, table, who in (("asking", "standing", "source_key"), ("there", FOREIGN, "plural, destination_id")):
        warehouse.run(f"CREATE OR REPLACE TEMP TABLE keys_{name} AS {' UNION '.join(_keys(table, who))}")
    number, zipcode = r"regexp_extract({}, '^\s*([0-9]+)', 1)", "left(regexp_replace({}, '[^0-9]', '', 'g'), 5)"
    same_zip = f"{zipcode.format('a.zipcode')} = {zipcode.format('f.zipcode')}"
    rows = warehouse.run(f"""
        WITH pairs AS (
          SELECT a.source_key, t.plural, t.destination_id, bool_or(kind = 'id') AS by_id, bool_or(kind = 'email') AS by_email,
            bool_or(kind = 'phone') AS by_phone, bool_or(kind = 'name') AS by_name
          FROM keys_asking k JOIN keys_there t USING (kind, key) JOIN standing a USING (source_key)
          WHERE list_contains(a.plurals, t.plural) AND a.source_key NOT IN (SELECT source_key FROM {LOADED}) GROUP BY ALL
        ), seen AS (
          SELECT p.*, coalesce({_person("a")} = {_person("f")}, false) AS same_person,
            len(a.emails) > 0 AND len(f.emails) > 0 AND NOT p.by_email AS other_email,
            coalesce({_folded("a.address")} = {_folded("f.address")} AND coalesce({same_zip}, true), false) OR coalesce(
              {number.format("a.address")} = {number.format("f.address")} AND {number.format("a.address")} <> ''
              AND {same_zip} AND {zipcode.format("a.zipcode")} <> '', false) AS same_place
          FROM pairs p JOIN standing a USING (source_key) JOIN {FOREIGN} f USING (plural, destination_id)
        ), judged AS (
          SELECT *, CASE WHEN by_id THEN 1.0 WHEN by_email AND same_person THEN 0.98 WHEN by_name AND same_place THEN 0.97
              WHEN by_phone AND same_person AND NOT other_email THEN 0.95 WHEN by_phone AND same_person THEN 0.8
              WHEN by_name THEN 0.7 WHEN by_email THEN 0.6 END AS confidence,
            CASE WHEN by_id THEN 'it carries this id' WHEN by_email AND same_person THEN 'same e-mail and name'
              WHEN by_name AND same_place THEN 'same name and address'
              WHEN by_phone AND same_person AND NOT other_email THEN 'same phone and name'
              WHEN by_phone AND same_person THEN 'same phone and name, other e-mail'
              WHEN by_name THEN 'same name, other address' ELSE 'same e-mail, other name' END AS reason
          FROM seen
        ), ranked AS (
          SELECT *, max(confidence) OVER (PARTITION BY plural, destination_id) AS best_there,
            max(confidence) OVER (PARTITION BY source_key) AS best_here FROM judged WHERE confidence IS NOT NULL
        ), kept AS (
          SELECT *, count(*) OVER (PARTITION BY source_key) AS records,
            count(*) OVER (PARTITION BY plural, destination_id) AS rows
          FROM ranked WHERE confidence >= 0.95 OR (best_there < 0.95 AND best_here < 0.95)
        )
        SELECT source_key, plural, destination_id, CASE WHEN records > 1 OR rows > 1 THEN least(confidence, 0.5) ELSE confidence END,
          reason || CASE WHEN records > 1 THEN ', as ' || (records - 1) || ' more of the tenant' ELSE '' END
          || CASE WHEN rows > 1 THEN ', as ' || (rows - 1) || ' more of the export' ELSE '' END
        FROM kept ORDER BY 1, 4 DESC, 2, 3
    """)
    return [Match(key, plural, int(number), float(sure), reason) for key, plural, number, sure, reason in rows]
