from __future__ import annotations

import csv
import json
import re
from html import unescape

import pytest
from attacker import computed
from canaries import patients_of, scan
from commands import Journey, run_journey, workbench
from foreign import without_empty
from rights import open_to_others
from truth import Tenant, mismatches, rejected_records

from workbench.journey.record import open_run_ledger
from workbench.journey.steps import STEPS
from workbench.ledger.plans import last_plan
from workbench.mapping.files import read_mappings
from workbench.warehouse import open_warehouse

FATES = ("created", "updated", "unchanged", "held", "rejected", "excluded", "deferred")
ROWS = {
    1: "patient",
    2: "prospect",
    3: "referring_dentist",
    4: "practice",
    5: "treatment_case",
    6: "pipeline",
    7: "appointment",
    8: "note",
    12: "owner",
    13: "attachment",
}
REASONS = {
    "no_file": {"a row without its file"},
    "empty_file": {"the file is empty"},
    "climbing_path": {"its path leaves the delivery"},
    "duplicate_employer": {"employer names 2 practices"},
    "time": {"time", "has no from_date"},
}
"""How the workbench words the truth's reasons, where it does not name the same rule or field."""


@pytest.fixture(scope="module")
def tenant(journey: Journey) -> Tenant:
    return Tenant(journey.practice.base_url)


@pytest.fixture(scope="module")
def truth(journey: Journey) -> dict:
    return json.loads(journey.practice.truth.read_text())


@pytest.fixture(scope="module")
def foreign(journey: Journey) -> list[dict]:
    return json.loads(journey.practice.foreign.read_text())["records"]


def test_the_journey_ends_reconciled_with_nothing_left_to_write(journey):
    summary = journey.summary
    assert (summary["reconciled"], summary["differences"], summary["zero_write"]) == (True, 0, True)


def test_every_table_that_a_notebook_promises_stands_on_its_page(journey):
    for page, captions in {
        "10_take_snapshot": ("Columns that are new, missing or renamed", "Records against the last snapshot"),
        "30_suggest": ("Proposals by value map", "Left for people"),
        "36_approve": ("Spellings by value map", "Mapping approval"),
    }.items():
        html = unescape((journey.folder / f"{page}.html").read_text("utf-8"))
        assert [caption for caption in captions if caption not in html] == [], page


def test_every_source_row_of_every_mapping_has_one_fate(journey):
    mappings = journey.summary["mappings"]
    assert {name: sum(one[fate] for fate in FATES) for name, one in mappings.items()} == {
        name: one["source"] for name, one in mappings.items()
    }
    assert set(ROWS.values()) <= set(mappings)


def test_the_forecast_is_within_a_tenth_of_the_calls_that_were_counted_by_mapping(journey):
    said = workbench("forecast", "--migration", str(journey.practice.folder), "--json")
    assert said.returncode == 0, said.stderr
    foreseen = json.loads(said.stdout)
    counted = json.loads((journey.folder / "calls.json").read_text())
    loads = {one["mapping"]: one["load"] for one in foreseen["mappings"]}
    assert {
        name: (loads[name], calls) for name, calls in counted.items() if abs(loads[name] - calls) > calls / 10
    } == {}
    assert set(loads) == {name for name, calls in counted.items() if calls}
    reconciled = json.loads((journey.folder / "80_reconcile.json").read_text())["reading_calls"]
    settings = journey.practice.settings
    ledger = open_run_ledger(settings)
    sample = last_plan(ledger, journey.folder.name, "sample")
    ledger.engine.dispose()
    addressed = {
        one.name for one in read_mappings(settings).objects if one.kind == "record" and one.destination != "note"
    }
    again = sum(sum(rows.values()) - rows.get("defer", 0) for name, rows in sample.counts.items() if name in addressed)
    assert abs(foreseen["verify"] / (sum(reconciled.values()) + again) - 1) < 0.1


