"""What the tenant should hold: delivered rows in canonical text, lookups as the ids they resolve to, as one SELECT a mapping."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial

import polars as pl
from duckdb import func, sqltypes

from workbench.canonical import Form, canonical
from workbench.freshsales.endpoints import endpoint
from workbench.freshsales.schema import TenantSchema
from workbench.mapping.object_mapping import Lookup, ObjectMapping
from workbench.settings import Settings
from workbench.staging.rows import form_of
from workbench.vocabulary import Kind
from workbench.warehouse import Warehouse, identifier

READABLE_OF_FILES = {"file_name"}
"""Freshsales lists a file by name; `files` tells what else is known of it."""
ORIGINAL = ("cf_original_create_date", "cf_original_modified_date")
"""The days that may be told, and records counted by; a birthday or a recall is a patient's own value."""
TARGET = "target"
"""The lookup that may lead to several kinds of record, so that its text names the kind, too."""

MOSTLY_CANONICAL = (Form.TEXT, Form.DATE, Form.NUMBER, Form.BOOLEAN)
"""Forms that are staged as canonical text, but for few values."""

_PLAIN = r"[!-~]+( [!-~]+)*"
_WORDS = r"[!-%''-;=-~]+( [!-%''-;=-~]+)*"  # no < and no &: neither tags nor entities
_NUMBER = r"0|-?[1-9][0-9]{0,15}(\.[0-9]{0,7}[1-9])?|-?0\.[0-9]{0,7}[1-9]"
_MOMENT = r"(19|20|21)\d\d-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\d[+-]([01]\d|2[0-3]):[0-5]\d"


def canonical_sql(form: Form, column: str) -> str:
    """Return SQL for `canonical` of a staged column: what already stands in that text is passed by, the rest is asked.

    Asking is a call of `canonical` itself, so that there is one definition; most cells need none.
    """
    asked = f"canonical_{form}({column})"
    match form:
        case Form.TEXT:
            known, text = f"regexp_full_match({column}, '{_PLAIN}')", column
        case Form.RICH:
            known, text = f"regexp_full_match({column}, '{_WORDS}')", column
        case Form.MONEY | Form.NUMBER:
            known, text = f"regexp_full_match({column}, '{_NUMBER}')", column
        case Form.BOOLEAN:
            known, text = f"{column} IN ('true', 'false')", column
        case Form.DATE:
            known, text = f"strlen({column}) = 10", column
        case Form.TIME:
            moment = f"TRY_CAST({column} AS TIMESTAMPTZ)"
            known = f"regexp_full_match({column}, '{_MOMENT}') AND {moment} IS NOT NULL"
            text = f"strftime({moment} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S+00:00')"
        case Form.LIST:
            known, text = _one_item(column), f"substr({column}, 2, length({column}) - 2)"
    return f"CASE WHEN {column} IS NULL THEN NULL WHEN {known} THEN {text} ELSE {asked} END"


def _one_item(column: str) -> str:
    """Return SQL that says whether a list has one item, a text or a number with its label, and nothing escaped.

    Its quotes are counted: an expression that reads a text letter by letter takes ten times as long.
    """
    quotes = f"""strlen({column}) - strlen(replace({column}, '"', ''))"""
    number = f"""{column} LIKE '[{{"label":"%","value":"%"}}]' AND {quotes} = 8"""
    text = f"""{column} LIKE '["%"]' AND {quotes} = 2"""
    return f"(({number} OR {text}) AND NOT contains({column}, chr(92)))"


@contextmanager
def asking_canonical(warehouse: Warehouse) -> Iterator[None]:
    """Let SQL call `canonical`, by one function a form."""
    functions: dict[str, Callable[[str | None], str | None]] = {
        f"canonical_{form}": partial(canonical, form) for form in Form
    }
    text = sqltypes.VARCHAR
    for name, function in functions.items():
        warehouse.connection.create_function(
            name, function, [text], text, null_handling=func.FunctionNullHandling.SPECIAL
        )
    try:
        yield
    finally:
        for name in functions:
            warehouse.connection.remove_function(name)


