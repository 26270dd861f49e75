"""Deciding many spellings at once: each act is in the CSV when it ends, can be undone, and covers no hand edit."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import ipywidgets
import pytest

from workbench.editors.decisions import Decisions
from workbench.editors.grid import ValueMapGrid
from workbench.editors.panels import edit_value_maps
from workbench.editors.value_file import Signer
from workbench.mapping.spellings import Asked
from workbench.mapping.value_map import ValueMap, read_value_map, save_value_map
from workbench.privacy import PERSONAL
from workbench.settings import Settings, read_settings
from workbench.suggest.proposals import Proposal
from workbench.suggest.suggestion import Candidate, Suggestion
from workbench.vocabulary import Decision, Target

MAP = "insurance_carrier"
DELTA, NEAR, NOBODY, OTHER, TYPED = "DELTA DENTAL", "Delta Dntl", "Self pay", "zzz", "Delta 123-45-6789"
RECORDS = {DELTA: 31, NEAR: 12, NOBODY: 7, OTHER: 1, TYPED: 2}
SAID = [
    Suggestion(DELTA, (Candidate("Delta Dental", 0.99, "same letters"),)),
    Suggestion(NEAR, (Candidate("Delta Dental", 0.8, "near"), Candidate("Dentical", 0.3, "near"))),
    Suggestion(NOBODY, (Candidate("", 0.98, "no carrier"),), decision=Decision.BLANK),
    Suggestion(TYPED, (Candidate("Delta Dental", 0.97, "the name"),)),
]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "migration.toml").touch()
    return read_settings(tmp_path)


@pytest.fixture
def proposal() -> Proposal:
    return Proposal(Asked(MAP, RECORDS, ValueMap(MAP, {}, lambda: b"k" * 32), True), {s.source_value: s for s in SAID})


@pytest.fixture
def desk(settings: Settings, proposal: Proposal) -> Decisions:
    return Decisions(settings, proposal, by="Ana", today=lambda: date(2026, 11, 26))


def saved(desk: Decisions) -> dict[str, tuple[str, str, str]]:
    rows = read_value_map(MAP, [desk.settings.own_decisions]).rows
    return {one: (str(row.decision), row.destination_value, row.note) for one, row in rows.items()}


def numbers(desk: Decisions, *spellings: str) -> list[int]:
    return [desk.spellings.index(one) for one in spellings]


def line(desk: Decisions, spelling: str) -> dict[str, Any]:
    return desk.lines()[desk.spellings.index(spelling)]


def by_hand(desk: Decisions, text: str) -> None:
    path = desk.settings.own_decisions / f"{MAP}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"source_value,decision,destination_value,decided_by,decided_on,note\n{text}", "utf-8")


@pytest.fixture
def writes() -> Iterator[list[str]]:
    """The value maps that are written from here on, as the interpreter itself reports what is opened."""
    found: list[str] = []
    is_watched = [True]

    def watch(event: str, told: Any) -> None:
        if is_watched[0] and event == "open" and str(told[0]).endswith(".csv.part"):
            found.append(Path(told[0]).name)

    sys.addaudithook(watch)  # for as long as the interpreter lives, so it is told to look away
    yield found
    is_watched[0] = False


def test_spellings_stand_by_records_and_reading_saves_nothing(desk: Decisions) -> None:
    assert [one["shown"] for one in desk.lines()] == [DELTA, NEAR, NOBODY, "aaaaa 999-99-9999", OTHER]
    assert saved(desk) == {}
    assert desk.progress() | {"undo": 0, "redo": 0} == {
        "spellings": 5, "decided": 0, "records": 53, "decided_records": 0, "undo": 0, "redo": 0,
    }  # fmt: skip


def test_accepting_takes_each_its_own_proposal_with_its_reason(desk: Decisions) -> None:
    told = desk.accept(numbers(desk, DELTA, NEAR, NOBODY, OTHER))
    assert saved(desk) == {
        DELTA: ("map", "Delta Dental", "suggested 0.99: same letters"),
        NEAR: ("map", "Delta Dental", "suggested 0.80: near"),
        NOBODY: ("blank", "", "suggested 0.98: no carrier"),
    }
    assert told.text == "3 accepted. 1 without a proposal or decision."


def test_of_many_what_may_hold_personal_data_waits_until_it_was_seen(desk: Decisions) -> None:
    told = desk.accept(numbers(desk, DELTA, TYPED))
    assert set(saved(desk)) == {DELTA}
    assert "1 left to be seen" in told.text
    desk.accept(numbers(desk, NEAR, TYPED), are_seen=True)
    [token] = set(saved(desk)) - {DELTA, NEAR}
    assert token.startswith("hmac:")
    assert line(desk, TYPED)["answer"] == "Delta Dental"


def test_a_group_turned_down_is_open_apart_and_no_machine_takes_it_again(desk: Decisions) -> None:
    desk.turn_down(numbers(desk, DELTA))
    assert saved(desk) == {DELTA: ("ask", "", "not Delta Dental")}
    assert (line(desk, DELTA)["proposal"], line(desk, DELTA)["group"]) == (None, "")
    desk.accept_above(0.9)
    assert saved(desk)[DELTA] == ("ask", "", "not Delta Dental")
    assert desk.accept(numbers(desk, DELTA)).text == "1 without a proposal or decision."
    assert saved(desk)[DELTA] == ("ask", "", "not Delta Dental")


def test_splitting_a_decided_spelling_says_what_it_is_not(desk: Decisions) -> None:
    desk.decide(numbers(desk, OTHER), Decision.MAP, "Zeta")
    desk.turn_down(numbers(desk, OTHER))
    assert saved(desk) == {OTHER: ("ask", "", "not Zeta")}


def test_above_a_confidence_the_sure_are_taken_and_the_rest_asked(desk: Decisions) -> None:
    told = desk.accept_above(0.95)
    found = saved(desk)
    assert {one: row[0] for one, row in found.items() if not one.startswith("hmac:")} == {
        DELTA: "map", NEAR: "ask", NOBODY: "blank", OTHER: "ask",
    }  # fmt: skip
    assert told.text == "2 accepted at 0.95 and above; 3 stay open."


def test_what_a_person_asks_about_is_left_alone_and_counted(desk: Decisions) -> None:
    desk.decide(numbers(desk, DELTA), Decision.ASK)
    desk.note(numbers(desk, NOBODY), "ask the front desk")
    by_machine = saved(desk) | {NEAR: ("ask", "", "no proposal sure enough")}
    told = desk.accept_above(0.8)
    assert {one: row for one, row in saved(desk).items() if one in (DELTA, NOBODY)} == {
        one: by_machine[one] for one in (DELTA, NOBODY)
    }
    assert told.text == "1 accepted at 0.80 and above; 4 stay open, 2 of them since a person asks about them."


def test_what_a_machine_asked_is_taken_at_a_lower_bar(desk: Decisions) -> None:
    desk.accept_above(0.95)
    assert saved(desk)[NEAR] == ("ask", "", "no proposal sure enough")
    assert line(desk, NEAR)["why"] == "near"
    desk.accept_above(0.8)
    assert saved(desk)[NEAR][0] == "map"


def test_what_accepting_above_a_confidence_would_do_is_told_and_nothing_written(desk: Decisions) -> None:
    desk.decide(numbers(desk, NOBODY), Decision.ASK)
    before = saved(desk)
    assert desk.would_accept(0.8).text == (
        "That is 2 of 5 open spellings, 43 records, 1 answer; 3 stay open, 1 of them since a person asks about it."
    )
    assert saved(desk) == before


def test_of_some_lines_those_alone_are_taken_and_no_other_is_asked(desk: Decisions) -> None:
    told = desk.accept_above(0.95, numbers(desk, DELTA, NEAR))
    assert set(saved(desk)) == {DELTA}
    assert told.text == "1 of 2 accepted at 0.95 and above; 1 stay open."


@pytest.mark.parametrize("share", [0, 0.49, 1.01, None, "0.95", float("nan")])
def test_a_confidence_that_is_none_accepts_nothing(desk: Decisions, share: Any) -> None:
    told = ValueMapGrid(desk).act({"act": "accept_above", "share": share})
    assert (told.is_refused, told.text) == (True, "Type a confidence from 0.5 to 1, such as 0.95.")
    assert saved(desk) == {}


def test_a_further_proposal_is_taken_by_its_place(desk: Decisions) -> None:
    assert line(desk, NEAR)["others"] == [(2, "Dentical", 0.3, "near")]
    desk.take(numbers(desk, NEAR)[0], 1)
    assert saved(desk)[NEAR] == ("map", "Dentical", "suggested 0.30: near")
    assert desk.take(numbers(desk, DELTA)[0], 1).text == "There is no proposal 2 here."
    desk.turn_down(numbers(desk, NEAR))
    assert desk.take(numbers(desk, NEAR)[0], 1).text == "There is no proposal 2 here."
    assert line(desk, NEAR)["others"] == []


def test_an_accepted_decision_shows_the_confidence_it_was_accepted_with(desk: Decisions) -> None:
    by_hand(
        desk, f"{NEAR},map,Delta Dental,Bo,2026-11-25,suggested 0.97: an older list\n{DELTA},map,Aetna,Bo,2026-11-25,\n"
    )
    desk.refresh()
    assert (line(desk, NEAR)["confidence"], line(desk, NEAR)["why"]) == (0.97, "suggested 0.97: an older list")
    assert line(desk, DELTA)["confidence"] == 0.99


def test_people_whose_addresses_have_one_shape_are_no_group(settings: Settings) -> None:
    users = ["ann@x.com", "bob@x.com", "cat@x.com"]
    said = {
        f"U{n}": Suggestion(f"U{n}", (Candidate(one, 1.0, "same e-mail"),)) for n, one in enumerate([*users, users[0]])
    }
    asked = Asked("owner", dict.fromkeys(said, 1), ValueMap("owner", {}), False)
    known = Decisions(settings, Proposal(asked, said), choices=users[:2]).lines()
    assert [one["named"] for one in known] == ["ann@x.com", "bob@x.com", "aaa@a.aaa", "ann@x.com"]
    assert [one["masked"] for one in known] == [False, False, True, False]
    shown = Decisions(settings, Proposal(asked, said)).lines()
    assert {one["named"] for one in shown} == {"aaa@a.aaa"}
    keys = [one["group"] for one in shown]
    assert (len(set(keys)), keys[0] == keys[3]) == (3, True)
    assert "ann" not in str(shown)


def test_keep_and_blank_are_refused_where_they_mean_nothing(settings: Settings) -> None:
    asked = Asked("owner", {"U1": 3}, ValueMap("owner", {}), False, is_needed=True)
    desk = Decisions(settings, Proposal(asked, {}), choices=["ann@x.com"])
    assert desk.decide([0], Decision.KEEP).text.startswith("Keep means nothing here")
    assert desk.decide([0], Decision.BLANK).text.startswith("A blank would hold")
    desk = Decisions(settings, Proposal(replace(asked, is_needed=False), {}))
    desk.decide([0], Decision.BLANK)
    assert read_value_map("owner", [settings.own_decisions]).rows["U1"].decision is Decision.BLANK


def test_blanks_inside_a_typed_answer_are_folded_and_a_new_value_is_called_so(desk: Decisions) -> None:
    assert (
        desk.decide(numbers(desk, OTHER), Decision.MAP, "  Zeta \t Health ").text == "1 now Zeta Health, a new value."
    )
    assert saved(desk)[OTHER][1] == "Zeta Health"
    assert desk.decide(numbers(desk, NEAR), Decision.MAP, "Zeta Health").text == "1 now Zeta Health."
    assert desk.decide(numbers(desk, NEAR), Decision.MAP, "Delta Dental").text == "1 now Delta Dental."


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("x" * 256, "at most 255 characters"),
        ("Del\u200bta", "1 character of it cannot be seen"),
        ("Del\x07ta", "1 character of it cannot be seen"),
        (" ", "Nothing was typed"),
        ("delta-dental", "Delta Dental is there already. Enter again"),
    ],
)
def test_a_typed_answer_that_is_refused_changes_nothing_and_is_asked_again(
    desk: Decisions, typed: str, told: str
) -> None:
    answer = desk.decide(numbers(desk, OTHER), Decision.MAP, typed)
    assert told in answer.text
    assert answer.is_refused
    assert saved(desk) == {}


def test_a_value_that_is_like_another_is_written_when_it_is_meant(desk: Decisions) -> None:
    desk.decide(numbers(desk, OTHER), Decision.MAP, "delta-dental", again=True)
    assert saved(desk)[OTHER][1] == "delta-dental"


def test_one_name_signs_in_all_editors_of_a_kernel(settings: Settings, desk: Decisions, proposal: Proposal) -> None:
    signer = Signer("Ana")
    one, other = ValueMapGrid(desk, signer), ValueMapGrid(Decisions(settings, proposal), signer)
    assert one.act({"act": "sign", "answer": " Grace  Lund "}).text == "Decided by Grace Lund from now on."
    assert (other.by, other.decisions.by, ValueMapGrid(desk, signer).by) == ("Grace Lund",) * 3
    assert other.act({"act": "sign", "answer": " "}).text == "No name was typed: decided by analyst from now on."
    assert (one.by, one.decisions.by) == ("analyst", "analyst")


def test_reading_again_by_a_key_says_so_when_nothing_changed(desk: Decisions) -> None:
    assert desk.refresh(is_asked=True).text == f"{desk.file.place} was read again: nothing changed."


def test_an_editor_says_for_which_target_it_writes_and_where(settings: Settings, desk: Decisions) -> None:
    assert ValueMapGrid(desk).writes == [
        "Target rehearsal, written to data/rehearsal/decisions/insurance_carrier.csv.",
        "Rehearsal: these decisions stay here; for the real tenant set target to freshsales.",
    ]
    real = Decisions(read_settings(settings.folder, Target.FRESHSALES), desk.proposal)
    assert ValueMapGrid(real).writes == ["Target freshsales, written to mappings/values/insurance_carrier.csv.", ""]


def test_an_act_writes_the_file_once_and_looking_not_at_all(desk: Decisions, writes: list[str]) -> None:
    for act in (
        lambda: desk.accept_above(0.95),
        lambda: desk.decide(numbers(desk, DELTA, NEAR), Decision.MAP, "Delta Dental of Ohio"),
        desk.undo,
        desk.redo,
        lambda: desk.note(numbers(desk, NEAR), "asked"),
    ):
        writes.clear()
        act()
        assert writes == [f"{MAP}.csv.part"]
    writes.clear()
    desk.refresh()
    desk.lines()
    assert writes == []


def test_undo_and_redo_give_the_file_byte_for_byte(desk: Decisions) -> None:
    path = desk.settings.own_decisions / f"{MAP}.csv"
    texts = []
    for act in (
        lambda: desk.accept(numbers(desk, DELTA, NOBODY)),
        lambda: desk.decide(numbers(desk, TYPED), Decision.MAP, "Aetna"),
        lambda: desk.decide(numbers(desk, DELTA, NEAR), Decision.MAP, "Delta Dental of Ohio"),
        lambda: desk.pin(numbers(desk, DELTA)),
        lambda: desk.pin(numbers(desk, TYPED)),
        lambda: desk.note(numbers(desk, TYPED), "their card"),
        lambda: desk.decide(numbers(desk, TYPED), Decision.MAP, "Cigna"),
        lambda: desk.note(numbers(desk, NEAR), "asked  the desk"),
    ):
        act()
        texts.append(path.read_text("utf-8"))
    assert len(set(texts)) == len(texts)
    for text in reversed(texts[:-1]):
        desk.undo()
        assert path.read_text("utf-8") == text
    desk.undo()
    assert saved(desk) == {}
    assert desk.undo().text == "There is nothing to undo."
    for text in texts:
        desk.redo()
        assert path.read_text("utf-8") == text


def test_a_pinned_decision_is_left_by_what_is_done_to_many(desk: Decisions) -> None:
    desk.decide(numbers(desk, NEAR), Decision.MAP, "Dentical")
    desk.pin(numbers(desk, NEAR))
    told = desk.decide(numbers(desk, DELTA, NEAR), Decision.MAP, "Delta Dental")
    assert saved(desk)[NEAR][1:] == ("Dentical", "pinned; suggested 0.30: near")
    assert "1 pinned, so left" in told.text
    desk.pin(numbers(desk, NEAR))
    assert saved(desk)[NEAR][2] == "suggested 0.30: near"


def test_a_hand_edit_while_the_editor_is_open_is_shown_and_not_written_over(desk: Decisions) -> None:
    desk.decide(numbers(desk, DELTA), Decision.MAP, "Delta Dental")
    by_hand(desk, f"{DELTA},map,Delta Dental of Ohio,Bo,2026-11-25,by hand\n{OTHER},keep,,Bo,2026-11-25,\n")
    told = desk.decide(numbers(desk, DELTA, NEAR), Decision.MAP, "Delta Dental")
    assert saved(desk) == {
        DELTA: ("map", "Delta Dental of Ohio", "by hand"),
        NEAR: ("map", "Delta Dental", "suggested 0.80: near"),
        OTHER: ("keep", "", ""),
    }
    assert "1 changed in the file meanwhile" in told.text
    assert {one["shown"] for one in told.lines} == {DELTA, NEAR, OTHER}
    desk.decide(numbers(desk, DELTA), Decision.MAP, "Delta Dental")
    assert saved(desk)[DELTA][1] == "Delta Dental"


def test_a_hand_edit_is_shown_after_many_were_accepted_at_once(desk: Decisions) -> None:
    by_hand(desk, f"{OTHER},keep,,Bo,2026-11-25,\n")
    told = desk.accept_above(0.95)
    assert {one["shown"]: one["decision"] for one in told.lines}[OTHER] == "keep"


def test_undo_leaves_what_somebody_changed_since(desk: Decisions) -> None:
    desk.accept(numbers(desk, DELTA, NOBODY))
    by_hand(desk, f"{DELTA},map,Delta Dental of Ohio,Bo,2026-11-25,\n{NOBODY},blank,,Ana,2026-11-26,\n")
    told = desk.undo()
    assert told.text == "1 taken back. 1 changed in the file since, and left."
    assert {one["shown"]: one["answer"] for one in told.lines} == {DELTA: "Delta Dental of Ohio", NOBODY: ""}
    assert saved(desk) == {DELTA: ("map", "Delta Dental of Ohio", "")}


def test_a_file_changed_elsewhere_is_read_again_when_the_page_is_looked_at(desk: Decisions) -> None:
    assert (desk.refresh().lines, desk.refresh().text) == ([], "")
    by_hand(desk, f"{OTHER},blank,,Bo,2026-11-25,\n")
    told = desk.refresh()
    assert [one["decision"] for one in told.lines] == ["blank"]
    assert told.text == "1 spelling changed in the file meanwhile: read again."


def test_what_differs_from_a_sure_proposal_is_marked(desk: Decisions) -> None:
    desk.decide(numbers(desk, DELTA, NEAR), Decision.MAP, "Aetna")
    assert {one["shown"] for one in desk.lines() if one["differs"]} == {DELTA}


def test_what_may_hold_personal_data_is_nowhere_in_the_widget(settings: Settings, proposal: Proposal) -> None:
    desk = Decisions(settings, proposal, hide=re.compile("zz"))
    desk.decide(numbers(desk, TYPED), Decision.MAP, "Delta Dental")
    state = str(ValueMapGrid(desk).get_state())
    assert "6789" not in state
    assert OTHER not in state
    assert "aaa" in state


def test_the_page_sends_acts_and_gets_what_changed(settings: Settings, desk: Decisions) -> None:
    grid, sent = ValueMapGrid(desk), []
    grid.send = lambda content, **_: sent.append(content)
    grid._received(grid, {"act": "map", "ids": [1, 99, "x"], "answer": " Dentical "}, None)
    assert [(one["id"], one["answer"]) for one in sent[-1]["lines"]] == [(1, "Dentical")]
    assert sent[-1]["progress"]["decided_records"] == 12
    assert grid.rows[1]["answer"] == "Dentical"
    grid._received(grid, {"act": "sign", "answer": "Grace"}, None)
    grid._received(grid, {"act": "keep", "ids": [0]}, None)
    assert read_value_map(MAP, [settings.own_decisions]).rows[DELTA].decided_by == "Grace"
    grid._received(grid, {"act": "dance"}, None)
    assert sent[-1]["told"].startswith("This page is older")


def test_a_broken_file_is_told_and_stays_as_it_is(desk: Decisions) -> None:
    grid, sent = ValueMapGrid(desk), []
    grid.send = lambda content, **_: sent.append(content)
    by_hand(desk, "Aetna,perhaps,,,,\n")
    grid._received(grid, {"act": "keep", "ids": [0]}, None)
    assert "line 2: decision is one of" in sent[-1]["told"]
    assert "perhaps" in (desk.settings.own_decisions / f"{MAP}.csv").read_text("utf-8")


def test_where_the_answers_are_given_no_other_is_taken(desk: Decisions) -> None:
    grid = ValueMapGrid(replace(desk, choices=["Aetna", "Cigna"]))
    told = grid.act({"act": "map", "ids": [0], "answer": "Cigma"})
    assert told.text == "2 answers are possible here, and this is none of them: Cigna, Aetna"
    assert told.is_refused
    assert saved(desk) == {}
    grid.act({"act": "map", "ids": [0], "answer": "Cigna"})
    assert saved(desk)[DELTA][1] == "Cigna"


def test_the_map_with_most_open_spellings_comes_first(settings: Settings) -> None:
    done = ValueMap("owner", {})
    save_value_map(settings.own_decisions, done)
    maps = [
        Asked("claim_status", {"Paid": 3}, ValueMap("claim_status", {}), True),
        Asked("owner", {"U1": 1, "U2": 2}, done, False),
    ]
    assert [one.title for one in edit_value_maps(settings, maps).children] == ["owner", "claim_status"]
    assert isinstance(edit_value_maps(settings, [Asked("owner", {}, done, False)]), ipywidgets.HTML)


def test_a_map_of_ids_shows_ids_numbers_and_moments_as_they_are(settings: Settings) -> None:
    said = Suggestion(
        "contacts/C1042", (Candidate("402000123456", 0.97, "same e-mail"), Candidate("402000999999", 0.6, ""))
    )
    asked = Asked("existing", {"contacts/C1042": 1}, ValueMap("existing", {}), False)
    [known] = Decisions(settings, Proposal(asked, {"contacts/C1042": said}), hide=PERSONAL).lines()
    assert (known["shown"], known["proposal"], known["others"][0][1]) == (
        "contacts/C1042",
        "402000123456",
        "402000999999",
    )


def test_what_was_turned_down_stays_turned_down_when_another_proposal_is(settings: Settings) -> None:
    said = Suggestion("x", (Candidate("Aetna", 0.9, "near"), Candidate("Cigna", 0.5, "near")))
    desk = Decisions(settings, Proposal(Asked(MAP, {"x": 1}, ValueMap(MAP, {}, lambda: b"k" * 32), True), {"x": said}))
    desk.turn_down([0])
    desk.take(0, 1)
    desk.turn_down([0])
    assert desk.lines()[0]["note"] == "not Aetna; not Cigna"
    assert desk.lines()[0]["proposal"] is None
