"""The table of what becomes of a field: last delivered, source now, there now, and who wins where all three differ."""

from __future__ import annotations

from typing import Any

import pytest

from workbench.ledger.operations import FieldConflict
from workbench.load.conflicts import Rules, weigh
from workbench.load.survey import Known
from workbench.mapping.object_mapping import FieldMapping, Narrowing, ObjectMapping
from workbench.vocabulary import Decision, Kind, Policy

SEND, KEEP, NOTHING = "send", "keep", "nothing"


def mapping(conflict: str | None = None) -> ObjectMapping:
    fields = {
        "city": FieldMapping("city", ("city",), conflict=conflict),
        "subscription_status": FieldMapping(
            "subscription_status", ("consent",), via="integer", narrows=Narrowing(0, (1,))
        ),
    }
    return ObjectMapping("person", Kind.RECORD, "contact", "people", "true", "People", fields=fields)


def weighed(  # noqa: PLR0917 - the columns of the table
    last: Any,
    source: Any,
    there: Any,
    policy: str = "destination",
    own: str | None = None,
    decided: str = "",
    kept: str = "",
) -> tuple[str, list[tuple[Any, ...]], list[str]]:
    """Weigh one field and return what becomes of it, the conflicts, and what both sides agree on."""
    known = Known({"city": last}, {"city": last}, frozenset(kept.split()), is_complete=True)
    decisions = {"city": Decision(decided)} if decided else {}
    made = weigh(mapping(own), known, {"city": source}, {"city": there}, Rules(Policy(policy), decisions))
    fate = SEND if made.send == {"city": source} else KEEP if made.kept == ["city"] else NOTHING
    assert (made.send, made.kept) in (({"city": source}, []), ({}, ["city"]), ({}, []))
    return fate, [tuple(vars(one).values()) for one in made.conflicts], made.agreed


@pytest.mark.parametrize(
    ("source", "there", "fate", "agreed"),
    [
        pytest.param("Akron", "Akron", NOTHING, [], id="same and same"),
        pytest.param("Elgin", "Akron", SEND, [], id="changed and same"),
        pytest.param(None, "Akron", SEND, [], id="emptied and same"),
        pytest.param("Akron", "Reno", KEEP, [], id="same and changed"),
        pytest.param("Akron", None, KEEP, [], id="same and emptied"),
        pytest.param("Elgin", "Elgin", NOTHING, ["city"], id="both changed and equal"),
    ],
)
@pytest.mark.parametrize("policy", list(Policy))
def test_where_one_side_changed_or_both_agree_no_policy_is_asked(
    source: str | None, there: str | None, fate: str, agreed: list[str], policy: str
) -> None:
    assert weighed("Akron", source, there, policy) == (fate, [], agreed)


@pytest.mark.parametrize(
    ("policy", "own", "decided", "fate", "ruled", "act"),
    [
        pytest.param("destination", None, "", KEEP, "destination", "kept", id="theirs stays"),
        pytest.param("source", None, "", SEND, "source", "written", id="ours goes over theirs"),
        pytest.param("ask", None, "", KEEP, "ask", "asked", id="theirs stays and a person is asked"),
        pytest.param("destination", "source", "", SEND, "source", "written", id="the field says source"),
        pytest.param("source", "destination", "", KEEP, "destination", "kept", id="the field says destination"),
        pytest.param("source", "ask", "", KEEP, "ask", "asked", id="the field says ask"),
        pytest.param("ask", None, "map", SEND, "source", "written", id="a person decided for the source"),
        pytest.param("source", None, "keep", KEEP, "destination", "kept", id="a person decided for theirs"),
    ],
)
def test_where_both_changed_the_policy_rules_and_three_values_are_listed(  # noqa: PLR0917
    policy: str, own: str | None, decided: str, fate: str, ruled: str, act: str
) -> None:
    listed = [("city", ruled, act, "Akron", "Elgin", "Reno")]
    assert weighed("Akron", "Elgin", "Reno", policy, own, decided) == (fate, listed, [])


@pytest.mark.parametrize(
    ("policy", "decided", "kept", "fate", "listed"),
    [
        pytest.param("source", "", "city", KEEP, [], id="a policy looks at news alone"),
        pytest.param("ask", "", "city", KEEP, [], id="a question is asked once"),
        pytest.param("ask", "keep", "city", KEEP, [], id="an answer for theirs changes nothing"),
        pytest.param(
            "ask",
            "map",
            "city",
            SEND,
            [("city", "source", "written", "Akron", "Akron", "Reno")],
            id="an answer for the source is followed without news",
        ),
        pytest.param("ask", "map", "", KEEP, [], id="an edit after that answer is theirs again"),
    ],
)
def test_a_field_that_is_a_persons_already(
    policy: str, decided: str, kept: str, fate: str, listed: list[tuple[Any, ...]]
) -> None:
    assert weighed("Akron", "Akron", "Reno", policy, None, decided, kept) == (fate, listed, [])


def test_a_consent_that_is_taken_back_goes_over_theirs_whatever_the_policy_and_is_listed() -> None:
    known = Known({"subscription_status": 2}, {"subscription_status": 2}, frozenset(), is_complete=True)
    made = weigh(mapping(), known, {"subscription_status": 0}, {"subscription_status": 1}, Rules(Policy.DESTINATION))
    assert (made.send, made.kept) == ({"subscription_status": 0}, [])
    assert made.conflicts == [FieldConflict("subscription_status", "destination", "written", 2, 0, 1)]


def test_the_values_of_a_conflict_show_in_no_message() -> None:
    assert "Reno" not in repr(FieldConflict("city", "destination", "kept", "Akron", "Elgin", "Reno"))
