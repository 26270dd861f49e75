"""Decision files are read together: every problem is named at once, with a way out."""

from __future__ import annotations

import pytest

from workbench.errors import MappingProblem
from workbench.mapping.files import hash_decisions, read_mappings

PERSON = """
kind = "record"
destination = "contact"
[source]
from = "people"
[fields]
last_name = {{ {spec} }}
cf_source_system_id = {{ from = "person_id" }}
{more}
"""


def person(spec: str = 'from = "last_name"', more: str = "") -> str:
    return PERSON.format(spec=spec, more=more)


def problems_of(little) -> str:
    with pytest.raises(MappingProblem) as stopped:
        read_mappings(little.settings)
    return str(stopped.value)


def test_what_lookups_point_at_is_loaded_first(little):
    assert [one.name for one in little.mappings.objects] == ["practice", "person"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param(
            person('from = "last_name", vai = "text"'),
            "[fields] last_name: no key named 'vai'; did you mean 'via'?",
            id="key",
        ),
        pytest.param(person(more="[lookup]"), "no key named 'lookup'; did you mean 'lookups'?", id="section"),
        pytest.param(
            person('from = "last_name", via = "mony"'),
            "[fields] last_name: no transform named 'mony'; did you mean 'money'?",
            id="transform",
        ),
        pytest.param(
            person('from = "last_name", via = "local_time"'),
            "[fields] last_name: local_time takes 2 columns, not 1",
            id="too few columns",
        ),
        pytest.param(
            person('from = ["last_name", "person_id"], values = "names"'),
            "[fields] last_name: values takes one column",
            id="values of two columns",
        ),
        pytest.param(person('via = "text"'), "[fields] last_name: has neither from nor const", id="nothing fills it"),
        pytest.param(
            person('from = "a", const = "b"'), "[fields] last_name: has both from and const", id="two things fill it"
        ),
        pytest.param(
            person('from = "a", on_open = "skip"'), "[fields] last_name: on_open is hold or omit", id="on_open"
        ),
        pytest.param(
            person('from = "a", conflict = "ours"'),
            "[fields] last_name: conflict is one of destination, source, ask",
            id="conflict",
        ),
        pytest.param(
            person('from = "a", conflict = "newest"'),
            "[fields] last_name: conflict: Freshsales stamps records, not fields, so nobody can tell which side changed a field"
            " last; take destination, source or ask",
            id="newest",
        ),
        pytest.param(
            person('from = "a", narrows = { to = 0 }'),
            "[fields] last_name: narrows: has to and over, as in { to = 0, over = [1] }",
            id="narrows over nothing",
        ),
        pytest.param(
            person('from = "a", narrows = { to = 0, over = [0, 1] }'),
            "[fields] last_name: narrows: over lists one or more other values than to",
            id="narrows over itself",
        ),
        pytest.param(
            person('from = "a", required = "yes"'), "[fields] last_name: required is true or false", id="required"
        ),
        pytest.param(
            person('from = "a", names = "task_typs"'),
            "[fields] last_name: names: there is no pick-list 'task_typs'; did you mean 'task_types'?",
            id="pick-list",
        ),
        pytest.param(
            person('from = "a", within = "pipeline"'),
            "[fields] last_name: within names 'pipeline', which this mapping does not fill",
            id="within",
        ),
        pytest.param(
            person('from = "a", marker = "created_at"'),
            "[fields] last_name: marker takes time and author, and the time of completion if there is one",
            id="marker",
        ),
        pytest.param(
            person('from = "a", unique = "append"'),
            "[fields] last_name: unique is holder, or append: with the columns to append",
            id="unique",
        ),
        pytest.param(
            person(more='[lookups]\naccount = { from = "practice_id" }'),
            "[lookups] account: needs from and to",
            id="no target",
        ),
        pytest.param(
            person(more='[lookups]\ntarget = { from = "id", to = { a = "people" } }'),
            "[lookups] target: several targets need by, the column that names the target",
            id="no by",
        ),
        pytest.param(
            person(more='[lookups]\nowner_id = { from = "owner", to = "owners" }'),
            "[lookups] owner_id: owners are found by a value map; values is missing",
            id="owners without a map",
        ),
        pytest.param(
            person(more='[ignored]\nssn = ""'), "[ignored] ssn: needs a reason", id="ignored without a reason"
        ),
        pytest.param(
            person(more='[lookups]\nlast_name = { from = "practice_id", to = "practices" }'),
            "last_name: a destination field stands twice, in [fields] and in [lookups]",
            id="field and lookup",
        ),
        pytest.param(person(more="[editions.clasic]"), "[editions] clasic: one of suite, classic", id="edition"),
        pytest.param(
            person().replace('"contact"', '"kontact"'),
            "destination: There is no destination 'kontact'; there are account, appointment, contact, deal, file, lead, note,"
            " sales_activity, task.",
            id="destination",
        ),
        pytest.param(
            person().replace('"record"', '"records"'), "kind: one of record, match, setup, file, left_out", id="kind"
        ),
        pytest.param(
            'kind = "left_out"\n[source]\nfrom = "people"', "reason: rows that do not move need one", id="no reason"
        ),
        pytest.param('kind = "setup"', "[source] from: names the source object, and is missing", id="no source"),
        pytest.param(person("from = []"), "[fields] last_name: text takes one or more columns, not 0", id="no column"),
        pytest.param(
            person(more='[lookups]\naccount = { from = "practice_id", to = "practice" }'),
            "[lookups] account: no source object 'practice'; there is 'practices'",
            id="unknown target",
        ),
        pytest.param(
            person(more='cf_shoe_size = { from = "shoe" }'),
            "[fields] cf_shoe_size: is not defined in mappings/custom_fields/contacts.toml",
            id="undefined custom field",
        ),
        pytest.param(
            person('from = "last_name", unique = "holder", shared = "cf_shared"'),
            "[fields] cf_shared: is not defined in mappings/custom_fields/contacts.toml",
            id="undefined shared field",
        ),
    ],
)
def test_a_mistake_in_a_mapping_is_named_with_its_place(little, text, problem):
    little.mapping("person", text)
    assert problems_of(little) == f"mappings/ has 1 problem:\n  mappings/objects/person.toml: {problem}"


