"""The forecast says no in time: what cannot be done or undone on a plan is refused, with cuts that do what they say."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from rooms import Practice, stage_and_check

from workbench.errors import SetupMissing
from workbench.journey.desk import count_by_practice, counting
from workbench.journey.loading import forecast, require_in_time
from workbench.load.forecast import count_figures
from workbench.reports.estimate import history_setting, selected
from workbench.settings import read_settings
from workbench.warehouse import open_warehouse

if TYPE_CHECKING:
    from conftest import Workbench

PHASES = ("records", "load", "verify", "delta", "rollback", "bytes")
LARGE, GIGABYTE = 3 * 1024**2, 1024**3


@pytest.fixture
def growth(ready: Practice, tmp_path: Path) -> Practice:
    """A copy of it on Growth."""
    shutil.copytree(ready.folder, tmp_path / "migration")
    made = Practice(tmp_path / "migration", ready.truth)
    write(made, 'plan = "enterprise"', 'plan = "growth"')
    return made


def write(practice: Practice, old: str, new: str, name: str = "migration.toml") -> None:
    path = practice.folder / name
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def slow_down(practice: Practice) -> None:
    """Leave so few calls of 100 an hour to us that a rollback takes half an hour too long."""
    calls = forecast(practice.settings, practice.mappings).figures.total("rollback")
    write(practice, "requests_per_hour = 5000", "requests_per_hour = 100")
    write(practice, "reserve = 0.1 ", f"reserve = {1 - calls / 48.5 / 99:.6f} ")


def stage_again(practice: Practice) -> None:
    with open_warehouse(practice.settings.warehouse) as warehouse:
        [(alias,)] = warehouse.run("SELECT tenant FROM staged.stamp")
    stage_and_check(practice.settings, alias)


def figures(document: dict[str, Any]) -> dict[str, int]:
    return {name: document[name] for name in PHASES}


def told(workbench: Workbench, practice: Practice) -> tuple[int, dict[str, Any]]:
    said = workbench("forecast", "--migration", practice.folder, "--json")
    return said.code, said.document


def test_a_growth_plan_that_cannot_be_undone_in_time_is_refused_with_three_cuts(
    workbench: Workbench, growth: Practice
) -> None:
    assert told(workbench, growth)[0] == 0
    slow_down(growth)
    code, said = told(workbench, growth)
    assert (code, said["in_time"]) == (1, False)
    assert said["reasons"] == ["a rollback takes 48.5 h, and there are 48 h"]
    history, files, plan = said["cuts"]
    assert [one["plan"] for one in said["cuts"]] == ["growth", "growth", "pro"]
    assert (history["is_enough"], plan["is_enough"]) == (True, True)
    assert history["rollback_h"] < 48 < files["rollback_h"]
    text = workbench("forecast", "--migration", growth.folder).out
    assert "This cannot be done on growth: a rollback takes 48.5 h" in text


def test_a_higher_plan_takes_what_the_cut_says(workbench: Workbench, growth: Practice) -> None:
    slow_down(growth)
    cut = told(workbench, growth)[1]["cuts"][2]
    write(growth, 'plan = "growth"', 'plan = "pro"')
    write(growth, "requests_per_hour = 100", "requests_per_hour = 2000")
    code, said = told(workbench, growth)
    assert code == 0
    assert cut["how"] == '[freshsales] plan = "pro", requests_per_hour = 2000'
    assert cut["rollback_h"] == said["phase_hours"]["rollback"]
    [line] = [one for one in said["plans"] if one["plan"] == "pro"]
    assert {name: line[name] for name in ("load_and_verify_h", "delta_h", "rollback_h")} == {
        name: cut[name] for name in ("load_and_verify_h", "delta_h", "rollback_h")
    }


def test_files_above_a_size_are_left_out_as_the_cut_says(workbench: Workbench, growth: Practice) -> None:
    with open_warehouse(growth.settings.warehouse, write=True) as warehouse:
        names = [row[0] for row in warehouse.run("SELECT source_id FROM staged.attachment ORDER BY source_id LIMIT 3")]
        large = f"(attachment_id IN ('{names[0]}', '{names[1]}'))"
        for table, key, size in (
            ("staged.attachment", "source_id", "size"),
            ("staged.source_attachments", "attachment_id", "size_bytes"),
        ):
            warehouse.run(f"UPDATE {table} SET {size} = ? WHERE {key} IN (?, ?)", [str(9 * GIGABYTE), *names[:2]])
    code, said = told(workbench, growth)
    assert (code, said["reasons"]) == (1, ["files need 18.0 GB, and growth stores 16 GB for 8 users"])
    _, files, plan = said["cuts"]
    assert (files["is_enough"], files["gigabytes"], plan["is_enough"]) == (True, 0, True)
    attachments = "mappings/objects/attachment.toml"
    write(growth, 'hold_reason IS NULL"', f'hold_reason IS NULL AND NOT {large}"', attachments)
    left_out = growth.folder / "mappings" / "objects" / "large_attachments.toml"
    left_out.write_text(
        'kind = "left_out"\nreason = "too large"\ntitle = "Large attachments"\n\n[source]\nfrom = "attachments"\n'
        f'where = "{large}"\n',
        "utf-8",
    )
    stage_again(growth)
    code, after = told(workbench, growth)
    assert (code, after["records"]) == (0, said["records"] - 2)
    assert files["load_and_verify_h"] == round(after["phase_hours"]["load"] + after["phase_hours"]["verify"], 2)


@pytest.mark.parametrize("policy", sorted({"recent:24m", history_setting(24)}))
def test_what_a_policy_about_history_leaves_is_foreseen(growth: Practice, policy: str) -> None:
    settings, mappings = growth.settings, growth.mappings
    with counting(settings, mappings) as (warehouse, _):
        recent, condensed = (
            count_figures(warehouse, settings, mappings, rows=selected(mappings, months=24, condensed=one))
            for one in (False, True)
        )
        whole = count_figures(warehouse, settings, mappings)
    write(growth, 'history = "all"', f'history = "{policy}"')
    stage_again(growth)
    found, foreseen = forecast(growth.settings, growth.mappings).figures, recent if "recent" in policy else condensed
    assert {name: found.total(name) for name in PHASES} == {name: foreseen.total(name) for name in PHASES}
    assert recent.total("records") < condensed.total("records") < whole.total("records")


def test_the_forecast_proposes_a_policy_about_history_and_decides_nothing(
    workbench: Workbench, growth: Practice
) -> None:
    assert told(workbench, growth)[1]["history"] == {
        "now": "all",
        "proposed": "all",
        "why": "what moves now is in time; nothing has to be left",
    }
    slow_down(growth)
    before = (growth.folder / "migration.toml").read_bytes()
    proposed = told(workbench, growth)[1]["history"]["proposed"]
    assert (growth.folder / "migration.toml").read_bytes() == before
    write(growth, 'history = "all"', f'history = "{proposed}"')
    assert read_settings(growth.folder)["policy.history"] == proposed != "all"


def test_a_real_target_is_not_begun_with_what_cannot_be_undone_in_time(growth: Practice) -> None:
    slow_down(growth)
    made = forecast(growth.settings, growth.mappings)
    assert "cannot be done on growth" in require_in_time(growth.settings, made)
    with pytest.raises(SetupMissing, match=r"a rollback takes 48\.5 h, and there are 48 h(?s:.*)Nothing was written"):
        require_in_time(read_settings(growth.folder, "freshsales"), made)


def test_before_staging_the_rows_that_mappings_claim_are_counted_and_nothing_stays(
    workbench: Workbench, growth: Practice
) -> None:
    staged = told(workbench, growth)[1]
    states = count_by_practice(growth.settings)
    stopped = states.filter(states["told"].is_in(["held", "deferred"]))["rows"].sum()
    with open_warehouse(growth.settings.warehouse, write=True) as warehouse:
        for schema in ("staged", "checked"):
            for name in warehouse.tables(schema):
                warehouse.run(f"DROP TABLE {schema}.{name}")
    code, said = told(workbench, growth)
    assert (code, staged["counted"], said["counted"]) == (0, "checked rows", "source rows")
    write(growth, 'history = "all"', f'history = "{history_setting(24)}"')
    assert told(workbench, growth)[1]["records"] < said["records"]
    with open_warehouse(growth.settings.warehouse) as warehouse:
        assert warehouse.tables("staged") == []
    assert staged["records"] < said["records"] <= staged["records"] + stopped
    assert said["readings"][0] == "counted are source rows; what checks will hold is counted, too"
    assert [one["mapping"] for one in said["mappings"]] == [one["mapping"] for one in staged["mappings"]]


def test_the_grade_tells_its_reasons_and_both_counts_of_objects(workbench: Workbench, ready: Practice) -> None:
    said = told(workbench, ready)[1]
    assert (said["objects"]["need_a_mapping"], said["objects"]["rebuilt_by_hand"]) == (
        2,
        2,
    )  # contacts and notes are shared
    assert sum(said["objects"].values()) == len(ready.mappings.sources)
    grades = {one["factor"]: one["grade"] for one in said["factors"]}
    assert set(grades) == {"objects", "fields", "API limits", "volume"}
    assert said["grade"] == max(grades.values())
    assert (grades["objects"], grades["API limits"], grades["volume"]) == ("B", "A", "A")
    assert not said["scoped_individually"]
