"""Lookups as source keys: `companies/P-0007`, and `owners/<e-mail>` for a tenant user."""

from __future__ import annotations

from workbench.mapping.object_mapping import Lookup
from workbench.mapping.value_map import ValueMap
from workbench.staging.problems import Problems
from workbench.vocabulary import Severity

Cell = str | None


def resolve_lookup(lookup: Lookup, source_id: str, value: Cell, by: Cell, problems: Problems) -> Cell:
    """Return the source key a row points at, or None; what a required link lacks holds the row."""
    value, by = (value or "").strip(), (by or "").strip()
    target = lookup.targets.get(by) if lookup.by else lookup.targets[""]
    if value and target:
        return f"{target}/{value}"
    if not value and not by and (lookup.may_be_blank or not lookup.required):
        return None
    missing = "an object that no mapping moves" if value else f"no {lookup.column}"
    severity = Severity.HOLD if lookup.required else Severity.WARN
    if value or lookup.required:
        problems.note(source_id, lookup.name, "link", severity, f"hangs on {missing}" if value else f"has {missing}")
    return None


def resolve_owner(
    lookup: Lookup, source_id: str, user: Cell, problems: Problems, *, owners: ValueMap | None, fallback: str
) -> Cell:
    """Return the tenant user who owns a row, by the e-mail decided for its user, else the fallback."""
    user = (user or "").strip()
    decided = owners.rows.get(user) if owners and user else None
    email = (decided.answer if decided else None) or fallback
    if email:
        return f"owners/{email.strip().lower()}"
    if lookup.required:
        why = f"owner {user} has no tenant user" if user else "has no owner"
        problems.note(source_id, lookup.name, "owner", Severity.HOLD, why)
    return None
