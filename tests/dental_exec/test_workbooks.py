"""A workbook's sheets become text row by row, and what is odd about them is told."""

import csv
import datetime as dt
import zipfile
from pathlib import Path

import pytest
import xlsxwriter

from workbench.dental_exec.workbooks import Sheet, transcribe
from workbench.errors import ExportProblem

MOMENT, DAY, TIME = "yyyy-mm-dd hh:mm:ss", "m/d/yyyy", "hh:mm"


class Sheets:
    """Writes one workbook, cell by cell."""

    def __init__(self, path: Path, **options: bool) -> None:
        self.path, self.book = path, xlsxwriter.Workbook(path, options)

    def __enter__(self) -> "Sheets":
        return self

    def __exit__(self, *_: object) -> None:
        self.book.close()

    def add(self, name: str, *rows: list, at: tuple[int, int] = (0, 0)):
        sheet = self.book.add_worksheet(name)
        for number, row in enumerate(rows, start=at[0]):
            for place, cell in enumerate(row, start=at[1]):
                if isinstance(cell, tuple):
                    value, pattern = cell
                    write = sheet.write_number if isinstance(value, int | float) else sheet.write_datetime
                    write(number, place, value, self.book.add_format({"num_format": pattern}))
                elif isinstance(cell, dict):
                    sheet.write_formula(number, place, cell["formula"], None, cell["value"])
                elif isinstance(cell, str):
                    sheet.write_string(number, place, cell)
                elif cell is not None:
                    sheet.write(number, place, cell)
        return sheet


def read(sheet: Sheet) -> list[list[str]]:
    with sheet.path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, strict=True))


def only(path: Path, room: Path) -> Sheet:
    [sheet] = transcribe(path, room)
    return sheet


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        pytest.param("00123", "00123", id="text keeps its zeros"),
        pytest.param("  a  ", "  a  ", id="text keeps its blanks"),
        pytest.param('said "hi",\r\nand left\n', 'said "hi",\r\nand left\n', id="text keeps its line breaks"),
        pytest.param("3.00123E+05", "3.00123E+05", id="text that looks like a number"),
        pytest.param("true", "true", id="text that looks like a flag"),
        pytest.param("#REF!", "#REF!", id="text that looks like an error"),
        pytest.param("2021-03-04 00:00:01", "2021-03-04 00:00:01", id="text that looks like a time"),
        pytest.param(5, "5", id="a whole number"),
        pytest.param(1234567893, "1234567893", id="a whole number of ten digits"),
        pytest.param(1e20, "100000000000000000000", id="no exponent for large numbers"),
        pytest.param(1e-7, "0.0000001", id="no exponent for small numbers"),
        pytest.param(1234.5, "1234.5", id="a broken number"),
        pytest.param((0.25, "0%"), "0.25", id="a percentage"),
        pytest.param((45, "$#,##0.00"), "45", id="money"),
        pytest.param(True, "TRUE", id="yes"),
        pytest.param(False, "FALSE", id="no"),
        pytest.param((dt.date(2021, 3, 4), DAY), "2021-03-04", id="a day, however it is shown"),
        pytest.param((dt.datetime(2021, 3, 4, 9, 30, 15), MOMENT), "2021-03-04 09:30:15", id="a time of a day"),
        pytest.param((dt.time(9, 30), TIME), "09:30:00", id="a time of no day"),
        pytest.param((0, DAY), "1900-01-00", id="a day zero"),
        pytest.param((61, DAY), "1900-03-01", id="the day after the one that never was"),
        pytest.param({"formula": "=1+1", "value": 2}, "2", id="a formula's number"),
        pytest.param({"formula": '="a"', "value": "a"}, "a", id="a formula's text"),
        pytest.param({"formula": "=1/0", "value": "#DIV/0!"}, "#DIV/0!", id="division by zero"),
        pytest.param({"formula": "=NA()", "value": "#N/A"}, "#N/A", id="not available"),
        pytest.param({"formula": "=A0", "value": "#REF!"}, "#REF!", id="a lost reference"),
        pytest.param({"formula": "=x", "value": "#NAME?"}, "#NAME?", id="an unknown name"),
        pytest.param({"formula": "=1+a", "value": "#VALUE!"}, "#VALUE!", id="a wrong value"),
        pytest.param({"formula": "=x", "value": "#NUM!"}, "#NUM!", id="no number"),
        pytest.param({"formula": "=x", "value": "#NULL!"}, "#NULL!", id="no range"),
    ],
)
def test_a_cell_is_the_text_that_it_stands_for(tmp_path, cell, text):
    with Sheets(tmp_path / "export.xlsx") as book:
        book.add("contacts", ["contact_id", "value"], ["C1", cell])
    assert read(only(book.path, tmp_path / "room")) == [["contact_id", "value"], ["C1", text]]


