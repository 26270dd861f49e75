"""Values that one record alone may hold: account names are made distinct, a shared e-mail has one holder."""

from __future__ import annotations

import pytest

PRACTICE = """
kind = "record"
destination = "account"
[source]
from = "practices"
where = "{where}"
[fields]
name = {{ from = "name", unique = "append:city,state" }}
{place}
cf_source_system_id = {{ from = "practice_id" }}
"""
PLACE = 'city = { from = "city" }\nstate = { from = "state" }'
CONTACT = """
kind = "record"
destination = "contact"
[source]
from = "people"
where = "role = '{role}'"
[fields]
last_name = {{ from = "last_name", required = true }}
email = {{ from = "email", via = "email", unique = "holder", shared = "cf_shared_email" }}
emails_more = {{ from = "email2", via = "email_list" }}
cf_source_system_id = {{ from = "person_id" }}
"""
PEOPLE = "person_id,last_name,email,email2,role,created_at,guarantor_contact_id\n"


def names(little, *rows: str) -> dict[str, str]:
    little.mapping("practice", PRACTICE.format(where="name <> 'bare'", place=PLACE))
    little.mapping("bare", PRACTICE.format(where="name = 'bare'", place=""))
    little.land(practices="practice_id,name,city,state\n" + "".join(f"{row}\n" for row in rows))
    little.stage()
    return dict(
        little.rows("SELECT source_id, name FROM staged.practice UNION ALL SELECT source_id, name FROM staged.bare")
    )


def test_equal_names_get_city_and_state_and_the_changes_are_listed(little):
    made = names(little, "P1,Lakeside,Salem,OR", "P2,LAKESIDE,Bend,OR", "P3,Northfork,Bend,OR")
    assert made == {"P1": "Lakeside (Salem, OR)", "P2": "LAKESIDE (Bend, OR)", "P3": "Northfork"}
    assert little.rows("SELECT source_id, field, was, became, rule FROM staged.changes ORDER BY ALL") == [
        ("P1", "name", "Lakeside", "Lakeside (Salem, OR)", "append:city,state"),
        ("P2", "name", "LAKESIDE", "LAKESIDE (Bend, OR)", "append:city,state"),
    ]


@pytest.mark.parametrize(
    ("rows", "made"),
    [
        pytest.param(
            ["P1,Lakeside,Salem,OR", "P2,Lakeside,Salem,OR"],
            {"P1": "Lakeside (P1)", "P2": "Lakeside (P2)"},
            id="the same place",
        ),
        pytest.param(["P1,Lakeside,,", "P2,Lakeside,,"], {"P1": "Lakeside (P1)", "P2": "Lakeside (P2)"}, id="no place"),
        pytest.param(
            ["P1,Lakeside,Salem,OR", "P2,Lakeside,,OR"],
            {"P1": "Lakeside (Salem, OR)", "P2": "Lakeside"},
            id="half a place",
        ),
        pytest.param(
            ["P1,Lakeside,Salem,OR", "P2,Lakeside,Bend,OR", 'P3,"Lakeside (Salem, OR)",Reno,NV'],
            {"P1": "Lakeside (P1)", "P2": "Lakeside (Bend, OR)", "P3": "Lakeside (Salem, OR) (P3)"},
            id="a name that looks like a changed one",
        ),
        pytest.param(
            ["P1,bare,Salem,OR", "P2,bare,Bend,OR"],
            {"P1": "bare (P1)", "P2": "bare (P2)"},
            id="a mapping without place",
        ),
        pytest.param(["P1,,Salem,OR", "P2,,Bend,OR"], {}, id="no name claims no row"),
    ],
)
def test_names_that_stay_equal_get_the_source_id(little, rows, made):
    assert names(little, *rows) == made


def emails(little, *rows: str) -> dict[str, tuple[str | None, ...]]:
    for role in ("patient", "prospect"):
        little.mapping(role, CONTACT.format(role=role))
    (little.folder / "mappings/objects/person.toml").unlink()
    little.custom("contacts", cf_shared_email="text")
    little.land(people=PEOPLE + "".join(f"{row}\n" for row in rows))
    little.stage()
    query = "SELECT source_id, email, cf_shared_email, emails_more FROM staged."
    return {one: tuple(more) for one, *more in little.rows(f"{query}patient UNION ALL {query}prospect")}


OLD, NEW = "2019-01-01 08:00:00", "2021-01-01 08:00:00"


