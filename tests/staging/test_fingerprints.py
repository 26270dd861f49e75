"""A fingerprint is of the payload alone: equal when staged twice, different when a value differs, the same whatever the ids there."""

from __future__ import annotations

import pytest

PERSON = """
kind = "record"
destination = "contact"
[source]
from = "people"
[fields]
last_name = { from = "last_name" }
first_name = { from = "first_name" }
city = { from = "city" }
cf_source_system_id = { const = "same" }
[lookups]
account = { from = "practice_id", to = "practices" }
"""
HEADER = "person_id,last_name,first_name,city,practice_id\n"


def prints(little, *rows: str) -> list[str]:
    little.mapping("person", PERSON)
    little.land(people=HEADER + "".join(f"{row}\n" for row in rows))
    little.stage()
    return [row[0] for row in little.staged("person", "fingerprint")]


def test_staging_twice_gives_the_same_fingerprints_and_stamp(little):
    first = little.stage()
    before = little.rows("SELECT * FROM staged.person ORDER BY ALL")
    assert (little.stage(), little.rows("SELECT * FROM staged.person ORDER BY ALL")) == (first, before)
    assert little.rows("SELECT tenant, stamp FROM staged.stamp") == [("t", first.stamp)]


def test_the_order_of_the_export_changes_nothing(little):
    first = little.stage().stamp
    little.land(people="person_id,last_name,practice_id\nC2,Reyes,\nC1,Lund,P1\n")
    assert little.stage().stamp == first


def test_another_value_or_link_changes_one_row_and_the_stamp(little):
    first = little.stage()
    before = little.staged("person", "fingerprint")
    little.land(people="person_id,last_name,practice_id\nC1,Lund,P1\nC2,Reyes,P1\n")
    assert little.stage().stamp != first.stamp
    after = little.staged("person", "fingerprint")
    assert (after[0] == before[0], after[1] == before[1]) == (True, False)


def test_the_same_payload_under_two_ids_has_one_fingerprint(little):
    assert len(set(prints(little, "C1,Lund,Dana,Salem,P1", "C2,Lund,Dana,Salem,P1"))) == 1


def test_it_knows_source_keys_and_no_ids_of_the_tenant(little):
    assert len(set(prints(little, "C1,Lund,Dana,Salem,P1", "C2,Lund,Dana,Salem,P2"))) == 2
    assert little.staged("person", "account") == [("practices/P1",), ("practices/P2",)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("C1,ab,,x,", "C2,a,b,x,", id="a letter moved to the next field"),
        pytest.param("C1,Lund,,x,", "C2,,Lund,x,", id="the same word in another field"),
        pytest.param(
            'C1,"a\x1efirst_name=1:b",,x,', "C2,a,b,x,", id="a value with our separator and another field's name"
        ),
        pytest.param('C1,"a=1:b",,x,', "C2,a,,x,", id="a value with our length"),
        pytest.param("C1,a,,,", "C2,,,a,", id="empty fields do not shift"),
    ],
)
def test_no_value_can_pass_for_another_field(little, one, other):
    assert len(set(prints(little, one, other))) == 2