def test_record_n_is_row_n_of_the_sheet_whatever_is_blank(tmp_path):
    with Sheets(tmp_path / "export.xlsx") as book:
        book.add("contacts", ["Lakeside"], [], ["contact_id", "note"], [], ["C1", "two\nlines"], at=(2, 1))
        book.add("notes", ["note_id"], [], ["N1"])
    contacts, notes = transcribe(book.path, tmp_path / "room")
    assert read(contacts) == [
        ["", ""],
        ["", ""],
        ["Lakeside", ""],
        ["", ""],
        ["contact_id", "note"],
        ["", ""],
        ["C1", "two\nlines"],
    ]
    assert notes.path.read_text() == '"note_id"\n""\n"N1"\n'
    assert (contacts.title, notes.title, contacts.findings) == ("contacts", "notes", ())


def test_a_column_of_times_keeps_its_midnights(tmp_path):
    midnight, later = dt.datetime(2021, 3, 4), dt.datetime(2021, 3, 4, 9, 30)
    with Sheets(tmp_path / "export.xlsx") as book:
        book.add("tasks", ["due_at"], [(midnight, MOMENT)], [(later, MOMENT)])
    assert read(only(book.path, tmp_path / "room")) == [["due_at"], ["2021-03-04 00:00:00"], ["2021-03-04 09:30:00"]]


def test_a_calendar_of_1904_gives_the_same_days_and_is_told(tmp_path):
    with Sheets(tmp_path / "export.xlsx", date_1904=True) as book:
        book.add("tasks", ["due"], [(dt.date(2021, 3, 4), DAY)], [(dt.datetime(2021, 3, 4, 9, 30), MOMENT)])
    sheet = only(book.path, tmp_path / "room")
    assert read(sheet) == [["due"], ["2021-03-04 00:00:00"], ["2021-03-04 09:30:00"]]
    assert sheet.findings == (
        "export.xlsx: its calendar begins in 1904. Cells that are dates are read by it; a plain number that means a"
        " day stands 1,462 days too early.",
    )


def test_yes_or_no_cells_are_told_from_text_also_beside_an_empty_column(tmp_path):
    with Sheets(tmp_path / "export.xlsx") as book:
        book.add("users", ["said", "is_active"], ["true", True], ["false", False], at=(0, 2))
    assert read(only(book.path, tmp_path / "room")) == [["said", "is_active"], ["true", "TRUE"], ["false", "FALSE"]]


def test_errors_formulas_and_hidden_sheets_are_told(tmp_path):
    lost, broken = {"formula": "=A0", "value": "#REF!"}, {"formula": "=1/0", "value": "#DIV/0!"}
    with Sheets(tmp_path / "export.xlsx") as book:
        book.add("contacts", ["Lakeside"], ["contact_id", "zip", "phone_home"], ["C1", lost, broken], ["C2", 1, lost])
        book.add("archive", ["contact_id"], ["C9"]).hide()
        book.add("lists", ["a"]).very_hidden()
        book.add("Sheet4")
    sheet = only(book.path, tmp_path / "room")
    assert sheet.findings == (
        "export.xlsx#contacts: 3 error cells, landed as their text, in columns phone_home (2), zip (1).",
        "export.xlsx#contacts: 3 cells hold formulas; the value of their last calculation is read.",
        "export.xlsx: hidden sheets are not read (2): archive, lists.",
    )


