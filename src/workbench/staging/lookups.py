"""Lookups as source keys: `companies/P-0007`, and `owners/<e-mail>` for a tenant user."""

from __future__ import annotations

from workbench.mapping.object_mapping import Lookup
from workbench.mapping.value_map import ValueMap
from workbench.staging.problems import Problems
from workbench.vocabulary import Severity

Cell = str | None


def resolve_lookup(
    lookup: Lookup, source_id: str, value: Cell, by: Cell, owners: ValueMap | None, fallback: str, problems: Problems
) -> Cell:
    """Return the source key a row points at, or None; what cannot be resolved is noted."""
    if lookup.is_owner:
        return _owner(lookup, source_id, value, owners, fallback, problems)
    value = (value or "").strip()
    target = lookup.targets.get((by or "").strip()) if lookup.by else lookup.targets[""]
    if value and target:
        return f"{target}/{value}"
    if value and by:
        problems.note(source_id, lookup.name, "link", Severity.HOLD, f"hangs on {by}, which no mapping moves")
    elif lookup.required and not lookup.by:
        problems.note(source_id, lookup.name, "link", Severity.HOLD, f"has no {lookup.column}")
    return None


def _owner(
    lookup: Lookup, source_id: str, user: Cell, owners: ValueMap | None, fallback: str, problems: Problems
) -> Cell:
    user = (user or "").strip()
    decided = owners.rows.get(user) if owners and user else None
    email = (decided.answer if decided else None) or fallback
    if email:
        return f"owners/{email.strip().lower()}"
    if lookup.required:
        why = f"owner {user} has no tenant user" if user else "has no owner"
        problems.note(source_id, lookup.name, "owner", Severity.HOLD, why)
    return None