def compared_fields(mapping: ObjectMapping) -> list[str]:
    """Return the fields that can be read back."""
    names = list(mapping.fields)
    names += [field.shared for field in mapping.fields.values() if field.shared and field.shared not in mapping.fields]
    return [name for name in names if mapping.kind is not Kind.FILE or name in READABLE_OF_FILES]


def form_of_column(mapping: ObjectMapping, name: str) -> Form:
    """Return the form of a compared field; the one that takes a shared e-mail is a text."""
    field = mapping.fields.get(name)
    return form_of(field) if field else Form.TEXT


def hand_over_users(warehouse: Warehouse, schema: TenantSchema) -> None:
    """Write the temporary table of owners: the key by which a staged row names a user, and the user's id."""
    rows = [
        (f"owners/{email.strip().lower()}", str(number), email) for email, number in schema.choices("users").items()
    ]
    frame = pl.DataFrame(rows, schema=dict.fromkeys(("key", "id", "email"), pl.String), orient="row")
    warehouse.connection.register("incoming_owners", frame.unique("key", keep="last").to_arrow())
    warehouse.run("CREATE OR REPLACE TEMP TABLE owners AS SELECT * FROM incoming_owners")
    warehouse.connection.unregister("incoming_owners")


def hand_over_conversions(warehouse: Warehouse, converted: Mapping[str, tuple[str, int]]) -> None:
    """Write the temporary table of what came of leads that a person converted: what hangs on one now hangs on that."""
    rows = [(key, *became) for key, became in converted.items()]
    shape = {"key": pl.String, "destination": pl.String, "destination_id": pl.Int64}
    warehouse.connection.register("incoming_converted", pl.DataFrame(rows, schema=shape, orient="row").to_arrow())
    warehouse.run("CREATE OR REPLACE TEMP TABLE converted AS SELECT * FROM incoming_converted")
    warehouse.connection.unregister("incoming_converted")


def hand_over_lookups(warehouse: Warehouse, settings: Settings, mapping: ObjectMapping) -> None:
    """Write a temporary table for each lookup: the key by which it is staged, and the id there."""
    for place, lookup in enumerate(mapping.lookups.values()):
        # As a table its size is known, and a join is built on the smaller side.
        warehouse.run(f"CREATE OR REPLACE TEMP TABLE known_{place} AS {_known(settings, lookup)}")


def digest_column(mapping: ObjectMapping) -> str:
    """Return the column of what was read from the tenant that holds a record's digest, as the mapping compares it."""
    return f"digest_{mapping.name}"


def digest_sql(mapping: ObjectMapping) -> str:
    """Return SQL for the digest of a record as it was read: its compared fields, then its lookups.

    It is made as the record is written down, so that a comparison reads 64 bits a record.
    """
    found = ", ".join(identifier(name) for name in compared_fields(mapping))
    return f"hash({', '.join([f'hash({found})', *map(identifier, mapping.lookups)])})"


def hand_over_found(warehouse: Warehouse, mapping: ObjectMapping, there: str) -> None:
    """Write a temporary table of the mapping's rows that have an identity: both ids, and the digest of the record in `there`.

    The digest is NULL where `there` has no such record. A merge leaves two rows with one record.
    """
    warehouse.run(
        f"CREATE OR REPLACE TEMP TABLE found AS SELECT i.source_id, i.destination_id, d.{digest_column(mapping)} AS digest"
        f" FROM destination.identities i LEFT JOIN {there} d USING (destination_id)"
        f" WHERE i.source_object = '{mapping.source_object}' AND i.mapping = '{mapping.name}'"
    )