def test_a_formula_that_nobody_calculated_is_told_since_its_cell_looks_empty(tmp_path):
    with Sheets(tmp_path / "made.xlsx") as book:
        book.add("cases", ["case_id", "total"], ["T1", {"formula": "=1+1", "value": 2}])
    with zipfile.ZipFile(book.path) as made, zipfile.ZipFile(tmp_path / "export.xlsx", "w") as copy:
        for name in made.namelist():
            copy.writestr(name, made.read(name).replace(b"</f><v>2</v>", b"</f>"))
    sheet = only(tmp_path / "export.xlsx", tmp_path / "room")
    assert read(sheet) == [["case_id", "total"], ["T1", ""]]
    assert sheet.findings[-1] == (
        "export.xlsx#cases: 1 formula was never calculated and left empty. Open the workbook in a spreadsheet, save it,"
        " and deliver it again."
    )


def test_a_workbook_is_transcribed_once_and_told_under_its_own_name(tmp_path):
    with Sheets(tmp_path / "export.xlsx") as book:
        book.add("contacts", ["contact_id"], ["C1"])
        book.add("old", ["contact_id"]).hide()
    first = only(book.path, tmp_path / "room")
    stamp = first.path.stat().st_mtime_ns
    again = only(book.path.rename(tmp_path / "copy.xlsx"), tmp_path / "room")
    assert (again.path, again.path.stat().st_mtime_ns) == (first.path, stamp)
    assert again.findings == ("copy.xlsx: hidden sheets are not read (1): old.",)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "is encrypted, or an old .xls", id="encrypted"),
        pytest.param(b"contact_id\nC1\n", "is damaged or no workbook", id="text"),
        pytest.param(b"", "is damaged or no workbook", id="empty"),
    ],
)
def test_what_is_no_workbook_is_refused(tmp_path, data, said):
    (tmp_path / "export.xlsx").write_bytes(data)
    with pytest.raises(ExportProblem, match=rf"^export\.xlsx {said}"):
        transcribe(tmp_path / "export.xlsx", tmp_path / "room")


@pytest.mark.parametrize("damage", ["cut", "a zip of other things", "a flipped byte"])
def test_a_damaged_workbook_is_refused(tmp_path, damage):
    with Sheets(tmp_path / "export.xlsx") as book:
        book.add("contacts", *([f"C{number}"] for number in range(3000)))
    data = bytearray(book.path.read_bytes())
    if damage == "cut":
        data = data[: len(data) // 2]
    if damage == "a flipped byte":
        with zipfile.ZipFile(book.path) as parts:
            place = parts.getinfo("xl/worksheets/sheet1.xml")
        data[place.header_offset + 1000] ^= 0xFF
    book.path.write_bytes(data)
    if damage == "a zip of other things":
        with zipfile.ZipFile(book.path, "w") as other:
            other.writestr("contacts.csv", "contact_id\n")
    with pytest.raises(ExportProblem, match=r"^export\.xlsx is damaged or no workbook\. Save it again as \.xlsx\.$"):
        transcribe(book.path, tmp_path / "room")
    assert [one.name for one in (tmp_path / "room").glob("*") if one.name != ".lock"] == []


def test_a_workbook_that_shows_nothing_is_refused(tmp_path):
    with Sheets(tmp_path / "export.xlsx") as book:
        book.add("empty")
        book.add("contacts", ["contact_id"]).hide()
    with pytest.raises(ExportProblem, match=r"export\.xlsx has no visible sheet that holds anything \(1 hidden\)"):
        transcribe(book.path, tmp_path / "room")
