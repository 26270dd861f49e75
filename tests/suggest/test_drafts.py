"""A draft mapping for an export that nobody knows: names of columns and reasons, never a value."""

from __future__ import annotations

import tomllib
import zipfile
from pathlib import Path

import pytest

from workbench.mapping.grammar import find_problems
from workbench.suggest.value_files import draft_mappings
from workbench.vocabulary import Edition

TABLES = {
    "patients.csv": (
        "PatNum,LName,FName,Birthdate,SSN,WirelessPhone,PriProv,ClinicNum,FeeSched,Shoe Size,Language Spoken Here\n"
        "1,Lund,Ann,1980-02-03,123-45-6789,555-201-3344,3,2,1,44,x\n2,Reyes,Bo,1990-02-03,,555-201-3345,4,2,1,41,\n"
    ),
    "clinics.csv": "ClinicNum,Description,Address,City,State,Zip,Phone,BankNumber\n2,Bend,9 Oak,Bend,OR,97701,555-700-1200,1\n",
    "visits.csv": "AptNum;PatNum;AptStatus;Op;Note;ProvNum;AptDateTime\n9;1;1;2;premed;3;2026-02-03 09:00:00\n",
    "userod.csv": "UserNum,UserName,Password,ProvNum\n1,jhale,x,3\n",
}


@pytest.fixture
def exports(tmp_path: Path) -> Path:
    """Four tables of another system."""
    folder = tmp_path / "exports"
    folder.mkdir()
    for name, text in TABLES.items():
        (folder / name).write_text(text, "utf-8")
    return folder


def draft(exports: Path, tmp_path: Path) -> dict[str, str]:
    return draft_mappings(exports, tmp_path / "room")


def test_each_table_gets_a_draft_that_the_grammar_takes(exports: Path, tmp_path: Path) -> None:
    made = draft(exports, tmp_path)
    assert sorted(made) == ["clinics.toml", "patients.toml", "userod.toml", "visits.toml"]
    problems = [
        problem
        for name, text in made.items()
        for problem in find_problems(name.removesuffix(".toml"), tomllib.loads(text), Edition.SUITE)
    ]
    assert problems == []


def test_every_column_has_a_fate_and_what_is_unsure_stays_open(exports: Path, tmp_path: Path) -> None:
    said = tomllib.loads(draft(exports, tmp_path)["patients.toml"])
    assert said["fields"]["mobile_number"] == {"from": "wirelessphone", "via": "phone"}
    assert said["fields"]["cf_source_system_id"] == {"from": "patnum", "via": "source_id", "required": True}
    assert said["lookups"] == {
        "owner_id": {"from": "priprov", "to": "owners", "values": "owner"},
        "account": {"from": "clinicnum", "to": "clinics"},
    }
    assert set(said["ignored"]) == {"ssn", "feesched", "shoe_size", "language_spoken_here"}
    assert said["ignored"]["ssn"] == "a number of a person that stays in the source"
    assert said["ignored"]["language_spoken_here"].startswith("open: perhaps ")


def test_appointments_have_no_custom_fields_so_none_is_drafted(exports: Path, tmp_path: Path) -> None:
    said = tomllib.loads(draft(exports, tmp_path)["visits.toml"])
    assert set(said["fields"]) == {"outcome_id", "description", "from_date"}
    assert said["lookups"]["target"] == {"from": "patnum", "to": "patients"}
    assert said["ignored"]["op"].startswith("open: Freshsales has no such field here")


def test_no_value_is_written(exports: Path, tmp_path: Path) -> None:
    text = "".join(draft(exports, tmp_path).values())
    assert [value for value in ("Lund", "Reyes", "123-45", "555-", "1980", "premed", "jhale") if value in text] == []


def test_an_export_that_names_a_table_of_the_contract_gets_no_draft(exports: Path, tmp_path: Path) -> None:
    (exports / "contacts.csv").write_text("contact_id\n1\n")
    assert draft(exports, tmp_path) == {}


def test_an_archive_is_looked_through_like_a_folder(exports: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as bundle:
        for name in TABLES:
            bundle.write(exports / name, name)
    (tmp_path / "room").mkdir()
    assert draft(tmp_path / "all.zip", tmp_path) == draft(exports, tmp_path)


def test_two_columns_that_land_under_one_name_have_one_fate(exports: Path, tmp_path: Path) -> None:
    (exports / "patients.csv").write_text("PatNum,Hobby,HOBBY,LName\n1,a,b,Lund\n")
    assert list(tomllib.loads(draft(exports, tmp_path)["patients.toml"])["ignored"]) == ["hobby"]


def test_a_table_that_is_no_text_leaves_the_drafts_of_the_others(exports: Path, tmp_path: Path) -> None:
    (exports / "clinics.csv").write_bytes(bytes(range(256)) * 8)
    assert sorted(draft(exports, tmp_path)) == ["patients.toml", "userod.toml", "visits.toml"]


def test_a_table_without_records_or_without_lines_stops_nothing(exports: Path, tmp_path: Path) -> None:
    (exports / "empty.csv").write_text("")
    (exports / "patients.csv").write_text("PatNum,LName,FName,HmPhone\n")
    assert "patients.toml" in draft(exports, tmp_path)
