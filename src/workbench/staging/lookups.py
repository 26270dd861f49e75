"""Lookups as source keys: `companies/P-0007`, and `owners/<e-mail>` for a tenant user."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from workbench.dental_exec.contract import read_contract, telling_sql
from workbench.mapping.object_mapping import Lookup
from workbench.mapping.sources import BLANKS
from workbench.mapping.value_map import ValueMap
from workbench.privacy import shown_id
from workbench.staging.problems import UnreadableError
from workbench.vocabulary import Severity
from workbench.warehouse import identifier

Cell = str | None


class Linked(NamedTuple):
    """The SQL of a link's source key, and of what is wrong with it: field, rule, condition, severity, message."""

    value: str
    checks: Sequence[tuple[str, str, str, Severity, str]]


def link(lookup: Lookup) -> Linked:
    """Return the source key a row `s` points at, or NULL; what a required link lacks holds the row."""
    typed, by = _bare(lookup.column), _bare(lookup.by) if lookup.by else "NULL"
    named = " ".join(f"WHEN '{word}' THEN '{target}'" for word, target in lookup.targets.items())
    target = f"CASE {by} {named} END" if lookup.by else f"'{lookup.targets['']}'"
    objects = read_contract().objects
    people = [f"'{one}'" for one in lookup.targets.values() if one in objects and objects[one].is_about_people]
    by_kind = telling_sql(typed), telling_sql(typed, of_people=False)
    is_odd = f"(CASE WHEN {target} IN ({', '.join(people) or 'NULL'}) THEN {by_kind[0]} ELSE {by_kind[1]} END)"
    severity = Severity.HOLD if lookup.required else Severity.WARN
    nowhere = (lookup.name, "link", f"{typed} IS NOT NULL AND {target} IS NULL", severity)
    checks = [(*nowhere, "'hangs on an object that no mapping moves'")]
    # What a row points at is told in reasons and lists; a name there would be told, too.
    checks.append((lookup.name, "link", is_odd, severity, "'names a person, an address or a text instead of an id'"))
    if lookup.required:
        # A link that may be blank is blank as a whole: one that names an object needs an id too.
        lacking = f"{typed} IS NULL" + (f" AND {by} IS NOT NULL" if lookup.may_be_blank else "")
        checks.append((lookup.name, "link", lacking, severity, f"'has no {lookup.column}'"))
    return Linked(f"CASE WHEN NOT {is_odd} THEN {target} || '/' || {typed} END", checks)


def owner_of(lookup: Lookup, owners: ValueMap | None, fallback: str) -> Callable[[Cell], Cell]:
    """Return how a user of the export becomes the tenant user who owns a row: by the decided e-mail, else the fallback."""

    def find(user: Cell) -> Cell:
        user = (user or "").strip()
        decided = owners.rows.get(user) if owners and user else None
        email = (decided.answer if decided else None) or fallback
        if email:
            return f"owners/{email.strip().lower()}"
        if lookup.required:
            raise UnreadableError(
                "owner", f"owner {shown_id(user)} has no tenant user" if user else "has no owner", Severity.HOLD
            )
        return None

    return find


def _bare(column: str) -> str:
    return f"nullif(trim(s.{identifier(column)}::VARCHAR, {BLANKS}), '')"
