"""Rows that may stand in the tenant already: asked with the record's number, held until answered, and never doubled."""

from __future__ import annotations

from contextlib import nullcontext

import polars as pl
import pytest
from little import Little, make_little

from workbench.errors import MappingProblem, StoreProblem
from workbench.freshsales.foreign import FOREIGN, RECORD, keep_loaded
from workbench.ledger.store import open_ledger
from workbench.mapping.spellings import asked_spellings, existing_matches
from workbench.mapping.value_map import read_value_map
from workbench.suggest.acceptance import accept_proposals
from workbench.suggest.proposals import accept
from workbench.warehouse import open_warehouse

PERSON = """
kind = "record"
destination = "contact"
[source]
from = "people"
[fields]
first_name = { from = "first_name" }
last_name = { from = "last_name", required = true }
email = { from = "email", via = "email", unique = "holder", shared = "cf_shared_email" }
mobile_number = { from = "phone", via = "phone" }
cf_source_system_id = { from = "person_id", via = "source_id" }
"""
PRACTICE = """
kind = "record"
destination = "account"
[source]
from = "practices"
[fields]
name = { from = "name", unique = "append:city" }
address = { from = "address" }
city = { from = "city" }
zipcode = { from = "zip" }
cf_source_system_id = { from = "practice_id", via = "source_id" }
"""
PEOPLE = "person_id,first_name,last_name,email,phone,guarantor_contact_id,created_at\n"
PLACES = "practice_id,name,address,city,zip\n"


def little_with(folder, people: list[str] = (), places: list[str] = ()) -> Little:
    made = make_little(folder)
    made.mapping("person", PERSON)
    made.mapping("practice", PRACTICE)
    made.custom("contacts", cf_shared_email="text")
    made.land(
        people=PEOPLE + "".join(f"{one},,\n" for one in people),
        practices=PLACES + "".join(f"{one}\n" for one in places),
    )
    return made


def there(little: Little, *records: dict, loaded: tuple[str, ...] = ()) -> None:
    """Let records stand in the tenant, as the census would have found them."""
    empty = dict.fromkeys(RECORD) | {"tenant": "t", "emails": [], "phones": []}
    rows = [
        empty | {"plural": "contacts", "emails": [one["email"]] if one.get("email") else []} | one for one in records
    ]
    with open_warehouse(little.settings.warehouse, write=True) as warehouse:
        warehouse.write(FOREIGN, pl.DataFrame(rows, schema=RECORD))
        keep_loaded(warehouse, dict.fromkeys(loaded, ("contact", 1)))


def matches(little: Little) -> list[tuple]:
    return [
        (one.source_key, one.destination_id, one.confidence, one.reason)
        for one in existing_matches(little.settings, little.mappings)
    ]


MARY = {"destination_id": 7, "first_name": "Mary", "last_name": "Miller"}
LAKE = {"plural": "sales_accounts", "destination_id": 9, "name": "Lakeside"}


@pytest.mark.parametrize(
    ("row", "record", "found"),
    [
        pytest.param("C1,Ann,Lund,,", {"destination_id": 7, "our_id": "C1"}, (1.0, "it carries this id"), id="our id"),
        pytest.param(
            "C1,mary,MILLER,M@X.com,", MARY | {"email": "m@x.com"}, (0.98, "same e-mail and name"), id="e-mail"
        ),
        pytest.param(
            "C1,Mary,Miller,,tel (312) 555-0100 x12",
            MARY | {"phones": ["+13125550100"]},
            (0.95, "same phone and name"),
            id="phone",
        ),
        pytest.param(
            "C1,Mary,Miller,m@x.com,312-555-0100",
            MARY | {"phones": ["+13125550100"], "email": "other@x.com"},
            (0.8, "same phone and name, other e-mail"),
            id="phone and another e-mail",
        ),
        pytest.param(
            "C1,Mary,Lund,m@x.com,", MARY | {"email": "m@x.com"}, (0.6, "same e-mail, other name"), id="renamed since"
        ),
        pytest.param("C1,John,Miller,,312-555-0100", MARY | {"phones": ["+13125550100"]}, None, id="a family's phone"),
        pytest.param("C1,Mary,Miller,,", MARY, None, id="a name alone"),
    ],
)
def test_a_person_is_known_by(tmp_path, row, record, found):
    little = little_with(tmp_path, [row])
    there(little, record)
    assert matches(little) == ([("people/C1", 7, *found)] if found else [])


@pytest.mark.parametrize(
    ("row", "record", "found"),
    [
        pytest.param(
            "P1,LAKE SIDE,12 Oak St.,Salem,97301-1234",
            LAKE | {"address": "12 Oak Street", "zipcode": "97301"},
            (0.97, "same name and address"),
            id="address",
        ),
        pytest.param(
            "P1,Lakeside,12 Oak St,Salem,97301",
            LAKE | {"address": "3 Elm St", "zipcode": "97301"},
            (0.7, "same name, other address"),
            id="another address",
        ),
        pytest.param("P1,Northfork,12 Oak St,Salem,97301", LAKE | {"address": "12 Oak St"}, None, id="another name"),
    ],
)
def test_a_practice_is_known_by(tmp_path, row, record, found):
    little = little_with(tmp_path, places=[row])
    there(little, record)
    assert matches(little) == ([("practices/P1", 9, *found)] if found else [])


def test_what_two_may_be_is_never_sure_and_what_one_surely_is_nobody_else_is_asked(tmp_path):
    little = little_with(tmp_path, ["C1,Mary,Miller,m@x.com,", "C2,John,Miller,m@x.com,", "C3,Ann,Lund,a@x.com,"])
    ann = {"first_name": "Ann", "last_name": "Lund", "email": "a@x.com"}
    there(little, MARY | {"email": "m@x.com"}, ann | {"destination_id": 8}, ann | {"destination_id": 9})
    more = "same e-mail and name, as 1 more of the tenant"
    assert matches(little) == [
        ("people/C1", 7, 0.98, "same e-mail and name"),
        ("people/C3", 8, 0.5, more),
        ("people/C3", 9, 0.5, more),
    ]


