"""The messy practice on disk, read back without the product: the same practice, and every trouble it was given."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import subprocess
import sys
import tomllib
import zipfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any

import fastexcel
import pytest
from written import OBJECTS, Written, read_back

from workbench.sample import write_sample

PLAN: dict[str, Any] = tomllib.loads((files("workbench.sample") / "messy.toml").read_text("utf-8"))
CODECS = {"contacts_part01.csv": "utf-16", "contacts_part02.csv": "cp1252", "companies.csv": "cp1252"}
DELIMITERS = {"contacts_part01.csv": "\t", "contacts_part02.csv": ";", "companies.csv": ";", "appointments.csv": "|"}
TIMES = {
    "M/D/YYYY": "%m/%d/%Y",
    "MM/DD/YY": "%m/%d/%y",
    "DD/MM/YYYY": "%d/%m/%Y",
    "Mon D YYYY": "%b %d %Y",
    "YYYY-MM-DDTHH:MM:SS": "%Y-%m-%d",
}
REJECTED = {
    "21 values under a header of 22": 1,
    "19 values under a header of 18": 1,
    "an opening quote is never closed": 1,
    "a quote inside a quoted value is not doubled": 1,
    "its key is blank": 1,
    "its key was damaged by a spreadsheet": 2,
    "its key names several different records": 2,
    "the same record again: kept once": 2,
}
CLEAN_31 = "698bbfb756389f2da994e6aa3af776858110a6ae8a84b05acc3071dc4b701da3"
TRUTHS = ("truth.json", "truth_later.json")
GROWTH_MEGABYTES = 10


@dataclass(frozen=True)
class Messy:
    """One messy delivery, unpacked, with its truth."""

    archive: Path
    folder: Path
    truth: dict[str, Any]

    def text(self, name: str) -> str:
        return (self.folder / name).read_bytes().decode(CODECS.get(name, "utf-8-sig"))

    def lines(self, name: str) -> list[str]:
        return re.findall(r"[^\r\n]*(?:\r\n|\r|\n)", self.text(name))

    def rejected(self, name: str) -> list[dict[str, Any]]:
        return [one for one in self.truth["rejected"] if one["file"] == name]

    def bad_lines(self, name: str) -> set[int]:
        return {n for one in self.rejected(name) for n in range(one["first_line"], one["last_line"] + 1)}

    def records(self, name: str) -> list[dict[str, str]]:
        """Read a table without its rejected lines; titles, totals and repeated headers are left out by their looks."""
        if "#" in name:
            return self._sheet(*name.split("#"))
        bad = self.bad_lines(name)
        good = "".join(
            line for number, line in enumerate(re.split(r"(?<=\n)", self.text(name)), 1) if number not in bad
        )
        rows = list(csv.reader(io.StringIO(good, newline=""), delimiter=DELIMITERS.get(name, ",")))
        header = next(row for row in rows if len(row) > 5)
        width = len(header) - (not header[-1])
        return [dict(zip(header[:width], row, strict=False)) for row in rows if len(row) > 5 and row != header]

    def _sheet(self, file: str, sheet: str) -> list[dict[str, str]]:
        loaded = fastexcel.read_excel(self.folder / file).load_sheet(sheet, header_row=None, dtypes="string")
        rows = [[cell or "" for cell in row] for row in loaded.to_polars().rows()]
        bad = self.bad_lines(f"{file}#{sheet}")
        header = next(row for row in rows if all(row[:5]))
        start = rows.index(header) + 1
        return [
            dict(zip(header, row, strict=True))
            for number, row in enumerate(rows[start:], start + 1)
            if number not in bad and row[0] != "Total"
        ]

    def table(self, source_object: str) -> dict[str, dict[str, str]]:
        """Return every landed row of an object by its bare key."""
        found = {}
        for one in PLAN["files"]:
            if one["object"] == source_object:
                name = f"{one['file']}#{source_object}" if one["file"].endswith("xlsx") else one["file"]
                for row in self.records(name):
                    found[next(iter(row.values())).strip().strip("'\"=")] = row
        return found


def open_messy(out: Path, archive: Path, truth: str) -> Messy:
    folder = out / archive.stem
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(folder)
    with zipfile.ZipFile(folder / "reference.zip") as packed:
        packed.extractall(folder)
    return Messy(archive, folder, json.loads((out / truth).read_text("utf-8")))


@pytest.fixture(scope="module", params=["first", "later"])
def delivery(request: pytest.FixtureRequest) -> int:
    return 0 if request.param == "first" else 1


@pytest.fixture(scope="module")
def messy(tmp_path_factory: pytest.TempPathFactory, delivery: int) -> Messy:
    out = tmp_path_factory.mktemp("messy")
    write_sample(out, patients=31, dialect="messy", later=bool(delivery))
    return open_messy(out, sorted((out / "exports").iterdir())[delivery], TRUTHS[delivery])


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory, delivery: int) -> Written:
    out = tmp_path_factory.mktemp("clean")
    write_sample(out, patients=31, later=bool(delivery))
    return read_back(out, ("2026-03-01", "2026-03-02")[delivery], TRUTHS[delivery])


def unfold(way: dict[str, Any], typed: str) -> Any:
    """Read one typed cell back, by what the plan says of its column."""
    if typed in way.get("blank", ()):
        return ""
    if "time" in way:
        return unfold_time(way["time"], typed)
    if "flag" in way:
        yes, no = ("true", "false") if way["flag"] == "cell" else way["flag"].split("/")
        return {yes: "Y", no: "N" if no else ""}[typed] if typed or not no else typed
    if "money" in way or "number" in way:
        bare = typed.replace(".", "").replace(",", ".") if way.get("money") == "1.234,50" else typed.replace(",", "")
        return Decimal(re.sub(r"[^\d.-]", "", bare)) if typed else ""
    if "zip" in way:
        return typed.zfill(5) if typed else ""
    if "link" in way:
        return typed.strip().upper()
    if "spell" in way:
        return next((word for word, spellings in way["spell"].items() if typed in spellings), typed)
    return (
        typed.removesuffix("_x000D_").strip().removeprefix('="').removesuffix('"').removeprefix("'").replace("\\", "/")
    )


def unfold_time(form: str, typed: str) -> datetime | str:
    if not typed or form == "cell":
        return datetime.fromisoformat(typed) if typed else ""
    if form == "serial":
        return datetime(1899, 12, 30) + timedelta(seconds=round(float(typed) * 86_400))
    *day, time = re.split(r"[ T](?=\d\d:)", typed) if ":" in typed else (typed, "00:00:00")
    moment = datetime.strptime(f"{day[0]} {time}", f"{TIMES[form]} %H:%M:%S")
    return moment.replace(year=moment.year - 100) if moment > datetime(2027, 12, 31) else moment


def meant(way: dict[str, Any], value: str) -> Any:
    """Return a clean cell as `unfold` would."""
    if "time" in way:
        return datetime.fromisoformat(value) if value else ""
    if "money" in way or "number" in way:
        return Decimal(value) if value else ""
    if "flag" in way and way["flag"].endswith("/"):
        return value if value == "Y" else ""
    return value.strip()


@pytest.mark.parametrize("source_object", [*OBJECTS, "users"])
def test_every_cell_still_means_what_the_clean_practice_says(messy, clean, source_object):
    ways, typed = PLAN["cells"].get(source_object, {}), messy.table(source_object)
    for key, row in clean.rows[source_object].items():
        for column, value in row.items():
            cell, way = typed[key][column], ways.get(column, {})
            if "phone" in way and value:
                assert value in cell
            else:
                told = unfold(way, cell) if way else cell.strip()
                assert told == (meant(way, value) if way else value.strip()), f"{source_object}/{key} {column}"


def test_the_truth_of_the_clean_practice_is_part_of_the_messy_one(messy, clean):
    for section in {"records", "held", "excluded", "deferred", "removed"} & set(clean.truth):
        there = {(one["source_object"], one["source_id"]): one for one in messy.truth[section]}
        assert [
            one for one in clean.truth[section] if there.get((one["source_object"], one["source_id"])) != one
        ] == [], section


def test_rows_and_truth_name_the_same_records(messy):
    for name in OBJECTS:
        sections = ("records", "held", "excluded", "deferred")
        fates = {
            one["source_id"]
            for part in sections
            for one in messy.truth[part]
            if one["source_object"] == name and not one.get("removed")
        }
        assert fates == set(messy.table(name)), name


def test_the_same_arguments_give_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        write_sample(tmp_path / name, patients=31, dialect="messy", later=True)
    one, two = (sorted(path for path in (tmp_path / name).rglob("*") if path.is_file()) for name in ("one", "two"))
    assert [path.name for path in one] == [
        "dental-exec-export_greatlakes_20260301T060000.zip",
        "dental-exec-export_greatlakes_20260302T060000.zip",
        "truth.json",
        "truth_later.json",
    ]
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


def test_the_first_delivery_is_the_same_with_and_without_a_later_one(tmp_path):
    for name, later in (("one", False), ("two", True)):
        write_sample(tmp_path / name, patients=31, dialect="messy", later=later)
    one, two = (min((tmp_path / name / "exports").iterdir()) for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_the_clean_practice_is_what_it_was(tmp_path):
    write_sample(tmp_path, patients=31)
    digest, exports = hashlib.sha256(), tmp_path / "exports"
    for path in sorted(path for path in exports.rglob("*") if path.is_file()):
        digest.update(path.relative_to(exports).as_posix().encode() + b"\0" + path.read_bytes())
    assert digest.hexdigest() == CLEAN_31


def test_the_manifest_promises_what_lies_in_the_archive(messy):
    with (messy.folder / "export_manifest.csv").open(encoding="utf-8", newline="") as lines:
        promises = list(csv.DictReader(lines))
    assert [(one["file"], one["object"]) for one in promises if one["file"].endswith("xlsx")] == [
        ("export.xlsx", "case_pipelines"),
        ("export.xlsx", "case_stages"),
        ("export.xlsx", "cases"),
        ("history.xlsx", "custom_field_definitions"),
    ]
    for one in promises:
        content = (messy.folder / one["file"]).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (int(one["bytes"]), one["sha256"])
        name = f"{one['file']}#{one['object']}" if one["file"].endswith("xlsx") else one["file"]
        assert len(messy.records(name)) + len(messy.rejected(name)) == int(one["rows"]), name
    assert {one["part"] for one in promises if one["object"] == "contacts"} == {"1", "2", "3"}


def test_records_are_rejected_for_every_reason(messy):
    reasons = [one["reason"] for one in messy.truth["rejected"]]
    assert {reason: reasons.count(reason) for reason in reasons} == REJECTED
    names = ("appointments.csv", "tasks.csv", "notes.csv")
    found = {one["reason"]: one for name in names for one in messy.rejected(name)}
    line = {reason: messy.lines(one["file"])[one["first_line"] - 1] for reason, one in found.items()}
    assert len(found) == 7
    assert line["21 values under a header of 22"].count("|") == 20
    assert len(next(csv.reader([line["19 values under a header of 18"]]))) == 19
    assert line["its key is blank"].startswith("|C900001|")
    assert line["its key was damaged by a spreadsheet"].startswith('"3.00123E+05",')
    damaged = found["its key was damaged by a spreadsheet"]
    assert messy.lines("tasks.csv")[damaged["last_line"] - 1].startswith('stands on two lines.",')
    assert damaged["last_line"] == damaged["first_line"] + 1
    assert '"Call "Bob" back"' in line["a quote inside a quoted value is not doubled"]
    assert line["an opening quote is never closed"].count('"') == 1
    behind = messy.lines("notes.csv")[found["an opening quote is never closed"]["last_line"]]
    assert "right behind a quote that nobody closed" in behind
    assert any(one["fields"]["text"] in behind for one in messy.truth["records"] if one["source_object"] == "notes")


def test_a_key_stands_in_two_parts_once_equal_and_once_different(messy):
    copies: dict[str, list[list[str]]] = {}
    for name in ("contacts_part01.csv", "contacts_part02.csv"):
        rows = csv.reader(io.StringIO(messy.text(name), newline=""), delimiter=DELIMITERS[name])
        for row in rows:
            copies.setdefault(row[0].strip(), []).append(row[:59])
    equal, different = "C900014", "C900015"
    reasons = {one["source_id"]: one["reason"] for one in messy.truth["rejected"] if one["source_object"] == "contacts"}
    assert reasons == {
        equal: "the same record again: kept once",
        different: "its key names several different records",
    }
    assert len(copies[equal]) == len(copies[different]) == 2
    assert copies[equal][0] == copies[equal][1]
    assert copies[different][0] != copies[different][1]


def test_what_hangs_on_a_rejected_or_purged_record_waits_for_it(messy):
    waits = [one["waits_for"] for one in messy.truth["deferred"]]
    assert waits.count("contacts/C900015") == 2
    assert waits.count("contacts/C090001") == 2
    assert "C090001" not in messy.table("contacts")


def test_rows_are_held_for_reasons_of_their_own(messy):
    rows = {(one["source_object"], one["reason"]): one["source_id"] for one in messy.truth["held"]}
    appointments, attachments = messy.table("appointments"), messy.table("attachments")
    assert appointments[rows["appointments", "time"]]["starts_at"] in ("next Tues", "")
    assert "next Tues" in {row["starts_at"] for row in appointments.values()}
    backwards = appointments[rows["appointments", "end_before_start"]]
    assert unfold_time("serial", backwards["starts_at"]) > unfold_time("M/D/YYYY", backwards["ends_at"])
    assert messy.table("cases")[rows["cases", "amount"]]["case_value"] == "TBD"
    paths = {
        reason: attachments[rows["attachments", reason]]["relative_path"].replace("\\", "/")
        for reason in ("no_file", "empty_file", "climbing_path")
    }
    assert not (messy.folder / paths["no_file"]).exists()
    assert (messy.folder / paths["empty_file"]).stat().st_size == 0
    assert paths["climbing_path"].startswith("../../")
    lying = {path.relative_to(messy.folder).as_posix() for path in (messy.folder / "attachments").rglob("*.*")}
    indexed = {row["relative_path"].replace("\\", "/") for row in attachments.values()}
    assert lying - indexed == {"attachments/0000/unlisted.pdf"}


def test_files_speak_the_dialects_of_the_plan(messy):
    raw = {path.name: path.read_bytes() for path in messy.folder.glob("*.csv")}
    assert raw["users.csv"].startswith(b"\xef\xbb\xbf")
    assert raw["contacts_part01.csv"].startswith(b"\xff\xfe")
    for name in ("contacts_part02.csv", "companies.csv"):
        with pytest.raises(UnicodeDecodeError):
            raw[name].decode("utf-8")
    assert raw["companies.csv"].split(b"\r\n")[-2] == b"Total;17"
    assert [line.count(b";") > 5 for line in raw["companies.csv"].split(b"\r\n")[:3]] == [False, False, True]
    assert all(line.endswith(b";") for line in raw["contacts_part02.csv"].split(b"\r\n")[:1])
    third = raw["contacts_part03.csv"]
    assert third.startswith(b"sep=,\r\n")
    assert {re.search(end, third) is not None for end in (rb"\r\n", rb"[^\r]\n", rb"\r[^\n]", rb"\f")} == {True}
    assert messy.text("appointments.csv").count("appointment_id|") == 2
    assert re.fullmatch(r'("[^"]*",)+"[^"]*"\r\n', messy.lines("tasks.csv")[0])
    assert 'O"Brien' in messy.text("contacts_part01.csv")
    assert 'O""Brien' not in messy.text("contacts_part01.csv")
    assert "\f" in messy.text("notes.csv")
    with zipfile.ZipFile(messy.archive) as packed:
        assert "workflows.csv" not in packed.namelist()
        assert packed.testzip() is None


def test_workbooks_hold_what_spreadsheets_do(messy):
    book = fastexcel.read_excel(messy.folder / "export.xlsx")
    assert book.sheet_names == ["cases", "case_pipelines", "case_stages", "Lookup"]
    assert book.load_sheet("Lookup").visible == "hidden"
    with zipfile.ZipFile(messy.folder / "export.xlsx") as packed:
        sheets = "".join(packed.read(name).decode() for name in packed.namelist() if "worksheets/sheet" in name)
    for trap in ('t="e"><f>#REF!</f>', 't="e"><f>NA()</f><v>#N/A</v>', "<f>250+250</f><v>500</v>", 't="b"', "x000D_"):
        assert trap in sheets, trap
    with zipfile.ZipFile(messy.folder / "history.xlsx") as packed:
        assert 'date1904="1"' in packed.read("xl/workbook.xml").decode()
    (made,) = {row["created_at"] for row in messy.records("history.xlsx#custom_field_definitions")}
    assert made == "2018-09-03 09:00:00"


def test_every_column_with_an_order_has_evidence_for_it(messy):
    ambiguous = [name for name, order in messy.truth["readings"].items() if order in ("month first", "day first")]
    assert len(ambiguous) >= 8
    assert [name for name in ambiguous if not evidence(messy, name)] == []


def evidence(messy: Messy, name: str) -> bool:
    """Say whether a part above twelve stands where only a day can, and none where only a month can."""
    source_object, column = name.split(".")
    pairs = [
        (int(found[1]), int(found[2]))
        for row in messy.table(source_object).values()
        if (found := re.match(r"(\d+)/(\d+)/", row[column]))
    ]
    place = 0 if messy.truth["readings"][name] == "day first" else 1
    return any(pair[place] > 12 for pair in pairs) and not any(pair[1 - place] > 12 for pair in pairs)


def test_what_the_profile_has_to_find_is_there(messy):
    facts, contacts = messy.truth["profile"], messy.table("contacts")
    assert facts["zip_zeros_restored"] == sum(len(row["zip"]) == 4 for row in contacts.values()) > 0
    twice_coded = {
        f"contacts.{column}": sum(bool(re.search("Ã.", row[column])) for row in contacts.values())
        for column in ("first_name", "last_name", "preferred_name")
    } | {"notes.body": sum("Ã" in row["body"] for row in messy.table("notes").values())}
    assert facts["mojibake"] == twice_coded == dict.fromkeys(twice_coded, 1)
    assert facts["hidden_sheets"] == ["Lookup"]
    assert facts["title_lines"]["companies.csv"] == 2
    assert facts["repeated_headers"] == ["appointments.csv"]


@pytest.mark.parametrize("text", [one["text"] for one in PLAN["recalls"]])
def test_every_shape_of_recall_is_written_in_a_task(messy, text):
    (task,) = [
        row for key, row in messy.table("tasks").items() if key.startswith("K-11") and row["description"] == text
    ]
    (person,) = [
        one
        for one in messy.truth["records"]
        if one["source_object"] == "contacts" and one["source_id"] == task["related_id"].strip().upper()
    ]
    (found,) = [one["found"] for one in PLAN["recalls"] if one["text"] == text]
    assert found.items() <= person["custom_field"].items()


def test_a_larger_practice_needs_no_more_memory(tmp_path):
    """The peak is read from the process itself: getrusage tells of the parent's, too."""
    code = (
        "import re, sys; from pathlib import Path; from workbench.sample import write_sample\n"
        "write_sample(Path(sys.argv[1]), patients=int(sys.argv[2]), dialect='messy')\n"
        "print(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1])"
    )
    if not Path("/proc/self/status").exists():
        pytest.skip("this machine does not tell a process's peak")
    small, large = (
        int(
            subprocess.run(
                [sys.executable, "-c", code, str(tmp_path), patients], capture_output=True, check=True
            ).stdout
        )
        for patients in ("300", "1000")
    )
    assert large - small < GROWTH_MEGABYTES * 1024
