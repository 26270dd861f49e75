"""The doctor looks at everything a run needs; each line says what to do, and only what would stop a run is exit 1."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from workbench.freshsales.census import Vitals
from workbench.freshsales.schema import TenantSchema
from workbench.journey.status import LOOKS, Patient
from workbench.settings import read_settings

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Workbench

EMPTY = TenantSchema("t", {}, {}, {"Default": {}}, {}, "Default", [], {}, {}, {}, {}, {}, {})
CHICAGO, NEW_YORK = (datetime.fromisoformat(f"2026-11-25T10:00:00-0{hours}:00") for hours in (6, 5))


def test_a_rehearsal_is_looked_at_from_settings_to_storage(workbench: Workbench, migration: Path) -> None:
    said = workbench("doctor", "--migration", migration, "--json")
    look_first = ["settings", "exports", "mappings", "notebooks", "disk", "agreement", "API key", "image key", "tenant"]
    assert [one["name"] for one in said.document["findings"]] == [*look_first, *LOOKS]
    assert list(LOOKS) == ["role", "plan", "clock", "time zone", "limits", "switches", "storage"]
    assert (said.code, {one["ok"] for one in said.document["findings"]}) == (0, {True})


@pytest.mark.parametrize(
    ("name", "vitals", "level", "words"),
    [
        pytest.param("clock", Vitals(900, 2.0, None), "ok", "2 s ahead of this machine", id="clock"),
        pytest.param("clock", Vitals(900, -90.0, None), "note", "take its time from a time server", id="clock behind"),
        pytest.param("clock", Vitals(900, 301.0, None), "STOP", "Set this machine's clock first", id="clock far off"),
        pytest.param("clock", Vitals(900, None, None), "note", "does not tell its time", id="no clock"),
        pytest.param("time zone", Vitals(1, 0.0, CHICAGO), "ok", "America/Chicago, as in the tenant", id="zone"),
        pytest.param(
            "time zone", Vitals(1, 0.0, NEW_YORK), "note", "set it in Admin Settings > Company", id="another zone"
        ),
        pytest.param("time zone", Vitals(1, 0.0, None), "note", "Compare America/Chicago with", id="no zone"),
        pytest.param("limits", Vitals(4900, 0.0, None), "ok", "4,900 calls left this hour", id="limits"),
        pytest.param("limits", Vitals(900, 0.0, None), "note", "wait an hour, or lower", id="used up"),
        pytest.param("limits", Vitals(9000, 0.0, None), "note", "raise [freshsales] requests_per_hour", id="more"),
        pytest.param("limits", Vitals(None, 0.0, None), "note", "does not tell its calls left", id="no limits"),
    ],
)
def test_what_the_tenant_tells_has_a_line(migration: Path, name: str, vitals: Vitals, level: str, words: str) -> None:
    found = LOOKS[name](read_settings(migration), Patient(EMPTY, vitals))
    said = found if isinstance(found, tuple) else ("ok", found)
    assert (said[0], words in said[1]) == (level, True), said


def test_a_role_that_may_not_read_and_a_plan_without_fields_stop_a_run(migration: Path) -> None:
    toml = migration / "migration.toml"
    toml.write_text(toml.read_text().replace('plan = "enterprise"', 'plan = "free"'))
    settings = read_settings(migration)
    assert LOOKS["role"](settings, Patient(EMPTY, None, "Use an admin's key.")) == ("STOP", "Use an admin's key.")
    level, text = LOOKS["plan"](settings, Patient(EMPTY, None))
    assert (level, "Raise the plan to growth" in text) == ("STOP", True)


def test_pipelines_beyond_the_plan_say_that_another_plan_is_there(migration: Path) -> None:
    toml = migration / "migration.toml"
    toml.write_text(toml.read_text().replace('plan = "enterprise"', 'plan = "growth"'))
    patient = Patient(TenantSchema("t", {}, {}, {"One": {}, "Two": {}}, {}, "One", [], {}, {}, {}, {}, {}, {}), None)
    level, text = LOOKS["plan"](read_settings(migration), patient)
    assert (level, text.startswith("the tenant has 2 pipelines, and growth has 1.")) == ("note", True)


def test_what_is_not_ticked_is_named_with_the_command(migration: Path) -> None:
    settings = read_settings(migration, "freshsales")
    level, text = LOOKS["switches"](settings, Patient(EMPTY, None))
    assert (level, "switched off: Sales sequences" in text) == ("note", True)
    assert text.endswith("workbench approve --what setup --by NAME --target freshsales")