def test_a_row_that_has_its_record_is_not_asked_again_and_without_foreign_records_nothing_is_asked(tmp_path):
    little = little_with(tmp_path, ["C1,Mary,Miller,m@x.com,"])
    assert matches(little) == []
    there(little, MARY | {"email": "m@x.com"}, loaded=("people/C1",))
    assert matches(little) == []
    assert [one.name for one in asked_spellings(little.settings, little.mappings)] == []


def test_sure_ones_are_adopted_and_doubtful_ones_asked_with_the_number(tmp_path):
    little = little_with(tmp_path, ["C1,Mary,Miller,m@x.com,", "C2,Ann,Lund,a@x.com,"])
    there(little, MARY | {"email": "m@x.com"}, {"destination_id": 8, "last_name": "Falk", "email": "a@x.com"})
    accept(little.settings, little.mappings, above=0.95, by="Dana", on="2026-11-24", own=True)
    rows = read_value_map("existing", [little.settings.own_decisions]).rows
    assert {key: (str(one.decision), one.destination_value, one.note) for key, one in rows.items()} == {
        "people/C1": ("map", "7", "suggested 0.98: same e-mail and name"),
        "people/C2": ("ask", "", "perhaps 8 (0.60: same e-mail, other name)"),
    }


def test_numbers_of_a_rehearsals_records_are_no_answer_for_a_real_tenant(tmp_path):
    little = little_with(tmp_path, ["C1,Mary,Miller,m@x.com,"])
    there(little, MARY | {"email": "m@x.com"})
    for settings in (little.settings, little.real):
        accept(settings, little.mappings, above=0.95, by="Dana", on="2026-11-24", own=False)
        written = read_value_map("existing", [settings.mappings / "values"]).rows
        assert [one.answer for one in written.values()] == ([] if settings.is_rehearsal else ["7"])


def test_users_of_another_tenant_are_proposed_for_no_real_one(tmp_path):
    little = little_with(tmp_path, ["C1,Mary,Miller,m@x.com,"])
    ledger = open_ledger(little.real.ledger, b"k" * 32)
    ledger.bind("ours")
    ledger.engine.dispose()
    for read, told in (("another", "read last is another one"), ("ours", "")):
        with open_warehouse(little.settings.warehouse, write=True) as warehouse:
            warehouse.run(f"CREATE OR REPLACE TABLE destination.users AS SELECT '{read}' AS tenant, 'a@x.com' AS email")
        with pytest.raises(StoreProblem, match=told) if told else nullcontext():
            accept_proposals(little.real, above=0.95, by="Dana", on="2026-11-24")


HELD = ("existing", "existing", "hold", "may stand in the tenant already; decide it in mappings/values/existing.csv")
GONE = "is to adopt a record that this tenant does not have; decide it again in mappings/values/existing.csv"


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        pytest.param([], [("C1", *HELD)], id="no row"),
        pytest.param(["people/C1,ask,"], [("C1", *HELD)], id="asked"),
        pytest.param(["people/C1,map,7"], [], id="adopted"),
        pytest.param(["people/C1,blank,"], [], id="created beside it"),
        pytest.param(["people/C1,map,8"], [("C1", *HELD[:3], GONE)], id="a number of another tenant"),
    ],
)
def test_a_match_without_an_answer_holds_its_row(tmp_path, answers, said):
    little = little_with(tmp_path, ["C1,Mary,Miller,m@x.com,", "C2,Ann,Lund,,"])
    there(little, MARY | {"email": "m@x.com"})
    little.values("existing", *answers)
    little.stage()
    assert little.problems() == said


def test_what_a_foreign_record_holds_nobody_gets_and_an_adopting_row_keeps_it(tmp_path):
    people = ["C1,Mary,Miller,m@x.com,", "C2,John,Miller,m@x.com,", "C3,Ann,Lund,a@x.com,"]
    little = little_with(tmp_path, people, ["P1,Lakeside,3 Elm St,Salem,97301", "P2,Northfork,,Bend,"])
    ann = {"destination_id": 8, "first_name": "Ann", "last_name": "Falk", "email": "a@x.com"}
    there(little, MARY | {"email": "m@x.com"}, ann, LAKE | {"address": "1 Far Lane"})
    little.values("existing", "people/C1,map,7", "people/C3,blank,", "practices/P1,blank,")
    little.stage()
    assert little.problems() == []
    assert little.staged("person", "source_id", "email", "cf_shared_email") == [
        ("C1", "m@x.com", None),
        ("C2", None, "m@x.com"),
        ("C3", None, "a@x.com"),
    ]
    assert little.staged("practice", "source_id", "name") == [("P1", "Lakeside (Salem)"), ("P2", "Northfork")]


def test_answers_that_mean_nothing_are_refused_all_at_once(tmp_path):
    little = little_with(tmp_path, ["C1,Mary,Miller,m@x.com,"])
    little.values(
        "existing", "people/C1,map,7", "people/C2,map,7", "people/C3,keep,", "people/C4,map,Mary", "practices/P1,map,7"
    )
    with pytest.raises(MappingProblem) as problem:
        little.stage()
    assert str(problem.value) == (
        "mappings/values/existing.csv has 3 problems:\n"
        "  people/C2: adopts the record that people/C1 adopts\n"
        "  people/C3: keep means nothing here; map adopts the id, blank creates, ask holds\n"
        "  people/C4: map needs the number of one record of the tenant"
    )
