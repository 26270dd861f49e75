"""Source rows become destination-shaped rows; what a row lacks is listed with a reason, and checks decide."""

from __future__ import annotations

import pytest

from workbench.errors import MappingProblem
from workbench.staging.stage import stage

PERSON = """
kind = "record"
destination = "contact"
[source]
from = "people"
{where}
[fields]
last_name = {{ from = "last_name", required = true }}
cf_source_system_id = {{ from = "person_id", via = "source_id" }}
{fields}
[lookups]
account = {{ from = "practice_id", to = "practices" }}
{lookups}
"""


def person(fields: str = "", lookups: str = "", where: str = "") -> str:
    return PERSON.format(fields=fields, lookups=lookups, where=where)


def custom(little, **fields: str):
    little.custom("contacts", **fields)
    return little


def test_fields_and_links_are_staged_and_nothing_is_noted(little):
    staging = little.stage()
    assert staging.rows == {"practice": 1, "person": 2}
    assert little.staged("person", "source_id", "depth", "last_name", "cf_source_system_id", "account") == [
        ("C1", 0, "Lund", "C1", "practices/P1"),
        ("C2", 0, "Reyes", "C2", None),
    ]
    assert little.problems() == []


def test_a_row_without_a_required_field_is_held(little):
    little.land(people="person_id,last_name,practice_id\nC1, ,P1\n")
    little.stage()
    assert little.problems() == [("C1", "last_name", "required", "hold", "has no last_name")]


def test_the_prefix_stands_before_source_ids(little):
    little.write("migration.toml", '[source]\nid_prefix = "B-"\n')
    little.stage()
    assert little.staged("person", "source_id", "cf_source_system_id", "account")[0] == ("C1", "B-C1", "practices/P1")


@pytest.mark.parametrize(
    ("on_open", "severity"),
    [
        pytest.param("", "hold", id="ask holds the row"),
        pytest.param(', on_open = "omit"', "warn", id="omit leaves out the field"),
    ],
)
def test_a_spelling_without_an_answer(little, on_open, severity):
    custom(little, cf_carrier="text").mapping(
        "person", person(f'cf_carrier = {{ from = "carrier", values = "carrier"{on_open} }}')
    )
    little.values("carrier", "Delta,map,Delta Dental of Ohio", "none,blank,", "Aetna,keep,", "asked,ask,")
    rows = [("C1", "Delta\u00a0"), ("C2", "none"), ("C3", "Aetna"), ("C4", "asked"), ("C5", "new"), ("C6", "")]
    little.land(
        people="person_id,last_name,practice_id,carrier\n" + "".join(f"{one},Lund,,{typed}\n" for one, typed in rows)
    )
    little.stage()
    answers = ["Delta Dental of Ohio", None, "Aetna", None, None, None]
    assert [row[0] for row in little.staged("person", "cf_carrier")] == answers
    assert little.problems() == [
        (one, "cf_carrier", "open", severity, "spelling has no decision") for one in ("C4", "C5")
    ]


def test_one_value_map_a_pipeline(little):
    custom(little, cf_stage="text").mapping(
        "person", person('cf_stage = { from = "stage", values = "stage.{pipeline}" }')
    )
    little.values("stage.ortho", "Consult,map,Ortho: Consult")
    little.values("stage.none", "Consult,keep,")
    little.land(
        people="person_id,last_name,practice_id,stage,pipeline\nC1,a,,Consult,ortho\nC2,b,,Consult,\nC3,c,,Consult,../x\n"
    )
    little.stage()
    assert [row[0] for row in little.staged("person", "cf_stage")] == ["Ortho: Consult", "Consult", None]
    assert little.problems() == [("C3", "cf_stage", "open", "hold", "spelling has no decision")]


def test_a_text_beyond_what_its_field_takes_is_held_and_never_cut(little):
    custom(little, cf_remark="text", cf_story="textarea").mapping(
        "person",
        person('cf_remark = { from = "remark" }\ncf_story = { from = "remark" }\njob_title = { from = "remark" }'),
    )
    little.land(people=f"person_id,last_name,practice_id,remark\nC1,a,,{'x' * 256}\nC2,b,,{'x' * 257}\n")
    little.stage()
    assert little.problems() == [("C2", "cf_remark", "too_long", "hold", "257 characters, and Freshsales takes 256")]
    assert len(little.staged("person", "cf_remark")[1][0]) == 257


def test_problems_name_the_rule_and_never_the_value(little):
    little.mapping(
        "person", person('mobile_number = { from = "phone", via = "phone" }\nemail = { from = "mail", via = "email" }')
    )
    little.land(people="person_id,last_name,practice_id,phone,mail\nC1,a,,555 secret,dana at home\n")
    little.stage()
    assert little.problems() == [
        ("C1", "email", "email", "warn", "is no e-mail address"),
        ("C1", "mobile_number", "phone", "warn", "is no valid phone number"),
    ]