def test_every_record_equals_the_truth_field_by_field(journey, tenant, truth):
    assert mismatches(truth, tenant, journey.practice.open_spellings()) == []


def test_about_a_twentieth_of_the_practice_stood_in_the_tenant_already(journey, foreign):
    mappings = journey.summary["mappings"]
    rows = sum(
        mappings[name]["source"]
        for name in ("practice", "patient", "prospect", "referring_dentist", "unclaimed_contacts")
    )
    already = [one for one in foreign if one["fate"] != "stranger"]
    assert 0.04 <= len(already) / rows <= 0.06
    assert {one["destination"] for one in already} == {"account", "contact", "lead"}
    assert sum(len(journey.before[name]) for name in ("sales_accounts", "contacts", "deals")) == len(foreign)


def test_what_is_surely_a_row_is_adopted_and_what_may_be_one_waits_for_a_person(journey, truth, foreign):
    with (journey.practice.settings.own_decisions / "existing.csv").open(newline="") as file:
        decided = {row["source_value"]: row["decision"] for row in csv.DictReader(file)}
    fates = {"adopted": "map", "held": "ask"}
    assert decided == {one["source"]: fates[one["fate"]] for one in foreign if one["fate"] in fates}
    adopted = {f"{one['source_object']}/{one['source_id']}" for one in truth["records"] if one.get("adopted")}
    held = {f"{one['source_object']}/{one['source_id']}" for one in truth["held"] if one["reason"] == "existing"}
    assert (adopted, held) == tuple({one["source"] for one in foreign if one["fate"] == fate} for fate in fates)
    assert sum(one["updated"] for one in journey.summary["mappings"].values()) == len(adopted)
    assert {one["waits_for"] for one in truth["deferred"]} & held


def test_an_adopted_record_keeps_its_id_and_gets_the_source_id(journey, tenant, foreign):
    adopted = {one["source"].partition("/")[2] for one in foreign if one["fate"] == "adopted"}
    records = [one for name in ("sales_accounts", "contacts") for one in tenant.state[name]]
    before = {one["id"] for name in ("sales_accounts", "contacts") for one in journey.before[name]}
    ours = {one["custom_field"].get("cf_source_system_id") for one in records if one["id"] in before}
    assert ours - {None} == adopted


def test_what_others_put_there_is_the_same_to_the_byte(journey, tenant, truth):
    adopted = {one["source_id"] for one in truth["records"] if one.get("adopted")}
    left = 0
    for name in ("sales_accounts", "contacts", "deals"):
        now = {one["id"]: without_empty(one) for one in tenant.state[name]}
        for record in journey.before[name]:
            if now[record["id"]]["custom_field"].get("cf_source_system_id") not in adopted:
                assert json.dumps(now[record["id"]]) == json.dumps(without_empty(record))
                left += 1
    assert left == len(truth["untouched"])


@pytest.mark.parametrize(("row", "mapping"), ROWS.items())
def test_each_row_of_the_brief_arrives(journey, row, mapping):
    fates = journey.summary["mappings"][mapping]
    assert fates["created"] + fates["unchanged"] > 0, f"row {row}"


def test_records_rejected_at_the_door_are_those_of_the_truth_with_lines_and_reasons(journey, truth):
    with open_warehouse(journey.practice.settings.warehouse) as warehouse:
        found = warehouse.run(
            "SELECT object, file, first_line, last_line, reason, coalesce(source_id, '') FROM raw.rejected ORDER BY ALL"
        )
        counted = warehouse.run("SELECT file FROM raw.files WHERE rows_counted <> rows_landed + rows_rejected")
    assert found == rejected_records(truth)
    assert counted == []


