"""Mapping a column by the editor: one change in one file, read before it is kept, undone byte for byte, and no hand edit lost."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from little import OBJECTS, Little, make_little

from workbench.editors.field_decisions import FieldDecisions
from workbench.editors.grid import FieldPanel
from workbench.editors.panels import edit_fields
from workbench.editors.trial import Payload, changed_fields, fill_field, say_of_column, take_out
from workbench.ledger.store import open_ledger
from workbench.ledger.tables import audit
from workbench.mapping.files import read_mappings
from workbench.privacy import mask

HEADER = "person_id,last_name,practice_id,cell_phone,hobby,soc_sec_no,dob\n"
ROWS = "C1,Lund,P1,(312) 555-0143,sailing,123-45-6789,1980-02-03\nC2,Reyes,,773 555 0188,,,\n"
SECRETS = ("Lund", "Reyes", "0143", "123-45-6789", "sailing", "1980")
PERSON = "mappings/objects/person.toml"
CUSTOM = "mappings/custom_fields/contacts.toml"


@pytest.fixture
def little(tmp_path: Path) -> Little:
    made = make_little(tmp_path)
    made.land(people=HEADER + ROWS)
    return made


@pytest.fixture
def desk(little: Little) -> FieldDecisions:
    return FieldDecisions(little.settings, "person", by="Ana")


def text(desk: FieldDecisions, name: str = PERSON) -> str:
    return (desk.settings.folder / name).read_text("utf-8")


def number(desk: FieldDecisions, column: str) -> int:
    return next(place for place, one in enumerate(desk.columns) if one.name == column)


def line(desk: FieldDecisions, column: str) -> dict[str, Any]:
    return next(one for one in desk.lines() if one["column"] == column)


def spec(desk: FieldDecisions, name: str, section: str = "fields") -> dict[str, Any]:
    return dict(tomllib.loads(text(desk)).get(section, {})).get(name)


def test_columns_without_a_fate_stand_first_with_shapes_and_never_a_value(desk: FieldDecisions) -> None:
    lines = desk.lines()
    assert [one["column"] for one in lines[:4]] == ["cell_phone", "hobby", "soc_sec_no", "dob"]
    assert line(desk, "cell_phone")["samples"] == ["(999) 999-9999", "999 999 9999"]
    assert not [secret for secret in SECRETS if secret in repr(lines)]
    assert desk.progress() == {"columns": 7, "decided": 3, "undo": 0, "redo": 0}


def test_a_sensitive_column_is_proposed_to_no_field(desk: FieldDecisions) -> None:
    assert line(desk, "soc_sec_no")["candidates"] == []
    told = desk.accept(number(desk, "soc_sec_no"))
    assert told.startswith("Nothing is proposed")
    assert text(desk) == OBJECTS["person"]


def test_accepting_fills_the_field_by_the_transform_that_was_shown_and_changes_one_line(desk: FieldDecisions) -> None:
    best = line(desk, "cell_phone")["candidates"][0]
    assert (best["field"], best["transform"]) == ("mobile_number", "phone")
    desk.accept(number(desk, "cell_phone"))
    assert spec(desk, "mobile_number") == {"from": "cell_phone", "via": "phone"}
    before, after = OBJECTS["person"].splitlines(), text(desk).splitlines()
    assert [one for one in after if one not in before] == ['mobile_number = { from = "cell_phone", via = "phone" }']
    assert [one for one in before if one not in after] == []


def test_a_new_custom_field_is_defined_too_and_goes_again_when_nothing_fills_it(desk: FieldDecisions) -> None:
    before = text(desk), text(desk, CUSTOM)
    assert "hobby" in desk.map(number(desk, "hobby"), "cf_hobby")
    assert tomllib.loads(text(desk, CUSTOM))["cf_hobby"] == {"label": "Hobby", "type": "text", "rank": "nice"}
    assert read_mappings(desk.settings)["person"].fields["cf_hobby"].columns == ("hobby",)
    desk.take_out(number(desk, "hobby"))
    assert (text(desk), text(desk, CUSTOM)) == before


def test_what_is_filled_so_already_is_told_and_nothing_else_of_it_is_lost(little: Little) -> None:
    little.land(people="person_id,last_name,practice_id,cell_phone,night_phone\nC1,Lund,P1,,(312) 555-0143\n")
    desk = FieldDecisions(little.settings, "person")
    desk.accept(number(desk, "cell_phone"))
    before = text(desk)
    assert (
        desk.accept(number(desk, "cell_phone"))
        == "mobile_number is filled by cell_phone so already.\nNothing was changed."
    )
    assert desk.map(number(desk, "cell_phone"), "mobile_number") == "It stands so already."
    assert text(desk) == before
    desk.map(number(desk, "night_phone"), "mobile_number")
    desk.map(number(desk, "night_phone"), "mobile_number", "text")
    assert spec(desk, "mobile_number") == {"from": ["cell_phone", "night_phone"], "via": "text"}


def test_a_mapped_column_fills_what_is_typed_instead_and_two_fields_when_two_are_typed(desk: FieldDecisions) -> None:
    desk.map(number(desk, "hobby"), "cf_hobby")
    told = desk.map(number(desk, "hobby"), "city")
    assert told == "people.hobby: city. Taken out: cf_hobby."
    assert (spec(desk, "cf_hobby"), "cf_hobby" in text(desk, CUSTOM)) == (None, False)
    desk.map(number(desk, "hobby"), "city, cf_hobby")
    assert (spec(desk, "city"), spec(desk, "cf_hobby")) == ({"from": "hobby"}, {"from": "hobby"})
    desk.undo()
    assert (spec(desk, "city"), spec(desk, "cf_hobby")) == ({"from": "hobby"}, None)


def test_a_new_custom_field_is_called_so_and_what_is_taken_out_is_named(desk: FieldDecisions) -> None:
    told = desk.map(number(desk, "hobby"), "cf_hobby")
    assert told == "people.hobby: cf_hobby. cf_hobby: a new custom field, defined in mappings/custom_fields."
    assert desk.take_out(number(desk, "hobby")) == "people.hobby: nothing reads it. Taken out: cf_hobby."
    desk.leave_out(number(desk, "dob"), "not needed")
    assert desk.take_out(number(desk, "dob")) == "people.dob: nothing reads it. Taken out: the reason 'not needed'."


def test_a_transform_that_makes_another_kind_of_value_than_the_field_takes_is_told(desk: FieldDecisions) -> None:
    desk.map(number(desk, "dob"), "cf_born", "day")
    before = text(desk)
    told = desk.change_transform(number(desk, "dob"), "money")
    assert told.startswith("cf_born is a date field, and money makes a money; day, local_day would fit.")
    assert text(desk) == before
    desk.map(number(desk, "hobby"), "cf_hobby")
    told = desk.change_transform(number(desk, "hobby"), "integer")
    assert told == "people.hobby: cf_hobby. cf_hobby is a text field: the number that integer makes is sent as a text."


def test_undo_gives_back_every_byte_and_redo_does_it_again(desk: FieldDecisions) -> None:
    before = text(desk), text(desk, CUSTOM)
    desk.map(number(desk, "hobby"), "cf_hobby")
    desk.leave_out(number(desk, "dob"), "identifier, minimum necessary")
    after = text(desk), text(desk, CUSTOM)
    assert (desk.undo(), desk.undo()) == ("Taken back.", "Taken back.")
    assert (text(desk), text(desk, CUSTOM)) == before
    assert (desk.redo(), desk.redo(), desk.redo()) == ("Done again.", "Done again.", "There is nothing to redo.")
    assert (text(desk), text(desk, CUSTOM)) == after


def test_a_column_left_out_has_its_reason_and_a_blank_reason_leaves_nothing_out(desk: FieldDecisions) -> None:
    assert "needs a reason" in desk.leave_out(number(desk, "hobby"), "  ")
    assert text(desk) == OBJECTS["person"]
    desk.leave_out(number(desk, "hobby"), "nobody asks for it")
    assert spec(desk, "hobby", "ignored") == "nobody asks for it"
    assert line(desk, "hobby")["fate"] == "ignored"


def test_what_a_column_tells_of_a_patient_is_suggested_and_decided_in_the_file(desk: FieldDecisions) -> None:
    assert (line(desk, "cell_phone")["sensitivity"], line(desk, "hobby")["sensitivity"]) == ("direct", "none")
    desk.decide_sensitivity(number(desk, "hobby"), "health")
    assert spec(desk, "hobby", "sensitivity") == "health"
    assert line(desk, "hobby")["sensitivity"] == "health"
    assert "one of none, quasi, direct, health" in desk.decide_sensitivity(number(desk, "hobby"), "secret")
    assert spec(desk, "hobby", "sensitivity") == "health"


def test_what_was_left_out_moves_when_it_is_mapped_later(desk: FieldDecisions) -> None:
    desk.leave_out(number(desk, "cell_phone"), "nobody asks for it")
    desk.accept(number(desk, "cell_phone"))
    assert spec(desk, "cell_phone", "ignored") is None
    assert line(desk, "cell_phone")["becomes"] == "mobile_number"


def test_a_second_phone_stands_behind_the_first_and_the_first_filled_is_taken(little: Little) -> None:
    little.land(people="person_id,last_name,practice_id,cell_phone,night_phone\nC1,Lund,P1,,(312) 555-0143\n")
    desk = FieldDecisions(little.settings, "person")
    desk.map(number(desk, "cell_phone"), "mobile_number", "phone")
    desk.map(number(desk, "night_phone"), "mobile_number")
    assert spec(desk, "mobile_number") == {"from": ["cell_phone", "night_phone"], "via": "phone"}
    desk.take_out(number(desk, "cell_phone"))
    assert spec(desk, "mobile_number") == {"from": "night_phone", "via": "phone"}


def test_a_link_that_is_filled_already_is_not_filled_twice(desk: FieldDecisions) -> None:
    told = desk.map(number(desk, "hobby"), "account")
    assert "account is filled already, by practice_id" in told
    assert text(desk) == OBJECTS["person"]


@pytest.mark.parametrize(
    ("name", "via", "told"),
    [
        ("Hobby Name", "", "Freshsales has no such field"),
        ("cf_Hobby", "", "define it in"),
        ("city", "nonsense", "no transform named 'nonsense'"),
        ("city", "end_time", "end_time takes 4 columns, not 1"),
    ],
)
def test_what_the_files_would_not_be_read_with_is_told_and_not_written(
    desk: FieldDecisions, name: str, via: str, told: str
) -> None:
    before = text(desk), text(desk, CUSTOM)
    answer = desk.map(number(desk, "hobby"), name, via)
    assert told in answer
    assert answer.endswith("Nothing was changed.")
    assert (text(desk), text(desk, CUSTOM)) == before
    assert desk.progress()["undo"] == 0


def test_a_column_that_the_source_select_does_not_yield_is_told_by_name(little: Little) -> None:
    little.source(
        "people", "-- object: people\n-- key: person_id\nSELECT person_id, last_name, practice_id FROM raw.people\n"
    )
    desk = FieldDecisions(little.settings, "person")
    told = desk.map(number(desk, "hobby"), "cf_hobby")
    assert "people.sql yields no column 'hobby'" in told
    assert text(desk) == OBJECTS["person"]


def test_another_transform_keeps_the_comment_beside_the_field(desk: FieldDecisions) -> None:
    by_hand = text(desk).replace(
        "cf_source_system_id =", 'city = { from = "hobby" }   # asked by Ana\ncf_source_system_id ='
    )
    (desk.settings.folder / PERSON).write_text(by_hand, "utf-8")
    desk.refresh()
    desk.change_transform(number(desk, "hobby"), "long_text")
    assert 'city = { from = "hobby", via = "long_text" }   # asked by Ana\n' in text(desk)


def test_a_hand_edit_made_meanwhile_is_kept_and_told(desk: FieldDecisions) -> None:
    by_hand = text(desk) + '\n[ignored]\nhobby = "by hand"\n'
    (desk.settings.folder / PERSON).write_text(by_hand, "utf-8")
    told = desk.accept(number(desk, "cell_phone"))
    assert "changed meanwhile" in told
    assert spec(desk, "hobby", "ignored") == "by hand"
    assert spec(desk, "mobile_number") == {"from": "cell_phone", "via": "phone"}


def test_undo_leaves_a_file_that_somebody_edited_since(desk: FieldDecisions) -> None:
    desk.accept(number(desk, "cell_phone"))
    by_hand = text(desk) + "# by hand\n"
    (desk.settings.folder / PERSON).write_text(by_hand, "utf-8")
    assert "edited since" in desk.undo()
    assert text(desk) == by_hand


def test_the_payload_beside_a_proposal_is_what_staging_would_send_by_its_shape(desk: FieldDecisions) -> None:
    now, then = desk.payload(number(desk, "cell_phone"), 0)
    assert isinstance(now, Payload)
    assert isinstance(then, Payload)
    assert [(name, after) for name, before, after in changed_fields(now, then) if before != after] == [
        ("mobile_number", "+99999999999")
    ]
    assert now.fields["last_name"] == "aaaa"
    assert not [secret for secret in SECRETS if secret in repr((now, then))]
    assert text(desk) == OBJECTS["person"]


def test_a_field_that_folds_is_a_line_of_the_text_area_in_the_payload_too(desk: FieldDecisions, little: Little) -> None:
    desk.map(number(desk, "hobby"), "cf_hobby")
    little.values("folded_fields", "contacts.cf_hobby,map,cf_dentalexec_more")
    desk.refresh()
    now, _ = desk.payload(number(desk, "hobby"))
    assert isinstance(now, Payload)
    assert now.fields["cf_dentalexec_more"] == mask("Hobby: sailing")
    assert "cf_hobby" not in now.fields


def test_what_staging_cannot_read_stands_beside_the_payload_without_the_value(desk: FieldDecisions) -> None:
    desk.map(number(desk, "hobby"), "work_number", "phone")
    now, _ = desk.payload(number(desk, "hobby"))
    assert isinstance(now, Payload)
    assert now.problems == ("work_number: is no phone number",)


def test_the_editor_opens_where_most_columns_have_no_fate_and_a_page_that_means_nothing_changes_nothing(
    little: Little,
) -> None:
    panel = edit_fields(little.settings, little.mappings, by="Ana")
    assert isinstance(panel, FieldPanel)
    assert (panel.mapping, panel.mappings) == ("person", ["person", "practice"])
    for odd in ({}, {"act": "accept"}, {"act": "accept", "id": 99}, {"act": "map", "id": "1", "answer": "city"}):
        assert "older than the notebook" in panel.act(odd)
    assert panel.act({"act": "open", "answer": "nothing"}) == "There is no such mapping."
    assert text(panel.decisions) == OBJECTS["person"]
    sent: list[dict[str, Any]] = []
    panel.send = lambda content, **_: sent.append(content)
    for act in (
        {"act": "map", "id": 0, "answer": "No Such"},
        {"act": "leave", "id": 0, "answer": " "},
        {"act": "refresh", "asked": True},
    ):
        panel._received(panel, act, None)
    assert [(one["refused"], one["told"].endswith("changed.")) for one in sent] == [
        (True, True),
        (True, True),
        (False, True),
    ]
    panel.act({"act": "open", "answer": "practice"})
    assert panel.decisions.lines()[0]["column"] == "practice_id"


def test_every_act_is_in_the_log_with_who_and_no_value(desk: FieldDecisions) -> None:
    ledger = open_ledger(desk.settings.ledger, b"k" * 32)
    desk.accept(number(desk, "cell_phone"))
    desk.undo()
    with ledger.read() as connection:
        told = [(row.act, row.object, row.detail) for row in connection.execute(audit.select().order_by(audit.c.seq))]
    ledger.engine.dispose()
    assert [(act, name) for act, name, _ in told] == [
        ("field mapping changed", "person/cell_phone"),
        ("field mapping undone", "person"),
    ]
    assert all("Ana" in repr(detail) for _, _, detail in told)


def test_comments_order_and_unknown_lines_of_a_file_survive_every_change() -> None:
    by_hand = '# why\nkind = "record"   # row 1\n\n[fields]\n# first\nb = { from = "b" } # b\na = { from = ["a", "c"] }\n\n[ignored]\nz = "x"\n'
    filled = fill_field(by_hand, "fields", "d", {"from": "d", "via": "day"})
    assert filled == by_hand.replace('"c"] }\n', '"c"] }\nd = { from = "d", via = "day" }\n')
    assert say_of_column(by_hand, "ignored", "y", 'says "no"') == by_hand + 'y = "says \\"no\\""\n'
    assert take_out(filled, "d") == (by_hand, ["d"])
    assert take_out(by_hand, "z") == (by_hand.replace('z = "x"\n', ""), [])