def test_the_first_filled_column_counts_and_a_kept_value_stays(little):
    little.mapping("person", person('mobile_number = { from = ["phone", "other"], via = "phone" }'))
    little.land(people="person_id,last_name,practice_id,phone,other\nC1,a,,  ,503 363 5432\nC2,b,,503 363 5432 x1,\n")
    little.stage()
    assert [row[0] for row in little.staged("person", "mobile_number")] == ["+15033635432", "+15033635432"]
    assert [row[2] for row in little.problems()] == ["phone_extension"]


def test_constants_are_the_same_on_every_row(little):
    custom(little, cf_referrer="checkbox").mapping(
        "person", person("cf_referrer = { const = false }\ncity = { const = 'Salem' }")
    )
    little.stage()
    assert little.staged("person", "cf_referrer", "city") == [("false", "Salem"), ("false", "Salem")]


def test_a_blank_zone_is_the_practices_own(little):
    custom(little, cf_seen="text").mapping(
        "person", person('cf_seen = { from = ["seen_at", "time_zone"], via = "local_time" }')
    )
    little.land(
        people=(
            "person_id,last_name,practice_id,seen_at,time_zone\nC1,a,,2021-03-04 09:00:00,\nC2,b,,2021-03-04 09:00:00,America/Phoenix\n"
            "C3,c,,2021-03-04 09:00:00,Central\n"
        )
    )
    little.stage()
    times = ["2021-03-04T09:00:00-06:00", "2021-03-04T09:00:00-07:00", None]
    assert [row[0] for row in little.staged("person", "cf_seen")] == times
    assert little.problems() == [("C3", "cf_seen", "time_zone", "hold", "has a time zone that is no IANA name")]


NOTE = """
kind = "record"
destination = "note"
[source]
from = "notes"
[fields]
description = { from = ["body", "body_format"], via = "rich_text", marker = ["written_at", "author"], required = true }
[lookups]
target = { from = "related_id", by = "related", to = { people = "people" }, required = true }
"""


def noting(little, rows: str, mapping: str = NOTE):
    little.source("notes", "-- object: notes\n-- key: note_id\nSELECT * FROM raw.notes")
    little.mapping("note", mapping)
    little.land(notes="note_id,body,body_format,written_at,author,related,related_id\n" + rows)
    little.stage()
    return little


def test_a_note_carries_its_marker_and_its_link(little):
    noting(little, "N 1,<b>ok</b>,html,2021-03-04 09:00:00,dana@x.com,people,C1\n")
    assert little.staged("note", "description", "target") == [
        ("<b>ok</b><br>[Dental-Exec notes/N%201 · 2021-03-04T09:00:00-06:00 · dana@x.com]", "people/C1")
    ]


def test_a_time_that_cannot_be_read_stands_in_the_marker_as_typed(little):
    noting(little, "N1,ok,plain,last week,,people,C1\n")
    assert little.staged("note", "description") == [("ok<br>[Dental-Exec notes/N1 · last week · no author]",)]
    assert little.problems() == [("N1", "description", "time", "warn", "is no time")]


@pytest.mark.parametrize(
    ("related", "message"),
    [
        pytest.param(",", "has no related_id", id="nothing named"),
        pytest.param("people,", "has no related_id", id="no id"),
        pytest.param("users,U1", "hangs on an object that no mapping moves", id="another object"),
        pytest.param(",C1", "hangs on an object that no mapping moves", id="no object"),
    ],
)
def test_a_note_that_hangs_on_nothing_is_held(little, related, message):
    noting(little, f"N1,ok,plain,2021-03-04 09:00:00,d,{related}\n")
    assert little.problems() == [("N1", "target", "link", "hold", message)]


def test_what_may_be_blank_is_required_only_where_it_is_given(little):
    mapping = NOTE.replace("required = true }\n", "required = true, may_be_blank = true }\n")
    assert mapping.count("may_be_blank") == 2
    mapping = mapping.replace("required = true, may_be_blank = true }\n[lookups]", "required = true }\n[lookups]")
    noting(little, "N1,ok,plain,2021-03-04 09:00:00,d,,\nN2,ok,plain,2021-03-04 09:00:00,d,people,\n", mapping)
    assert little.problems() == [("N2", "target", "link", "hold", "has no related_id")]


def test_an_owner_is_found_by_decision_else_by_fallback_else_the_row_is_held(little):
    little.mapping(
        "person", person(lookups='owner_id = { from = "owner", to = "owners", values = "owner", required = true }')
    )
    little.values("owner", "U1,map, Dana@Example.com", "U2,ask,", "U3,blank,")
    little.land(people="person_id,last_name,practice_id,owner\nC1,a,,U1 \nC2,b,,U2\nC3,c,,U3\nC4,d,,\nC5,e,,U9\n")
    little.stage()
    assert [row[0] for row in little.staged("person", "owner_id")] == [
        "owners/dana@example.com",
        None,
        None,
        None,
        None,
    ]
    assert [(row[0], row[4]) for row in little.problems()] == [
        ("C2", "owner U2 has no tenant user"),
        ("C3", "owner U3 has no tenant user"),
        ("C4", "has no owner"),
        ("C5", "owner U9 has no tenant user"),
    ]
    little.write("migration.toml", '[policy]\nfallback_owner = "Office@example.com"\n')
    little.stage()
    owners = ["owners/dana@example.com", *["owners/office@example.com"] * 4]
    assert ([row[0] for row in little.staged("person", "owner_id")], little.problems()) == (owners, [])


