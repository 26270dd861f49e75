"""What the tenant should hold: delivered rows in canonical text, lookups as the ids they resolve to, as one SELECT a mapping."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
TARGET = "target"
"""The lookup that may lead to several kinds of record, so that its text names the kind, too."""

_PLAIN = r"[!-~]+( [!-~]+)*"
_WORDS = r"[!-%''-;=-~]+( [!-%''-;=-~]+)*"  # no < and no &: neither tags nor entities
_NUMBER = r"0|-?[1-9][0-9]{0,15}(\.[0-9]{0,7}[1-9])?|-?0\.[0-9]{0,7}[1-9]"
_MOMENT = r"(19|20|21)\d\d-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\d[+-]([01]\d|2[0-3]):[0-5]\d"
_ONE_ITEM = r'\[("[^"\\]*"|\{"label":"[^"\\]*","value":"[^"\\]*"\})\]'


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
            known, text = f"{column} <> ''", f"left({column}, 10)"
        case Form.TIME:
            moment = f"TRY_CAST({column} AS TIMESTAMPTZ)"
            known = f"regexp_full_match({column}, '{_MOMENT}') AND {moment} IS NOT NULL"
            text = f"strftime({moment} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S+00:00')"
        case Form.LIST:
            known, text = f"regexp_full_match({column}, '{_ONE_ITEM}')", f"{column}[2:-2]"
    return f"CASE WHEN {column} IS NULL THEN NULL WHEN {known} THEN {text} ELSE {asked} END"


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


def expected_sql(settings: Settings, mapping: ObjectMapping, *, only: str = "", exact: bool = True) -> str:
    """Return the SELECT of delivered rows: source_id, destination_id, every compared field and every lookup.

    A row delivered once and held now is left out: what is staged of it did not travel. `only` names a table of source
    ids to keep to. Not `exact`, short texts stand as staged: they then differ from the tenant's more often than they do
    in truth, never less often, since what the tenant holds is canonical already.
    """
    columns = []
    for name in compared_fields(mapping):
        form, column = form_of_column(mapping, name), f"s.{identifier(name)}"
        made = column if form is Form.TEXT and not exact else canonical_sql(form, column)
        columns.append(f"{made} AS {identifier(name)}")
    joins = []
    for place, lookup in enumerate(mapping.lookups.values()):
        columns.append(f"l{place}.id AS {identifier(lookup.name)}")
        joins.append(f"LEFT JOIN ({_known(settings, lookup)}) l{place} ON l{place}.key = s.{identifier(lookup.name)}")
    kept = f" SEMI JOIN {only} o ON o.source_id = s.source_id" if only else ""
    return (
        f"SELECT s.source_id, i.destination_id, {', '.join(columns)}"
        f" FROM (SELECT * FROM staged.{identifier(mapping.name)} s{kept}) s"
        f" JOIN destination.identities i ON i.source_object = '{mapping.source_object}' AND i.mapping = '{mapping.name}'"
        f" AND i.source_id = s.source_id {' '.join(joins)}"
        f" WHERE NOT EXISTS (SELECT 1 FROM checked.held h"
        f" WHERE h.source_object = '{mapping.source_object}' AND h.source_id = s.source_id)"
    )


def _known(settings: Settings, lookup: Lookup) -> str:
    """Return the SELECT of what a lookup may lead to: the key by which it is staged, and the id there."""
    if lookup.is_owner:
        return "SELECT key, id FROM owners"
    objects = ", ".join(f"'{one}'" for one in sorted(set(lookup.targets.values())))
    text = "destination_id::VARCHAR"
    if lookup.name == TARGET:
        text = f"{kind_sql(settings, 'destination')} || ':' || destination_id"
    return (
        f"SELECT source_object || '/' || source_id AS key, {text} AS id FROM destination.identities"
        f" WHERE source_object IN ({objects}) AND is_live"
    )


def kind_sql(settings: Settings, column: str) -> str:
    """Return SQL for the kind of record that a destination is: a Suite lead is a contact."""
    kinds = [(one, endpoint(one, settings.edition).singular) for one in ("account", "contact", "deal", "lead")]
    return f"CASE {column} {' '.join(f'WHEN {one!r} THEN {kind!r}' for one, kind in kinds)} ELSE {column} END"