def test_held_rows_are_those_of_the_truth_with_its_reasons(journey, truth):
    with open_warehouse(journey.practice.settings.warehouse) as warehouse:
        said = warehouse.run("SELECT source_object, source_id, rule, field, message FROM checked.held")
    found: dict[tuple[str, str], set[str]] = {}
    for source_object, source_id, rule, field, message in said:
        if source_object != "users":  # owners without a seat: a matter of decisions
            found.setdefault((source_object, source_id), set()).update((rule, field, message))
    truth_says = {(one["source_object"], one["source_id"]): one["reason"] for one in truth["held"]}
    assert found.keys() == truth_says.keys()
    assert {key: reason for key, reason in truth_says.items() if not REASONS.get(reason, {reason}) & found[key]} == {}


def test_every_planted_reading_is_found(journey, truth):
    with open_warehouse(journey.practice.settings.warehouse) as warehouse:
        orders = dict(warehouse.run('SELECT object || \'.\' || "column", "order" FROM profile.readings'))
    assert set(truth["readings"].values()) == {"month first", "day first", "decimal comma"}
    assert {column: orders[column] for column in truth["readings"]} == truth["readings"]


def test_rows_held_excluded_and_deferred_are_those_of_the_truth(journey, truth):
    fates = {
        name: one
        for name, one in journey.summary["mappings"].items()
        if name != "owner" and not name.startswith("rebuilt_")
    }
    assert sum(one["held"] for one in fates.values()) == len(truth["held"])
    assert sum(one["excluded"] for one in fates.values()) == len(truth["excluded"])
    assert sum(one["deferred"] for one in fates.values()) == len(truth["deferred"])


def test_no_more_than_a_fifth_of_carrier_rows_stays_open(journey, truth):
    open_spellings = journey.practice.open_spellings()
    columns = (
        ("contacts", "cf_insurance_carrier"),
        ("contacts", "cf_insurance_carrier_secondary"),
        ("cases", "cf_insurance_carrier"),
    )
    with open_warehouse(journey.practice.settings.warehouse) as warehouse:
        written = [
            cell.strip()
            for table, column in columns
            for (cell,) in warehouse.run(f"SELECT {column} FROM profile.read_{table} WHERE trim({column}) <> ''")
        ]
    left = sum(cell in open_spellings for cell in written)
    print(f"{left} of {len(written)} carrier rows are open: {sorted(open_spellings)}")
    assert 0 < left <= len(written) / 5


def test_no_patient_gets_a_message(journey):
    assert journey.summary["messages_to_patients"] == 0


def test_every_notebook_leaves_a_page_and_a_record(journey):
    names = [name for notebooks in STEPS.values() for name in notebooks]
    assert [name for name in names if not (journey.folder / f"{name}.html").is_file()] == []
    assert [name for name in names if not (journey.folder / f"{name}.json").is_file()] == []
    assert "Reconciled" in (journey.folder / "index.html").read_text()


def test_pages_hold_no_code_and_no_patient(journey, foreign):
    columns = ("email", "phone_mobile", "date_of_birth", "cf_member_id")
    with open_warehouse(journey.practice.settings.warehouse) as warehouse:
        people = warehouse.run(f"SELECT first_name || ' ' || last_name, {', '.join(columns)} FROM raw.contacts")
    secrets = {one for row in people for one in row[1:] if one and len(one) > 7} - {
        "12/30/1899",
        "1900-01-00",
        "0001-01-01",
        "9999-12-31",
    }
    names = {row[0] for row in people if row[0]}
    theirs = [one["fields"] for one in foreign if one["destination"] != "account"]
    secrets |= {one[name] for one in theirs for name in ("email", "mobile_number") if name in one}
    names |= {f"{one['first_name']} {one['last_name']}" for one in theirs if "last_name" in one}
    for page in [
        *journey.folder.glob("*.html"),
        *journey.folder.glob("*.json"),
        journey.folder / "log.jsonl",
        *journey.folder.glob("batches/*.csv"),
    ]:
        text = page.read_text()
        assert [one for one in [*secrets, *names] if one in text] == [], page.name
        if page.suffix == ".html":
            assert "import " not in re.sub(r"<style.*?</style>", "", text, flags=re.DOTALL), page.name


