"""A spelling that fails the screen for personal data is written as a keyed token; its decision holds all the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from little import Little

from workbench.editors.decisions import Decisions
from workbench.errors import MappingProblem
from workbench.mapping.spellings import Asked, asked_spellings
from workbench.reports.decisions import decision_frame
from workbench.suggest.acceptance import proposal_frame
from workbench.suggest.proposals import Proposal, accept, propose
from workbench.vocabulary import Decision
from workbench.warehouse import open_warehouse

TYPED, SHAPE = "Aetna ID 123456789", "aaaaa aa 999999999"
OTHER = "Cigna 02/03/1961"
NUMBER = "123456789"
PEOPLE = "person_id,last_name,carrier,claim,stage,pipeline,color,owner\n"
MAP = "insurance_carrier"


@pytest.fixture
def typed(little: Little) -> Little:
    """Two people whose carrier was typed with the number of a member, and one of a plain carrier."""
    little.land(people=f"{PEOPLE}C1,Lund,{TYPED},,,,,\nC2,Reyes,{TYPED} ,,,,,\nC3,Falk,Aetna,,,,,\n")
    return little


def take(typed: Little, above: float = 0.0) -> Path:
    """Accept proposals into the shared value maps, and return the file of carriers."""
    accept(typed.settings, typed.mappings, above=above, by="Ana", on="2026-11-26", own=False)
    return typed.folder / "mappings" / "values" / f"{MAP}.csv"


def carriers(typed: Little) -> Asked:
    """The spellings of carriers as they are asked now."""
    return next(one for one in asked_spellings(typed.settings, typed.mappings) if one.name == MAP)


def decided(typed: Little, answer: str = "Aetna") -> Path:
    """Let an analyst answer the token in the file."""
    file = take(typed)
    file.write_text(re.sub(r"(hmac:\w+),ask,,", rf"\1,map,{answer},", file.read_text()))
    return file


def test_it_is_written_as_a_token_with_its_shape_in_the_note_and_never_accepted(typed: Little) -> None:
    [found] = [one for one in propose(typed.settings, typed.mappings) if one.asked.name == MAP]
    assert found.suggestions["Aetna"].auto and not found.suggestions[TYPED].auto
    written = take(typed, above=0.0).read_text().splitlines()
    assert re.fullmatch(rf"hmac:[0-9a-f]{{16}},ask,,Ana,2026-11-26,{SHAPE}; no proposal sure enough", written[2])
    assert [line.split(",")[0] for line in written[:2]] == ["source_value", "Aetna"] and len(written) == 3
    row = next(row for row in proposal_frame(propose(typed.settings, typed.mappings)).rows() if row[0] == MAP)
    assert row == (MAP, 2, 1, 0)


def test_the_same_key_writes_the_same_bytes(typed: Little) -> None:
    file = take(typed)
    first = file.read_bytes()
    take(typed)
    assert file.read_bytes() == first
    file.unlink()
    assert take(typed).read_bytes() == first


def test_a_decision_for_the_token_is_applied_and_the_spelling_is_known_in_a_later_delivery(typed: Little) -> None:
    decided(typed)
    assert (carriers(typed).open, carriers(typed).missing) == ([], [])
    typed.stage()
    assert typed.staged("person", "source_id", "cf_carrier") == [("C1", "Aetna"), ("C2", "Aetna"), ("C3", "Aetna")]
    typed.land(people=f"{PEOPLE}C1,Lund,{TYPED},,,,,\nC4,Pratt,{TYPED},,,,,\nC5,Ochoa,{OTHER},,,,,\n")
    assert carriers(typed).missing == [OTHER]
    typed.stage()
    assert typed.staged("person", "source_id", "cf_carrier") == [("C1", "Aetna"), ("C4", "Aetna"), ("C5", None)]
    assert [row[:2] for row in typed.problems() if row[1] == "cf_carrier"] == [("C5", "cf_carrier")]


def test_no_file_but_the_warehouse_holds_what_was_typed(typed: Little) -> None:
    desk = Decisions(typed.settings, Proposal(carriers(typed), {}), by="Ana")
    place = desk.spellings.index(TYPED)
    assert desk.lines()[place]["shown"] == SHAPE
    desk.decide([place], Decision.MAP, "Aetna")
    decided(typed)
    typed.stage()
    shown = decision_frame([carriers(typed)])
    assert NUMBER not in shown.write_csv() and SHAPE in shown["spelling"]
    files = [
        path for path in typed.folder.rglob("*") if path.is_file() and not path.name.startswith("warehouse.duckdb")
    ]
    assert (typed.folder / "data/rehearsal/decisions" / f"{MAP}.csv") in files
    assert [path for path in files if NUMBER.encode() in path.read_bytes()] == []
    assert (typed.settings.spelling_key.stat().st_mode & 0o777) == 0o600


def test_an_editor_answers_the_token_and_one_answer_stands_for_it(typed: Little) -> None:
    desk = Decisions(typed.settings, Proposal(carriers(typed), {}), by="Ana")
    place = desk.spellings.index(TYPED)
    desk.decide([place], Decision.MAP, "Aetna")
    desk.decide([place], Decision.MAP, "Aetna of Ohio")
    [row] = typed.mappings.values(MAP).rows.values()
    assert (row.source_value[:5], row.answer, row.note) == ("hmac:", "Aetna of Ohio", SHAPE)
    typed.stage()
    assert typed.staged("person", "source_id", "cf_carrier")[0] == ("C1", "Aetna of Ohio")


def test_what_stands_as_a_token_is_never_kept_as_it_is(typed: Little) -> None:
    desk = Decisions(typed.settings, Proposal(carriers(typed), {}), by="Ana")
    desk.decide([desk.spellings.index(TYPED)], Decision.KEEP)
    assert TYPED in carriers(typed).open
    file = take(typed)
    file.write_text(file.read_text().replace(",ask,", ",keep,"))
    with pytest.raises(
        MappingProblem, match="line 3: keep means nothing for a token; map it to the name that is meant"
    ):
        typed.mappings.values(MAP)


def test_without_the_key_that_made_them_tokens_answer_nothing_and_the_spellings_are_asked_again(typed: Little) -> None:
    decided(typed)
    typed.settings.spelling_key.unlink()
    assert carriers(typed).missing == [TYPED]


def test_ids_of_users_and_records_are_no_spellings_and_stay(typed: Little) -> None:
    typed.land(people=f"{PEOPLE}C1,Lund,,,,,,U10042\n")
    with open_warehouse(typed.settings.warehouse, write=True) as warehouse:
        warehouse.run("CREATE TABLE destination.users (email VARCHAR, is_active BOOLEAN)")
    take(typed)
    assert (typed.folder / "mappings/values/owner.csv").read_text().splitlines()[1].startswith("U10042,ask,")
