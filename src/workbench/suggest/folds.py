"""Which custom fields fold where the plan has no room for them beside those that the tenant uses already."""

from __future__ import annotations

from pathlib import Path

from workbench.freshsales.schema import FieldInfo
from workbench.mapping.budget import fields_to_fold, plan_limits
from workbench.mapping.custom_fields import FOLDED, MORE
from workbench.mapping.files import read_mappings
from workbench.mapping.setup import make_setup
from workbench.mapping.value_map import Decided, ValueMap, read_value_map, save_value_map
from workbench.settings import Settings
from workbench.vocabulary import Decision
from workbench.warehouse import open_warehouse

FOLD_SURE = 0.95
"""Ranks were decided in mappings/custom_fields; that the lowest go first follows from them."""


def accept_folds(settings: Settings, *, above: float, by: str, on: str, folder: Path) -> int:
    """Write `map` rows for the fields that have to fold on this plan, lowest ranks first, and return how many.

    Decisions are read anew: those accepted a moment ago make the choices that the setup plan needs.
    """
    if above > FOLD_SURE or not plan_limits(settings.plan)["total"]:
        return 0
    known = read_value_map(FOLDED, settings.values_folders)
    found = [
        name
        for name in fields_to_fold(make_setup(settings, read_mappings(settings)), used_fields(settings), settings.plan)
        if name not in known.rows or known.rows[name].is_open
    ]
    if found:
        note = f"suggested {FOLD_SURE:.2f}: {settings.plan} has no room for it; lowest ranks first"
        rows = {name: Decided(name, Decision.MAP, MORE, by, on, note) for name in found}
        save_value_map(folder, ValueMap(FOLDED, read_value_map(FOLDED, [folder]).rows | rows))
    return len(found)


def used_fields(settings: Settings) -> dict[str, dict[str, FieldInfo]]:
    """Return the custom fields that the tenant had when it was last read, by module and name."""
    with open_warehouse(settings.warehouse) as warehouse:
        if not warehouse.has("destination.custom_fields"):
            return {}
        rows = warehouse.run("SELECT module, name, label, type FROM destination.custom_fields")
    used: dict[str, dict[str, FieldInfo]] = {}
    for module, name, label, kind in rows:
        used.setdefault(module, {})[name] = FieldInfo(label, kind)
    return used
