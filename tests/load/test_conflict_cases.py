"""One test a row of the table of later deliveries: what the source did since the last one, and what a person did."""

import pytest
from redelivered import drop_row, listed, patient, restage

from workbench.ledger.operations import operations_of


@pytest.mark.parametrize(
    ("source", "person", "stays", "counts", "conflicts"),
    [
        pytest.param(None, None, "as loaded", {}, [], id="neither changed: nothing"),
        pytest.param("Elgin", None, "Elgin", {"updated": 1}, [], id="the source changed: its value is written"),
        pytest.param(None, "Reno", "Reno", {}, [], id="a person changed: theirs stays"),
        pytest.param("Reno", "Reno", "Reno", {"unchanged": 1}, [], id="both to the same value: agreed"),
        pytest.param(
            "Elgin", "Reno", "Reno", {"unchanged": 1}, [("destination", "kept", "Elgin", "Reno")], id="both: theirs"
        ),
    ],
)
def test_a_field_ends_as_the_table_says(loaded, source, person, stays, counts, conflicts):  # noqa: PLR0917
    rehearsal, source_id, number = loaded
    first = patient(rehearsal, number)["city"]
    if person:
        rehearsal.admin("edit", {"entity": "contacts", "id": number, "changes": {"city": person}})
    if source:
        restage(rehearsal, "patient", source_id, city=source)
    assert rehearsal.load(rehearsal.few(2, 1)).counts == ({"patient": counts} if counts else {})
    assert patient(rehearsal, number)["city"] == (first if stays == "as loaded" else stays)
    name = f"contacts/{source_id}/city"
    assert listed(rehearsal) == [(name, policy, act, first, ours, theirs) for policy, act, ours, theirs in conflicts]
    if source and source == person:
        with rehearsal.session() as session:
            assert (
                operations_of(session.ledger, "contacts", source_id)[-1].reason == "agreed with what a user wrote: city"
            )


def test_what_a_person_changed_stays_and_is_listed_when_the_row_is_gone(loaded):
    rehearsal, source_id, number = loaded
    rehearsal.admin("edit", {"entity": "contacts", "id": number, "changes": {"city": "Reno"}})
    first = drop_row(rehearsal, source_id)
    assert first["staged.patient"]
    rehearsal.load(rehearsal.few(2, 1))
    assert patient(rehearsal, number)["city"] == "Reno"
    assert [(one[0], one[2], one[4], one[5]) for one in listed(rehearsal)] == [
        (f"contacts/{source_id}/city", "removed", None, "Reno")
    ]


def test_a_record_that_a_person_deleted_stays_deleted_and_is_listed_when_the_source_changed(loaded):
    rehearsal, source_id, number = loaded
    rehearsal.admin("delete", {"entity": "contacts", "id": number})
    restage(rehearsal, "patient", source_id, city="Elgin")
    rehearsal.load(rehearsal.few(2, 1))
    assert number not in {one["id"] for one in rehearsal.state()["contacts"]}
    assert [(one[0], one[2]) for one in listed(rehearsal)] == [(f"contacts/{source_id}/(record)", "gone")]