def delivered_sql(mapping: ObjectMapping, kept: Sequence[str]) -> str:
    """Return the SELECT of rows that have a record: both ids, the fields `kept`, every lookup's id, and how they compare.

    `is_there` says whether the tenant has the record; `is_alike` whether all compared fields and lookups stand there as
    staged. A digest a side tells, so that joins carry narrow rows. In it most forms stand as staged: they then differ from
    the tenant's more often than they do in truth, never less often, since what the tenant holds is canonical already, and
    canonical text stays what it is. Needs `hand_over_lookups` and `hand_over_found`.
    """
    names, lookups = compared_fields(mapping), [identifier(name) for name in mapping.lookups]
    forms = {name: form_of_column(mapping, name) for name in names}
    raw = {name: f"r.{identifier(name)}" for name in names}
    digested = [
        raw[name] if forms[name] in MOSTLY_CANONICAL else canonical_sql(forms[name], raw[name]) for name in names
    ]
    columns = [f"{canonical_sql(forms[name], raw[name])} AS {identifier(name)}" for name in kept]
    columns += [f"r.{name}" for name in lookups]
    scanned = f"SELECT {', '.join(['r.source_id', *columns])}, hash({', '.join(digested)}) AS digest FROM staged.{mapping.name} r"
    ids = [f"l{place}.id" for place in range(len(lookups))]
    listed = [f"s.{identifier(name)}" for name in kept]
    listed += [f"{one} AS {name}" for one, name in zip(ids, lookups, strict=True)]
    joins = [f"LEFT JOIN known_{place} l{place} ON l{place}.key = s.{name}" for place, name in enumerate(lookups)]
    return (
        f"SELECT {', '.join(['s.source_id', 'f.destination_id', *listed])}, f.digest IS NOT NULL AS is_there,"
        f" hash({', '.join(['s.digest', *ids])}) = f.digest AS is_alike"
        f" FROM ({scanned}) s JOIN found f ON f.source_id = s.source_id {' '.join(joins)}"
    )


def exact_sql(mapping: ObjectMapping, suspects: str) -> str:
    """Return the SELECT of some delivered rows, named with both ids by a table: every compared field in canonical text.

    A row is found by its place in what is staged: by a text, a scan would read every column of every row.
    """
    columns = [
        f"{canonical_sql(form_of_column(mapping, name), f'r.{identifier(name)}')} AS {identifier(name)}"
        for name in compared_fields(mapping)
    ]
    staged = f"staged.{mapping.name}"
    return (
        f"SELECT o.source_id, o.destination_id, {', '.join(columns)} FROM {staged} r JOIN"
        f" (SELECT k.rowid AS place, s.source_id, s.destination_id FROM {staged} k JOIN {suspects} s USING (source_id)) o"
        " ON o.place = r.rowid"
    )


def _known(settings: Settings, lookup: Lookup) -> str:
    """Return the SELECT of what a lookup may lead to: the key by which it is staged, and the id there."""
    if lookup.is_owner:
        return "SELECT key, id FROM owners"
    objects = ", ".join(f"'{one}'" for one in sorted(set(lookup.targets.values())))
    number = "coalesce(c.destination_id, k.destination_id)"
    text = f"{number}::VARCHAR"
    if lookup.name == TARGET:
        text = f"{kind_sql(settings, 'coalesce(c.destination, k.destination)')} || ':' || {number}"
    return (
        f"SELECT k.key, {text} AS id FROM (SELECT *, source_object || '/' || source_id AS key FROM destination.identities"
        f" WHERE source_object IN ({objects}) AND is_live) k LEFT JOIN converted c USING (key)"
    )


def kind_sql(settings: Settings, column: str) -> str:
    """Return SQL for the kind of record that a destination is: a Suite lead is a contact."""
    kinds = [(one, endpoint(one, settings.edition).singular) for one in ("account", "contact", "deal", "lead")]
    return f"CASE {column} {' '.join(f'WHEN {one!r} THEN {kind!r}' for one, kind in kinds)} ELSE {column} END"