def test_an_unknown_source_object_is_named_with_the_one_that_is_meant(little):
    little.mapping("person", person().replace('from = "people"', 'from = "peeple"'))
    assert "mappings/objects/person.toml: [source] from: no source object 'peeple'; there is 'people'" in problems_of(
        little
    )


def test_a_destination_field_that_stands_twice_is_named_with_its_line(little):
    little.mapping("person", person(more='last_name = { from = "first_name" }'))
    assert (
        "mappings/objects/person.toml: a destination field stands twice (Cannot overwrite a value (at line 9"
        in problems_of(little)
    )


def test_all_problems_of_all_files_are_named_at_once(little):
    little.mapping("person", person('from = "a", vai = "b", on_open = "skip"'))
    little.source("people", "SELECT 1; SELECT 2")
    little.write("mappings/custom_fields/contacts.toml", '[cf_x]\nlabel = "Y"\ntype = "tekst"\n')
    assert problems_of(little).splitlines() == [
        "mappings/ has 7 problems:",
        "  mappings/sources/people.sql: the line '-- object: …' is missing",
        "  mappings/sources/people.sql: the line '-- key: …' is missing",
        "  mappings/sources/people.sql: has to hold exactly one SELECT and nothing else",
        "  mappings/objects/person.toml: [fields] last_name: no key named 'vai'; did you mean 'via'?",
        "  mappings/objects/person.toml: [fields] last_name: on_open is hold or omit",
        "  mappings/custom_fields/contacts.toml: [cf_x] type: one of text, textarea, number, dropdown, checkbox, date, date_time_split, date_time, datetime",
        "  mappings/custom_fields/contacts.toml: [cf_x] label: Freshsales would name 'Y' 'cf_y'",
    ]


def test_a_file_in_another_encoding_is_a_problem_and_no_traceback(little):
    (little.folder / "mappings/objects/person.toml").write_bytes("title = 'Café'".encode("cp1252"))
    assert "mappings/objects/person.toml: is not UTF-8; save it as UTF-8" in problems_of(little)


@pytest.mark.parametrize("name", ["source_people", "claims", "Person", "a b"])
def test_a_mapping_may_not_take_a_name_that_staging_needs(little, name):
    (little.folder / "mappings/objects/person.toml").rename(little.folder / f"mappings/objects/{name}.toml")
    assert f"the file cannot be named {name!r}" in problems_of(little)


def test_a_source_that_no_mapping_reads_is_a_problem(little):
    (little.folder / "mappings/objects/person.toml").unlink()
    assert (
        "mappings/sources/people.sql: no mapping reads it; say in a left_out mapping why its rows stay"
        in problems_of(little)
    )


def test_an_edition_changes_what_it_names_and_keeps_the_rest(little):
    little.mapping(
        "person",
        person(more='[editions.classic]\ndestination = "lead"\n[editions.classic.fields]\ncity = { from = "city" }'),
    )
    assert little.mappings["person"].destination == "contact"
    little.write("migration.toml", '[freshsales]\nedition = "classic"\n')
    person_there = little.mappings["person"]
    assert (person_there.destination, set(person_there.fields)) == (
        "lead",
        {"last_name", "cf_source_system_id", "city"},
    )


def test_an_edition_or_a_plan_may_take_a_field_out(little):
    more = '[editions.classic.fields]\nlast_name = false\n[plans.growth.fields]\ncity = { from = "city" }'
    little.mapping("person", person(more=more))
    assert set(little.mappings["person"].fields) == {"last_name", "cf_source_system_id"}
    little.write("migration.toml", '[freshsales]\nedition = "classic"\nplan = "growth"\n')
    assert set(little.mappings["person"].fields) == {"cf_source_system_id", "city"}


