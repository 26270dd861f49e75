"""What SQL makes of staged rows: typed fields with the tenant's ids, and the very record that `shape` makes of them."""

from __future__ import annotations

import orjson
import pytest
from loads import Rehearsal

from workbench.errors import SetupMissing
from workbench.freshsales.shapes import shape
from workbench.ledger.plans import Plan, PlannedRow
from workbench.load.payload import Payload, frozen_payloads
from workbench.load.session import Resolver
from workbench.vocabulary import Operation
from workbench.warehouse import open_warehouse

BULK = ("practice", "referring_practice", "patient", "prospect", "referring_dentist")


def payloads(rehearsal: Rehearsal, name: str, live: dict[str, tuple[str, int]]) -> dict[str, Payload]:
    mapping = rehearsal.mappings[name]
    with open_warehouse(rehearsal.practice.settings.warehouse) as warehouse:
        ids = [row[0] for row in warehouse.run(f"SELECT source_id FROM staged.{name}")]
        [(stamp,)] = warehouse.run("SELECT stamp FROM staged.stamp")
    rows = [PlannedRow(n, name, mapping.source_object, one, Operation.CREATE, "") for n, one in enumerate(ids)]
    with rehearsal.session() as session:
        return frozen_payloads(session, Plan(0, "", stamp, "load", {}), mapping, rows, Resolver(session.schema, live))


def everything(rehearsal: Rehearsal) -> dict[str, tuple[str, int]]:
    """Every staged row as if it were there."""
    live: dict[str, tuple[str, int]] = {}
    with open_warehouse(rehearsal.practice.settings.warehouse) as warehouse:
        for mapping in rehearsal.mappings.objects:
            if warehouse.has(f"staged.{mapping.name}"):
                for (one,) in warehouse.run(f"SELECT source_id FROM staged.{mapping.name}"):
                    live[f"{mapping.source_object}/{one}"] = (mapping.destination, 1_000 + len(live))
    return live


@pytest.mark.parametrize("name", BULK)
def test_a_record_that_goes_in_bulk_is_what_shape_makes_of_its_fields(rehearsal: Rehearsal, name: str) -> None:
    made = payloads(rehearsal, name, everything(rehearsal))
    assert made
    destination = rehearsal.mappings[name].destination
    alone = 0
    for one in made.values():
        if one.record is None:
            alone += 1
            assert one.fields["emails_more"]
        else:
            assert orjson.loads(one.record) == orjson.loads(orjson.dumps(shape(destination, one.fields)))
    assert alone < len(made)


def test_fields_have_the_types_that_freshsales_takes(rehearsal: Rehearsal) -> None:
    live = everything(rehearsal)
    patients = payloads(rehearsal, "patient", live)
    first = next(one.fields for one in patients.values() if one.fields.get("phone_numbers"))
    assert isinstance(first["subscription_status"], int) and isinstance(first["lifecycle_stage_id"], int)
    assert isinstance(first["phone_numbers"], list) and first["phone_numbers"][0]["label"]
    assert isinstance(first["owner_id"], int)
    cases = {key: one for key, one in payloads(rehearsal, "treatment_case", live).items() if not one.missing}
    assert cases
    assert all(one.fields["contact"] == live[_contact(rehearsal, key)][1] for key, one in cases.items())
    notes = [one for one in payloads(rehearsal, "note", live).values() if not one.missing]
    assert {type(one.fields["target"]) for one in notes} == {tuple}
    assert {one.fields["target"][0] for one in notes} <= {"account", "contact", "deal", "lead"}


def _contact(rehearsal: Rehearsal, case: str) -> str:
    with open_warehouse(rehearsal.practice.settings.warehouse) as warehouse:
        return str(warehouse.run("SELECT contact FROM staged.treatment_case WHERE source_id = ?", [case])[0][0])


def test_a_required_link_without_a_record_is_named(rehearsal: Rehearsal) -> None:
    cases = payloads(rehearsal, "treatment_case", {})
    assert cases
    for key, one in cases.items():
        assert one.missing == (_contact(rehearsal, key),)
        assert "contact" not in one.fields


def test_the_fingerprint_is_completed_by_ids_alone(rehearsal: Rehearsal) -> None:
    live = everything(rehearsal)
    before, same = payloads(rehearsal, "patient", live), payloads(rehearsal, "patient", dict(live))
    moved = {key: (kind, number + 1) for key, (kind, number) in live.items()}
    after = payloads(rehearsal, "patient", moved)
    assert {key: one.completed for key, one in before.items()} == {key: one.completed for key, one in same.items()}
    linked = {key for key, one in before.items() if "account" in one.fields}
    assert linked
    assert {key for key, one in after.items() if one.completed != before[key].completed} == linked


def test_an_entry_that_the_tenant_lacks_stops_with_its_name(rehearsal: Rehearsal) -> None:
    mapping = rehearsal.mappings["practice"]
    with rehearsal.session() as session:
        session.schema.industry_types.clear()
        with open_warehouse(rehearsal.practice.settings.warehouse) as warehouse:
            [(one, stamp)] = warehouse.run("SELECT source_id, stamp FROM staged.practice, staged.stamp LIMIT 1")
        plan = Plan(0, "", stamp, "load", {})
        row = PlannedRow(0, "practice", mapping.source_object, one, Operation.CREATE, "")
        with pytest.raises(
            SetupMissing, match=r"no industry types entry 'Healthcare / Dental'. Run notebooks/40_setup"
        ):
            frozen_payloads(session, plan, mapping, [row], Resolver(session.schema, {}))