def test_a_rehearsal_leaves_the_decision_files_alone(journey):
    values = sorted(path.name for path in (journey.practice.folder / "mappings" / "values").iterdir())
    assert values == ["contact_route.csv"]
    assert not (journey.practice.folder / "mappings" / "approvals.jsonl").exists()


def test_the_audit_chain_is_unbroken(journey):
    checked = workbench("verify-log", "--migration", str(journey.practice.folder))
    assert (checked.returncode, "unbroken" in checked.stdout) == (0, True)


def test_no_file_of_the_journey_holds_a_value_of_a_patient(journey):
    canaries = patients_of(journey.practice.settings.warehouse)
    assert len(canaries) > 60
    assert scan(journey.practice.folder, canaries) == []


def test_reviewers_read_the_values_of_the_sample_in_one_folder_and_a_page_says_where(journey):
    review = journey.folder / "review"
    assert {"70_sample.html", "70_sample-patient.html", "70_sample-treatment_case.html"} <= {
        path.name for path in review.iterdir()
    }
    assert scan(review, patients_of(journey.practice.settings.warehouse, people=150), leave={})
    place = review.relative_to(journey.practice.folder).as_posix()
    assert (
        f"for Ann Lee and Bob Ray: <code>{place}/70_sample.html</code>"
        in (journey.folder / "70_sample.html").read_text()
    )
    assert "No record differs, so there is no page with values" in (journey.folder / "80_reconcile.html").read_text()


def test_the_page_for_anybody_names_no_person_practice_or_row(journey):
    html = (journey.folder / "public.html").read_text()
    text = re.sub(r"<style.*?</style>|<[^>]+>", " ", html, flags=re.DOTALL)
    with open_warehouse(journey.practice.settings.warehouse) as warehouse:
        named = warehouse.run(
            "SELECT full_name FROM raw.users UNION SELECT email FROM raw.users UNION SELECT"
            " company_name FROM raw.companies UNION SELECT first_name || ' ' || last_name FROM raw.contacts UNION SELECT"
            " contact_id FROM raw.contacts UNION SELECT case_id FROM raw.cases UNION SELECT company_id FROM raw.companies"
        )
    words = {str(one).strip() for (one,) in named if one and len(str(one).strip()) > 3}
    words |= {"Ann Lee", "Bob Ray"}
    assert "<title>What was moved</title>" in html
    assert [one for one in words if re.search(rf"\b{re.escape(one)}\b", text)] == []
    rows = re.findall(r"<tr>(.*?)</tr>", html.partition('<table class="moved">')[2].partition("</table>")[0], re.DOTALL)
    counts = [[unescape(one) for one in re.findall(r"<td[^>]*>(.*?)</td>", row)] for row in rows]
    assert computed([row for row in counts if row], total=True, last=True) == {}


def test_no_file_of_the_journey_is_open_to_others(journey):
    assert open_to_others(journey.practice.folder) == []


def test_running_again_finds_every_step_green(journey):
    again = workbench("status", "--migration", str(journey.practice.folder), "--json")
    assert set(json.loads(again.stdout)["steps"].values()) == {"green"}


def test_a_delta_with_nothing_newer_leaves_every_figure_as_it_was(journey):
    before = journey.summary["mappings"]
    assert run_journey(journey.practice, "--from", "delta").summary["mappings"] == before


def test_explain_tells_what_one_record_went_through(journey, truth):
    one = next(record for record in truth["records"] if record["destination"] == "deal")
    told = workbench(
        "explain", one["source_object"], one["source_id"], "--migration", str(journey.practice.folder), "--json"
    )
    answer = json.loads(told.stdout)
    assert answer["mapping"] == "treatment_case"
    assert [step["state"] for step in answer["operations"]][:1] == ["intended"]
    assert answer["operations"][-1]["state"] == "applied"