def test_classic_gives_leads_the_custom_fields_that_their_mapping_fills(little):
    little.mapping("person", person(more='cf_kind = { from = "last_name" }\n[editions.classic]\ndestination = "lead"'))
    little.custom("contacts", cf_kind="text", cf_old="text")
    path = little.folder / "mappings/custom_fields/contacts.toml"
    path.write_text(path.read_text().replace('label = "Old"', 'label = "Old"\nplans = ["free"]'))
    assert [one.name for one in little.mappings.custom_fields["contacts"]] == ["cf_source_system_id", "cf_kind"]
    little.write("migration.toml", '[freshsales]\nedition = "classic"\n')
    mappings = little.mappings
    assert [one.name for one in mappings.custom_fields["leads"]] == ["cf_source_system_id", "cf_kind"]
    assert {one.module for one in mappings.custom_fields["leads"]} == {"leads"}
    assert mappings.custom_fields["contacts"] == []
    assert mappings.custom_field("lead", "cf_kind").module == "leads"


FOLDABLE = person(more='cf_b = { from = "last_name" }\ncf_a = { from = "person_id" }')


def test_fields_fold_by_decision_into_one_labelled_text_area_in_the_order_of_their_definitions(little):
    little.mapping("person", FOLDABLE)
    little.custom("contacts", cf_a="text", cf_b="date")
    little.values("folded_fields", "contacts.cf_b,map,cf_dentalexec_more", "contacts.cf_a,map,cf_dentalexec_more")
    mappings = little.mappings
    more = mappings["person"].fields["cf_dentalexec_more"]
    assert [(one.label, one.name) for one in more.parts] == [("A", "cf_a"), ("B", "cf_b")]
    assert set(mappings["person"].fields) == {"last_name", "cf_source_system_id", "cf_dentalexec_more"}
    kinds = [(one.name, one.type) for one in mappings.custom_fields["contacts"]]
    assert kinds == [("cf_source_system_id", "text"), ("cf_dentalexec_more", "textarea")]
    assert mappings["person"].used_columns == {"last_name", "person_id"}


def test_a_folded_field_is_staged_as_lines_and_keeps_its_problems(little):
    little.mapping(
        "person",
        person(more='cf_b = { from = "person_id", via = "day" }\ncf_a = { from = "person_id" }'),
    )
    little.custom("contacts", cf_a="text", cf_b="date")
    little.values("folded_fields", "contacts.cf_b,map,cf_dentalexec_more", "contacts.cf_a,map,cf_dentalexec_more")
    little.land(people="person_id,last_name,practice_id\n2020-01-02,Lund,P1\nC2,Reyes,\n")
    little.stage()
    assert little.staged("person", "cf_dentalexec_more") == [("A: 2020-01-02\nB: 2020-01-02",), ("A: C2",)]
    assert ("C2", "cf_b", "day", "warn", "is no date") in little.problems()


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        pytest.param(
            "contacts.cf_x,map,cf_dentalexec_more", "contacts.cf_x: there is no such custom field", id="unknown"
        ),
        pytest.param("contacts.cf_a,map,cf_other", "folds into cf_dentalexec_more and nowhere else", id="elsewhere"),
        pytest.param(
            "contacts.cf_source_system_id,map,cf_dentalexec_more", "of rank must, which does not fold", id="must"
        ),
    ],
)
def test_a_fold_that_cannot_be_is_a_problem(little, row, problem):
    little.mapping("person", FOLDABLE)
    little.custom("contacts", cf_a="text", cf_b="date")
    little.values("folded_fields", row)
    assert problem in problems_of(little)


def test_one_byte_changed_in_a_decision_file_changes_the_hash(little):
    before = hash_decisions(little.settings)
    assert hash_decisions(little.settings) == before
    path = little.mapping("person", (little.folder / "mappings/objects/person.toml").read_text() + "#")
    after = hash_decisions(little.settings)
    assert after[0] != before[0]
    assert [name for name in after[1] if after[1][name] != before[1].get(name)] == [f"mappings/objects/{path.name}"]


def test_only_decisions_are_hashed(little):
    before = hash_decisions(little.settings)[0]
    little.write("mappings/values/setup_ticks.csv", "item,ticked_by,ticked_on\n")
    little.write("mappings/objects/.DS_Store", "x")
    little.write("mappings/objects/person.toml.orig", "x")
    assert hash_decisions(little.settings)[0] == before


def test_a_conflict_that_nobody_answered_decides_nothing_and_an_answer_does(little):
    before = hash_decisions(little.settings)
    little.values("conflicts", "people/C1/city,ask,")
    assert hash_decisions(little.settings) == before
    little.values("conflicts", "people/C1/city,ask,", "people/C2/city,keep,")
    answered = hash_decisions(little.settings)[0]
    assert answered != before[0]
    little.values("conflicts", "people/C2/city,keep,")
    assert hash_decisions(little.settings)[0] == answered


def test_no_real_target_reads_what_a_rehearsal_decided(little):
    little.write(
        "data/rehearsal/decisions/names.csv",
        "source_value,decision,destination_value,decided_by,decided_on,note\na,keep,,r,,\n",
    )
    assert set(read_mappings(little.settings).values("names").rows) == {"a"}
    assert read_mappings(little.real).values("names").rows == {}
    assert hash_decisions(little.settings)[0] != hash_decisions(little.real)[0]
