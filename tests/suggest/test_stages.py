"""Stages are proposed by name, behind a prefix, by a slip and by what they mean; what only means it is for a person."""

from __future__ import annotations

import pytest

from workbench.suggest.stages import meanings, suggest_stages

THERE = {
    "Consult": (),
    "Presented": (),
    "Pre-auth Sent": (),
    "Accepted": ("Won",),
    "Scheduled": (),
    "In Treatment": (),
    "Completed": (),
    "Declined": (),
}


def said(spelling: str) -> tuple[str | None, bool]:
    (made,) = suggest_stages([spelling], THERE)
    return (made.best.value if made.best else None, made.auto)


@pytest.mark.parametrize(
    ("spelling", "stage"),
    [
        pytest.param("IN-TREATMENT", "In Treatment", id="the name but for case and marks"),
        pytest.param("won", "Accepted", id="an alias"),
        pytest.param("Ortho: Consult", "Consult", id="behind its pipeline"),
        pytest.param("4. Accepted", "Accepted", id="behind a number"),
    ],
)
def test_a_name_is_accepted(spelling: str, stage: str) -> None:
    assert said(spelling) == (stage, True)


@pytest.mark.parametrize(
    ("spelling", "stage"),
    [
        pytest.param("In Treatmnt", "In Treatment", id="a slip"),
        pytest.param("Predetermination sent to ins", "Pre-auth Sent", id="another word for it"),
        pytest.param("Tx presented", "Presented", id="words around it"),
        pytest.param("booked", "Scheduled", id="what people say"),
        pytest.param("Accepted - not scheduled yet", "Accepted", id="what is not done yet does not count"),
        pytest.param("pt said no", "Declined", id="a no"),
    ],
)
def test_what_means_a_stage_is_for_a_person(spelling: str, stage: str) -> None:
    assert said(spelling) == (stage, False)


@pytest.mark.parametrize("spelling", ["No show", "???", "3/4/2026", "see notes"])
def test_what_means_none_gets_no_proposal(spelling: str) -> None:
    assert said(spelling) == (None, False)


def test_two_stages_in_one_text_are_never_sure() -> None:
    (made,) = suggest_stages(["Accepted/Declined"], THERE)
    assert {one.value for one in made.candidates} == {"Accepted", "Declined"}
    assert max(one.confidence for one in made.candidates) < 0.7


def test_a_short_word_says_something_by_itself_alone() -> None:
    assert meanings("no") == ["declined"]
    assert meanings("no show") == []