@pytest.mark.parametrize("source_id", ["C 1", "C'1", 'C"1', "50%", "Zoë", "a/b", "a;b", "C1\u200b", "ünï-🦷"])
def test_odd_source_ids_are_carried_as_they_are(little, source_id):
    quoted = '"' + source_id.replace('"', '""') + '"'
    little.land(
        people=f"person_id,last_name,practice_id\n{quoted},Lund,{quoted}\n",
        practices=f"practice_id,name\n{quoted},Lakeside\n",
    )
    little.stage()
    assert little.staged("person", "source_id", "cf_source_system_id", "account") == [
        (source_id, source_id, f"practices/{source_id}")
    ]
    assert little.rows("SELECT DISTINCT source_id FROM staged.claims") == [(source_id,)]


def test_blanks_around_an_id_are_cut_on_both_sides_of_a_link(little):
    little.land(people="person_id,last_name,practice_id\n C1 ,Lund, P1\n", practices="practice_id,name\nP1 ,Lakeside\n")
    little.stage()
    assert little.staged("person", "source_id", "account") == [("C1", "practices/P1")]
    assert little.staged("practice", "source_id") == [("P1",)]


def test_control_characters_are_cut_from_values(little):
    little.land(people="person_id,last_name,practice_id\nC1,Lu\x00nd\x1e,\n")
    little.stage()
    assert little.staged("person", "last_name") == [("Lund",)]


def test_a_mapping_that_only_matches_or_leaves_out_is_staged_or_counted(little):
    little.mapping(
        "left", 'kind = "left_out"\nreason = "not needed"\n[source]\nfrom = "people"\nwhere = "person_id = \'C2\'"\n'
    )
    little.mapping("person", person(where="where = \"person_id <> 'C2'\""))
    staging = little.stage()
    assert staging.rows == {"practice": 1, "person": 1}
    assert little.rows("SELECT mapping, source_id FROM staged.claims WHERE source_object = 'people' ORDER BY ALL") == [
        ("left", "C2"),
        ("person", "C1"),
    ]


def test_staging_without_a_landed_table_is_one_sentence(little):
    little.source("people", "-- object: people\n-- key: person_id\nSELECT * FROM raw.nothing")
    with pytest.raises(MappingProblem, match=r"mappings/sources/people\.sql: DuckDB cannot evaluate it: Catalog Error"):
        little.stage()


CARRIER = 'cf_insurance_carrier = { from = "carrier" }\ncf_hobby = { from = "hobby" }'


@pytest.mark.parametrize(
    ("target", "agreement", "carrier"),
    [
        pytest.param("real", "", None, id="a real target without an agreement"),
        pytest.param("real", "signed 2026-01-02", "Aetna", id="a real target under an agreement"),
        pytest.param("settings", "", "Aetna", id="a rehearsal"),
    ],
)
def test_what_tells_of_health_stays_out_of_a_real_target_without_an_agreement(little, target, agreement, carrier):
    custom(little, cf_insurance_carrier="text", cf_hobby="text")
    little.write("migration.toml", f'[privacy]\nbaa = "{agreement}"\n')
    little.mapping("person", person(CARRIER))
    little.land(people="person_id,last_name,practice_id,carrier,hobby\nC1,Lund,P1,Aetna,sailing\n")
    stage(getattr(little, target), little.mappings, tenant="t")
    assert little.staged("person", "last_name", "cf_insurance_carrier", "cf_hobby") == [("Lund", carrier, "sailing")]


def test_a_record_that_cannot_be_without_a_field_keeps_it_though_it_tells_of_health(little):
    little.mapping("person", person() + '[sensitivity]\nlast_name = "health"\n')
    stage(little.real, little.mappings, tenant="t")
    assert little.staged("person", "last_name") == [("Lund",), ("Reyes",)]


def test_of_a_text_that_tells_of_health_the_marker_alone_moves_without_an_agreement(little):
    little.mapping("person", person('notes = { from = "note_text", via = "long_text", marker = ["at", "by_whom"] }'))
    little.land(people="person_id,last_name,practice_id,note_text,at,by_whom\nC1,Lund,P1,crown on 14,2024-01-02,Dana\n")
    stage(little.settings, little.mappings, tenant="t")
    ((whole,),) = little.staged("person", "notes")
    stage(little.real, little.mappings, tenant="t")
    ((held,),) = little.staged("person", "notes")
    assert whole == f"crown on 14\n{held}"
    assert held.startswith("[Dental-Exec people/C1")