@pytest.mark.parametrize(
    ("rows", "holder"),
    [
        pytest.param([f"C1,a,f@x.com,,patient,{OLD},", f"C2,b,F@x.com,,patient,{NEW},"], "C1", id="oldest"),
        pytest.param([f"C1,a,f@x.com,,patient,{NEW},", f"C2,b,f@x.com,,patient,{OLD},"], "C2", id="oldest is second"),
        pytest.param(
            [f"C1,a,f@x.com,,patient,{OLD},C2", f"C2,b,f@x.com,,patient,{NEW},"], "C2", id="guarantor before oldest"
        ),
        pytest.param(
            [f"C1,a,f@x.com,,patient,{OLD},C1", f"C2,b,f@x.com,,patient,{NEW},C2"], "C1", id="own guarantor is none"
        ),
        pytest.param(
            [f"C1,a,f@x.com,,prospect,{NEW},C2", f"C2,b,f@x.com,,patient,{NEW},"],
            "C2",
            id="guarantor in another mapping",
        ),
        pytest.param([f"C2,a,f@x.com,,patient,{OLD},", f"C1,b,f@x.com,,patient,{OLD},"], "C1", id="lowest id"),
        pytest.param(["C1,a,f@x.com,,patient,,", f"C2,b,f@x.com,,patient,{NEW},"], "C2", id="no time goes last"),
        pytest.param(
            [f"C1,,f@x.com,,patient,{OLD},", f"C2,b,f@x.com,,patient,{NEW},"], "C2", id="a held row holds nothing"
        ),
    ],
)
def test_a_shared_address_has_one_holder(little, rows, holder):
    made = emails(little, *rows)
    moving = {row.split(",")[0] for row in rows if row.split(",")[1]}
    assert {one for one in moving if made[one][0]} == {holder}
    assert all(made[one][1] for one in moving - {holder})
    assert made[holder][1] is None


def test_the_others_carry_it_as_typed_and_the_change_is_listed(little):
    made = emails(
        little, f"C1,a,Fam@x.com,,patient,{OLD},", f"C2,b,FAM@x.com,,prospect,{NEW},", f"C3,c,own@x.com,,patient,{NEW},"
    )
    assert made == {"C1": ("Fam@x.com", None, None), "C2": (None, "FAM@x.com", None), "C3": ("own@x.com", None, None)}
    assert little.rows("SELECT mapping, source_id, was, became, rule FROM staged.changes") == [
        ("prospect", "C2", "FAM@x.com", None, "holder")
    ]


def test_a_second_address_becomes_the_first_of_who_gave_the_shared_one_away(little):
    made = emails(little, f"C1,a,f@x.com,a@x.com,patient,{OLD},", f"C2,b,f@x.com,b@x.com,patient,{NEW},")
    assert made == {"C1": ("f@x.com", None, '["a@x.com"]'), "C2": ("b@x.com", "f@x.com", None)}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param(
            [f"C1,a,f@x.com,,patient,{OLD},", f"C2,b,f@x.com,c@x.com,patient,{NEW},", f"C3,c,C@x.com,,patient,{NEW},"],
            ("C2", (None, "f@x.com, c@x.com", None)),
            id="it is another's first",
        ),
        pytest.param(
            [
                f"C1,a,f@x.com,,patient,{OLD},",
                f"C2,b,f@x.com,z@x.com,patient,{NEW},",
                f"C3,c,f@x.com,Z@x.com,prospect,{NEW},",
            ],
            ("C3", (None, "f@x.com, Z@x.com", None)),
            id="two share it as well",
        ),
        pytest.param(
            [f"C1,a,own@x.com,c@x.com,patient,{OLD},", f"C3,c,c@x.com,,patient,{NEW},"],
            ("C1", ("own@x.com", "c@x.com", None)),
            id="the second of a holder is another's first",
        ),
    ],
)
def test_a_second_address_that_another_holds_is_carried_as_shared(little, rows, expected):
    made = emails(little, *rows)
    assert made[expected[0]] == expected[1]
    assert [row[0] for row in little.rows("SELECT was FROM staged.changes WHERE field = 'emails_more'")]


def test_a_tenant_without_the_unique_rule_keeps_every_address(little):
    little.write("migration.toml", '[policy]\nshared_email = "off"\n')
    made = emails(little, f"C1,a,f@x.com,,patient,{OLD},", f"C2,b,f@x.com,,patient,{NEW},")
    assert [row[0] for row in made.values()] == ["f@x.com", "f@x.com"]
