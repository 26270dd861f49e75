"""`workbench suggest WHAT --values FILE --json`: one object a value, in the file's order, without a migration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

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
        pytest.param("", "lacks the column source_value", id="empty file"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(workbench: Workbench, tmp_path: Path, text: str | None, told: str) -> None:
    values = tmp_path / "values.csv"
    if text is not None:
        values.write_text(text, "utf-8")
    said = workbench("suggest", "carriers", "--values", values, "--json")
    assert said.code == 1
    assert told in said.document["reason"]


def test_no_values_gives_an_empty_array(workbench: Workbench, tmp_path: Path) -> None:
    assert ask(workbench, "carriers", "source_value", folder=tmp_path) == []
