"""`workbench suggest WHAT --values FILE`: one proposal a value, in the file's order, without a migration."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from workbench.suggest.value_files import suggest_values, tell_values

if TYPE_CHECKING:
    from conftest import Workbench

CANDIDATE = {"value", "confidence", "reason"}


def ask(workbench: Workbench, what: str, *lines: str, folder: Path, choices: str = "") -> list[dict[str, Any]]:
    values = folder / "values.csv"
    values.write_text("\n".join(lines) + "\n", "utf-8")
    words = ["suggest", what, "--values", values, "--json"]
    if choices:
        (folder / "choices.csv").write_text(choices, "utf-8")
        words += ["--choices", folder / "choices.csv"]
    said = workbench(*words)
    assert (said.code, said.err) == (0, "")
    return list(said.document)


@pytest.mark.parametrize(
    ("what", "choices"),
    [
        pytest.param("carriers", "", id="carriers of the shipped list"),
        pytest.param(
            "carriers", "destination_value,aliases\nDelta Dental,Delta|DDPA\nCigna,\n", id="carriers of a list"
        ),
        pytest.param("claims", "", id="claims"),
        pytest.param("stages", "destination_value\nConsult\nScheduled\n", id="stages"),
    ],
)
def test_a_proposal_has_candidates_a_kind_and_a_verdict(
    workbench: Workbench, tmp_path: Path, what: str, choices: str
) -> None:
    spellings = ["Delta Dental", "consult", "Paid", "zzz", "Delta Dental"]
    lines = ["source_value,records", *(f"{one},3" for one in spellings)]
    rows = ask(workbench, what, *lines, folder=tmp_path, choices=choices)
    assert [row["source_value"] for row in rows] == spellings
    for row in rows:
        assert set(row) >= {"source_value", "candidates", "kind", "auto"}
        assert isinstance(row["auto"], bool)
        confidences = [one["confidence"] for one in row["candidates"]]
        assert all(set(one) == CANDIDATE for one in row["candidates"])
        assert all(0 <= one <= 1 for one in confidences)
        assert confidences == sorted(confidences, reverse=True)


def test_a_carrier_of_the_list_is_sure_and_nonsense_is_not(workbench: Workbench, tmp_path: Path) -> None:
    choices = "destination_value,aliases\nDelta Dental,\nCigna,\n"
    sure, open_one = ask(
        workbench, "carriers", "source_value", "DELTA DENTAL", "qwxz", folder=tmp_path, choices=choices
    )
    assert (sure["candidates"][0]["value"], sure["auto"], sure["kind"]) == ("Delta Dental", True, "carrier")
    assert open_one["auto"] is False


def test_codes_come_with_a_verdict(workbench: Workbench, tmp_path: Path) -> None:
    rows = ask(workbench, "ada", "source_value", "D2740", "2740", "crown", folder=tmp_path)
    assert [set(row) >= {"source_value", "codes", "verdict", "reason"} for row in rows] == [True] * 3
    assert rows[0]["codes"] == ["D2740"]
    assert [row["verdict"] for row in rows] == ["ok", "repairable", "invalid"]


def test_fields_name_object_and_field(workbench: Workbench, tmp_path: Path) -> None:
    rows = ask(
        *(workbench, "fields", "source_object,source_column,sample_values", "contacts,first_name,Mary|John"),
        folder=tmp_path,
    )
    [row] = rows
    assert (row["source_object"], row["source_column"]) == ("contacts", "first_name")
    assert all(set(one) >= {"object", "field", "confidence", "reason"} for one in row["candidates"])
    assert row["candidates"][0]["field"] == "first_name"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param(None, "There is no file", id="no file"),
        pytest.param("value\nDelta\n", "lacks the column source_value", id="no column"),
        pytest.param("value;records\nDelta;3\n", "lacks the column source_value", id="no column of a semicolon file"),
        pytest.param("", "values.csv is empty. It needs the header source_value.", id="empty file"),
        pytest.param(
            "source_value,records\nAetna,3\nMary Miller\n\nPaid,2\nDelta, Dental,4\n",
            "values.csv has 2 problems:\n  line 3: 1 cell where the header has 2\n  line 6: 3 cells where the header has 2\n",
            id="short and long rows",
        ),
        pytest.param('source_value\nAetna\n"Mary\nMiller\n', "line 4: a quote is not closed", id="open quote"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_without_its_values(
    workbench: Workbench, tmp_path: Path, text: str | None, told: str
) -> None:
    values = tmp_path / "values.csv"
    if text is not None:
        values.write_text(text, "utf-8")
    said = workbench("suggest", "carriers", "--values", values, "--json")
    assert said.code == 1
    assert told in said.document["reason"]
    assert not {"Mary", "Miller"} & set(re.findall(r"\w+", said.out + said.err))


def test_a_folder_is_told_to_be_one(workbench: Workbench, tmp_path: Path) -> None:
    said = workbench("suggest", "carriers", "--values", tmp_path)
    assert (said.code, said.out) == (1, "")
    assert said.err == f"workbench suggest: {tmp_path} is a folder; name a CSV in it.\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_file_is_read_as_spreadsheets_save_it(
    workbench: Workbench, tmp_path: Path, encoding: str, delimiter: str
) -> None:
    lines = (f" Source Value {delimiter}Records", f"Aetna{delimiter}3", f"Société Générale{delimiter}2", "")
    values = tmp_path / "values.csv"
    values.write_bytes("\r\n".join(lines).encode(encoding))
    said = workbench("suggest", "carriers", "--values", values, "--json")
    assert (said.code, said.err) == (0, "")
    assert [one["source_value"] for one in said.document] == ["Aetna", "Société Générale"]


def test_into_a_pipe_goes_an_array_with_and_without_json(workbench: Workbench, tmp_path: Path) -> None:
    values = tmp_path / "values.csv"
    values.write_text("source_value\nAETNA\n", "utf-8")
    said = [workbench("suggest", "carriers", "--values", values, *more) for more in ((), ("--json",))]
    assert said[0].out == said[1].out
    assert [one["source_value"] for one in json.loads(said[0].out)] == ["AETNA"]


def test_who_reads_the_proposals_gets_a_table(tmp_path: Path) -> None:
    values = tmp_path / "values.csv"
    values.write_text("source_value\nAETNA\nqw\x1b[31mz\n", "utf-8")
    head, sure, odd, foot = tell_values(suggest_values("carriers", str(values), None)).splitlines()
    assert head.split() == ["value", "proposal", "sure", "why"]
    assert sure.startswith("AETNA") and " Aetna " in sure and " 0.98 " in sure
    assert odd.startswith("qw [31mz") and "?" in odd
    assert foot == "2 values; ? is for a person to look at."


@pytest.mark.parametrize("what", ["ada", "claims", "fields"])
def test_every_kind_has_its_table(tmp_path: Path, what: str) -> None:
    values = tmp_path / "values.csv"
    cells = {"ada": "D2740", "claims": "Paid", "fields": "contacts,first_name,Mary"}[what]
    header = "source_object,source_column,sample_values" if what == "fields" else "source_value"
    values.write_text(f"{header}\n{cells}\n", "utf-8")
    told = tell_values(suggest_values(what, str(values), None))
    row = {"ada": "D2740  D2740  ok", "claims": "Paid  Paid  ", "fields": "contacts.first_name  first_name  "}[what]
    assert re.sub(r" {2,}", "  ", told.splitlines()[1]).startswith(row)


def test_choices_that_hold_none_are_refused(workbench: Workbench, tmp_path: Path) -> None:
    for name, text in (("values", "source_value\nAetna\n"), ("choices", "destination_value\n")):
        (tmp_path / f"{name}.csv").write_text(text, "utf-8")
    words = ("--values", tmp_path / "values.csv", "--choices", tmp_path / "choices.csv")
    said = workbench("suggest", "carriers", *words)
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("workbench suggest: choices.csv holds no choice")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param(["carriers"], "needs --values FILE", id="no values"),
        pytest.param(["stages", "--values", "v"], "needs --choices FILE", id="stages without choices"),
        pytest.param(["claims", "--values", "v", "--choices", "c"], "claims takes no --choices", id="claims"),
        pytest.param(["ada", "--values", "v", "--choices", "c"], "ada takes no --choices", id="ada"),
        pytest.param(["--accept-above", "95", "--by", "Ada"], "between 0 and 1", id="percent"),
        pytest.param(["--accept-above", "sure", "--by", "Ada"], "between 0 and 1", id="a word"),
        pytest.param(["--accept-above", "0.95", "--by", "  "], "--by NAME", id="a blank name"),
    ],
)
def test_what_cannot_be_done_is_wrong_usage(workbench: Workbench, words: list[str], told: str) -> None:
    said = workbench("suggest", *words)
    assert (said.code, said.out) == (2, "")
    assert told in said.err
    assert "_share" not in said.err


def test_no_values_gives_an_empty_array(workbench: Workbench, tmp_path: Path) -> None:
    assert ask(workbench, "carriers", "source_value", folder=tmp_path) == []


def test_a_line_without_its_value_has_its_line_in_the_table(tmp_path: Path) -> None:
    values = tmp_path / "values.csv"
    values.write_text("source_value,records\n,5\nAETNA,3\n", "utf-8")
    assert len(tell_values(suggest_values("carriers", str(values), None)).splitlines()) == 4
