"""Every way to write a file by hand is read, or refused by name; each record lands exactly or is rejected by its lines."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from workbench.dental_exec.snapshot import Snapshot, take_snapshot
from workbench.errors import CountMismatch, ExportProblem
from workbench.warehouse import open_warehouse

USERS = "user_id,login\nU1,mreyes\n"
COMPANIES = "company_id,company_name\nP-1,Lakeside\n"
CONTACTS = "contact_id,last_name\nC1,Lee\n"
COLUMNS = ("case_id", "contact_id", "cf_teeth")


def deliver(tmp_path: Path, cases: str | bytes, name: str = "cases.csv", **files: str | bytes) -> Path:
    folder = tmp_path / "exports" / "first"
    folder.mkdir(parents=True, exist_ok=True)
    texts = {"users.csv": USERS, "companies.csv": COMPANIES, "contacts.csv": CONTACTS, name: cases}
    for file, text in {**texts, **{f"{one}.csv": text for one, text in files.items()}}.items():
        (folder / file).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def land(tmp_path: Path, **asked: dict[str, int]) -> Snapshot:
    return take_snapshot(tmp_path / "exports", tmp_path / "warehouse.duckdb", time_zone="America/Chicago", **asked)


def rows(tmp_path: Path, sql: str) -> list[tuple]:
    with open_warehouse(tmp_path / "warehouse.duckdb") as warehouse:
        return warehouse.run(sql)


def cases(tmp_path: Path) -> list[tuple]:
    return rows(tmp_path, f"SELECT {', '.join(COLUMNS)}, source_row FROM raw.cases ORDER BY source_row")


def rejected(tmp_path: Path) -> list[tuple]:
    return rows(tmp_path, "SELECT first_line, last_line, reason, source_row, source_id FROM raw.rejected ORDER BY 1")


def about_cases(snapshot: Snapshot) -> list[str]:
    told = ("columns of the contract are missing", "columns beyond the contract")
    return [one for one in snapshot.findings if one.startswith("cases") and not any(word in one for word in told)]


PLAIN = "case_id,contact_id,cf_teeth\nT1,C1,née\nT2,C1,“x”\n"
LANDED = [("T1", "C1", "née", 1), ("T2", "C1", "“x”", 2)]


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        pytest.param(PLAIN.encode(), "utf-8", id="utf-8"),
        pytest.param(codecs.BOM_UTF8 + PLAIN.encode(), "utf-8 with mark", id="utf-8 with a mark"),
        pytest.param(PLAIN.encode("cp1252"), "cp1252", id="cp1252"),
        pytest.param(codecs.BOM_UTF16_LE + PLAIN.encode("utf-16-le"), "utf-16-le with mark", id="utf-16 le"),
        pytest.param(codecs.BOM_UTF16_BE + PLAIN.encode("utf-16-be"), "utf-16-be with mark", id="utf-16 be"),
        pytest.param(PLAIN.encode("utf-16-le"), "utf-16-le", id="utf-16 without a mark"),
    ],
)
def test_an_encoding_is_told_from_the_bytes_and_recorded(tmp_path, data, encoding):
    deliver(tmp_path, data)
    snapshot = land(tmp_path)
    assert cases(tmp_path) == LANDED
    assert rows(tmp_path, "SELECT encoding, bytes FROM raw.files WHERE object = 'cases'") == [(encoding, len(data))]
    told = [] if encoding.startswith("utf-8") else [f"cases.csv is read as {encoding}."]
    assert about_cases(snapshot) == told


def test_cp1252_is_read_whether_few_or_most_of_its_characters_are_wide(tmp_path):
    every = "".join(bytes([byte]).decode("cp1252", "ignore") for byte in range(0x80, 0x100))
    sparse = " ".join(f"{'x' * 60}{one}" for one in every)
    deliver(tmp_path, f"case_id,contact_id,cf_teeth\nT1,C1,{sparse}\nT2,C1,{every}\n".encode("cp1252"))
    land(tmp_path)
    assert cases(tmp_path) == [("T1", "C1", sparse, 1), ("T2", "C1", every, 2)]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        pytest.param(
            b"case_id,contact_id\nT1,C1\nT2,\x8d\n",
            "cases.csv, byte 28 (line 3) is neither UTF-8 nor cp1252: a byte there has no meaning in either.",
            id="a byte without a meaning",
        ),
        pytest.param(
            b"case_id,contact_id\nT1,C1\nT2,caf\xc3",
            "cases.csv, byte 31 (line 3) ends in the middle of a character: the file was cut off.",
            id="cut inside a character",
        ),
        pytest.param(
            ("case_id,contact_id\n" + "T1,é\n" * 12).encode() + b"T2,\xe9\n",
            "cases.csv, byte 94 (line 14) is UTF-8 up to there and something else after: were two files joined?",
            id="two encodings in one file",
        ),
        pytest.param(
            codecs.BOM_UTF8 + b"case_id\nT\xe9\n",
            "cases.csv, byte 12 (line 2) is marked as UTF-8 and cannot be decoded from there on.",
            id="a mark that is not true",
        ),
        pytest.param(
            b"case_id,contact_id\nT1,\0\n",
            "cases.csv, byte 22 (line 2) holds NUL bytes and is no UTF-16: it is no text file.",
            id="NUL bytes",
        ),
        pytest.param(
            b"PK\x03\x04abc", "cases.csv is no delimited text: it looks like a zip archive or a workbook.", id="a zip"
        ),
        pytest.param(b"%PDF-1.7", "cases.csv is no delimited text: it looks like a PDF.", id="a PDF"),
        pytest.param(b"", "cases.csv is empty: it has no header line.", id="nothing"),
        pytest.param(
            b"T1,C1,1\nT2,C1,2\n",
            "cases.csv has no header line: none of its first 2 lines names the key column case_id of cases, with any of"
            " comma, semicolon, tab or bar between the names",
            id="no header",
        ),
        pytest.param(
            b"contact_id,cf_teeth\nC1,2\n", "cases.csv: the key column case_id is missing", id="no key column"
        ),
        pytest.param(
            b"case_id,Status,status\nT1,a,b\nT2,c,c\n",
            "cases.csv has columns of one name with different content: status (1 records)",
            id="a column with two meanings",
        ),
        pytest.param(
            b"case_id,contact_id\nT1,C1\ncase_id,cf_teeth\nT2,9\n",
            "cases.csv has a second header with other columns at line 3: two exports were joined.",
            id="two headers that differ",
        ),
    ],
)
def test_what_is_no_table_is_refused_by_name_and_nothing_lands(tmp_path, data, problem):
    deliver(tmp_path, data)
    with pytest.raises(ExportProblem) as raised:
        land(tmp_path)
    assert problem in str(raised.value)
    path = tmp_path / "warehouse.duckdb"
    assert not path.exists() or rows(tmp_path, "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'raw'") == []


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        pytest.param("case_id;contact_id;cf_teeth\nT1;C1;1,2\n", ";", id="semicolon"),
        pytest.param("case_id\tcontact_id\tcf_teeth\nT1\tC1\t1,2\n", "\t", id="tab"),
        pytest.param("case_id|contact_id|cf_teeth\nT1|C1|1,2\n", "|", id="bar"),
        pytest.param('sep=;\ncase_id;contact_id;cf_teeth\nT1;C1;"1,2"\n', ";", id="told by a spreadsheet"),
        pytest.param('case_id,contact_id,cf_teeth,\nT1,C1,"1,2",\n', ",", id="a trailing delimiter on each line"),
        pytest.param('case_id,contact_id,cf_teeth\nT1,C1,"1,2",\n', ",", id="a trailing delimiter below the header"),
        pytest.param('"Case ID" , "Contact\xa0ID" ,\ufeffCF teeth\r\nT1,C1,"1,2"\r\n', ",", id="an untidy header"),
        pytest.param('case_id,contact_id,cf_teeth\rT1,C1,"1,2"\r', ",", id="CR"),
        pytest.param('case_id,contact_id,cf_teeth\r\nT1,C1,"1,2"', ",", id="CRLF, none at the end"),
        pytest.param('case_id,contact_id,cf_teeth\r\nT1,C1,"1,2"\n', ",", id="line ends mixed"),
        pytest.param('case_id,contact_id,cf_teeth\n\n  \nT1,C1,"1,2"\n\n\n', ",", id="blank lines"),
        pytest.param('case_id,contact_id,cf_teeth,cf_teeth\nT1,C1,"1,2","1,2"\n', ",", id="equal columns of one name"),
    ],
)
def test_a_dialect_is_read(tmp_path, text, delimiter):
    deliver(tmp_path, text)
    land(tmp_path)
    assert cases(tmp_path) == [("T1", "C1", "1,2", 1)]
    assert rows(
        tmp_path, "SELECT delimiter, rows_counted, rows_landed, rows_rejected FROM raw.files WHERE object = 'cases'"
    ) == [(delimiter, 1, 1, 0)]
    with open_warehouse(tmp_path / "warehouse.duckdb") as warehouse:
        assert [one for one in warehouse.columns("raw.cases") if one.startswith("unnamed")] == []


def test_titles_above_and_totals_below_are_no_records_and_a_true_count_is_held(tmp_path):
    text = "Lakeside, all cases\n20 Nov 2026\n\ncase_id;contact_id\nT1;C1\nT2;C1\n\nTotal;2\n"
    deliver(tmp_path, text)
    snapshot = land(tmp_path)
    assert [row[0] for row in cases(tmp_path)] == ["T1", "T2"]
    assert about_cases(snapshot) == [
        "cases.csv: 2 title lines stand above its header; they are no records.",
        "cases.csv: line 8 is a totals or trailer line; it is no record.",
    ]
    assert rows(tmp_path, "SELECT header_line, lines_above, lines_below FROM raw.files WHERE object = 'cases'") == [
        (4, 3, 1)
    ]
    deliver(tmp_path, text.replace("Total;2", "Total;3"))
    with pytest.raises(CountMismatch, match=r"cases\.csv: its last line says 3 records, 2 were counted"):
        land(tmp_path)


@pytest.mark.parametrize(
    "line",
    ["Total,2", "TOTAL: 2,", "Records: 2", "2 records", "Trailer,2,", "End of report", "Count=2", ",,2", "Sum,,9.50"],
)
def test_a_trailer_is_told_from_a_record(tmp_path, line):
    deliver(tmp_path, f"case_id,contact_id,cf_teeth\nT1,C1,1\nT2,C1,2\n{line}\n")
    land(tmp_path)
    assert [row[0] for row in cases(tmp_path)] == ["T1", "T2"]
    assert rejected(tmp_path) == []


@pytest.mark.parametrize("line", ["2,,", "3,Total,", "T3,2,2", "Total-3,C1,9"])
def test_a_last_record_that_resembles_a_trailer_lands(tmp_path, line):
    deliver(tmp_path, f"case_id,contact_id,cf_teeth\nT1,C1,1\nT2,C1,2\n{line}\n")
    land(tmp_path)
    assert [row[0] for row in cases(tmp_path)] == ["T1", "T2", line.split(",")[0]]


def test_a_header_that_stands_again_is_no_record(tmp_path):
    deliver(tmp_path, "case_id,contact_id,cf_teeth\nT1,C1,1\ncase_id,contact_id,cf_teeth\nT2,C1,2\n")
    snapshot = land(tmp_path)
    assert cases(tmp_path) == [("T1", "C1", "1", 1), ("T2", "C1", "2", 2)]
    assert about_cases(snapshot) == ["cases.csv: the header stands again at line 3; it is skipped."]


def test_page_breaks_and_rows_without_a_value_are_told(tmp_path):
    deliver(tmp_path, "case_id,contact_id,cf_teeth\nT1,C1,1\n\x0cT2,C1,2\n,,\nT3,C1,\x0c\n")
    snapshot = land(tmp_path)
    assert cases(tmp_path) == [("T1", "C1", "1", 1), ("T2", "C1", "2", 2), ("T3", "C1", "\x0c", 3)]
    assert about_cases(snapshot) == [
        "cases.csv: 1 rows without any value are no records.",
        "cases.csv: 1 page breaks (form feeds) stand before records; left out.",
    ]


def test_quotes_are_read_as_each_file_writes_them(tmp_path):
    deliver(tmp_path, 'case_id,contact_id,cf_teeth\nT1,C1,O"Brien\nT2,"C""1","said ""hi"",\nleft"\nT3,C1,x\n')
    land(tmp_path)
    assert cases(tmp_path) == [
        ("T1", "C1", 'O"Brien', 1),
        ("T2", 'C"1', 'said "hi",\nleft', 2),
        ("T3", "C1", "x", 3),
    ]
    backslashes = 'case_id,contact_id,cf_teeth\nT1,"C\\"1","a \\"b\\",\\\\ c"\nT2,C1,x\n'
    deliver(tmp_path, backslashes)
    snapshot = land(tmp_path)
    assert cases(tmp_path) == [("T1", 'C"1', 'a "b",\\ c', 1), ("T2", "C1", "x", 2)]
    assert about_cases(snapshot) == [
        "cases.csv writes a quote inside a value as a backslash and a quote; it is read so."
    ]


UNCLOSED, UNDOUBLED = "an opening quote is never closed", "a quote inside a quoted value is not doubled"


@pytest.mark.parametrize(
    ("text", "landed", "aside"),
    [
        pytest.param(
            'T1,C1,"a, b\nT2,C1,"line 1\nline 2"\nT3,C1,x\n',
            ["T2", "T3"],
            [(2, 2, UNCLOSED, 1, "T1")],
            id="an unclosed quote before a value of two lines",
        ),
        pytest.param(
            'T1,C1,x\nT2,C1,"never\nT3,C1,y\nT4,C1,z\n',
            ["T1", "T3", "T4"],
            [(3, 3, UNCLOSED, 2, "T2")],
            id="never closed",
        ),
        pytest.param('T1,C1,x\nT2,C1,"cut off in\nthe middle', ["T1"], [(3, 4, UNCLOSED, 2, "T2")], id="cut off"),
        pytest.param(
            'T1,C1,"said "hi" there"\nT2,C1,x\n', ["T2"], [(2, 2, UNDOUBLED, 1, "T1")], id="a quote not doubled"
        ),
        pytest.param(
            'T1,C1,"a\nsaid "hi"\nthere"\nT2,C1,x\n', ["T2"], [(2, 4, UNDOUBLED, 1, "T1")], id="in a value of lines"
        ),
        pytest.param(
            'T1,C1,"x\nT2,C1,y\nT3,C1,z"\nT4,C1,w\n',
            ["T2", "T4"],
            [(2, 2, UNCLOSED, 1, "T1"), (4, 4, UNDOUBLED, 3, "T3")],
            id="a value that would hold whole records",
        ),
        pytest.param(
            'T1,C1,"x"\nT2,line 1\nline 2",y\nT3,C1,"z"\n',
            ["T1", "T3"],
            [(3, 4, UNDOUBLED, 2, None)],
            id="no opening quote",
        ),
        pytest.param(
            "T1,C1\nT2,C1,x,y\nT3,C1,z\n",
            ["T3"],
            [(2, 2, "2 values under a header of 3", 1, "T1"), (3, 3, "4 values under a header of 3", 2, "T2")],
            id="too few and too many values",
        ),
        pytest.param(
            'T1,C1,\nT2,C1,"""\nT3,C1,"""\\""\nT4,C1,x\n',
            ["T1", "T4"],
            [(3, 4, UNDOUBLED, 2, "T2")],
            id="a lost quote beside a value that ends in a backslash",
        ),
    ],
)
def test_a_broken_record_is_rejected_by_its_lines_and_the_rest_lands(tmp_path, text, landed, aside):
    deliver(tmp_path, "case_id,contact_id,cf_teeth\n" + text)
    land(tmp_path)
    assert [row[0] for row in cases(tmp_path)] == landed
    assert rejected(tmp_path) == aside
    counts = rows(tmp_path, "SELECT rows_counted, rows_landed, rows_rejected FROM raw.files WHERE object = 'cases'")
    assert counts == [(len(landed) + len(aside), len(landed), len(aside))]


@pytest.mark.parametrize("quoted", ["", '""'])
def test_one_value_too_many_is_rejected_though_the_last_one_is_blank(tmp_path, quoted):
    deliver(tmp_path, f"case_id,contact_id,cf_teeth\nT1,C1,{quoted}\nT2,C1,shifted,{quoted}\nT3,C1,{quoted}\n")
    land(tmp_path)
    assert [row[0] for row in cases(tmp_path)] == ["T1", "T3"]
    assert rejected(tmp_path) == [(3, 3, "4 values under a header of 3", 2, "T2")]


def test_keys_are_judged_as_they_mean_and_land_as_typed(tmp_path):
    text = (
        'case_id,contact_id,cf_teeth\n="0011",C1,1\n0011,C1,1\n T2 ,C1,2\nT2,C1,3\n\'T4,C1,4\nt4,C1,5\n'
        "3.00123E+05,C1,6\n#REF!,C1,7\n ,C1,8\nT9,C1,9\n"
    )
    deliver(tmp_path, text)
    snapshot = land(tmp_path)
    assert cases(tmp_path) == [
        ('="0011"', "C1", "1", 1),
        ("'T4", "C1", "4", 5),
        ("t4", "C1", "5", 6),
        ("T9", "C1", "9", 10),
    ]
    assert rejected(tmp_path) == [
        (3, 3, "the same record again: kept once", 2, "0011"),
        (4, 4, "its key names several different records", 3, "T2"),
        (5, 5, "its key names several different records", 4, "T2"),
        (8, 8, "its key was damaged by a spreadsheet", 7, None),
        (9, 9, "its key was damaged by a spreadsheet", 8, None),
        (10, 10, "its key is blank", 9, None),
    ]
    assert "cases: 1 keys differ from another only in case; they stay apart." in snapshot.findings


def test_text_that_was_spoiled_before_is_counted_and_never_repaired(tmp_path):
    deliver(tmp_path, "case_id,contact_id,cf_teeth\nT1,C1,JosÃ©\nT2,C1,caf\ufffd\nT3,C1,São Ångström\n")
    snapshot = land(tmp_path)
    assert [row[2] for row in cases(tmp_path)] == ["JosÃ©", "caf\ufffd", "São Ångström"]
    assert [one for one in snapshot.findings if one.startswith("cases.")][-2:] == [
        "cases.cf_teeth: 1 values look like UTF-8 read as cp1252; ids T1.",
        "cases.cf_teeth: 1 values hold a character that was lost before the export (U+FFFD); ids T2.",
    ]


def test_counts_that_a_person_expects_are_held(tmp_path):
    deliver(tmp_path, PLAIN)
    with pytest.raises(CountMismatch, match=r"cases: 3 records are expected, 2 were counted"):
        land(tmp_path, expected={"cases": 3, "contacts": 1})
    assert land(tmp_path, expected={"cases": 2, "contacts": 1}).attested is False


def test_a_sound_file_is_landed_by_the_engine_and_a_doubtful_one_with_care(tmp_path):
    deliver(tmp_path, 'case_id,contact_id,cf_teeth\r\nT1,C1,"a\nb"\r\n', notes='note_id,body\nN1,"x\n')
    land(tmp_path)
    assert rows(tmp_path, "SELECT file, reader FROM raw.files WHERE object IN ('cases', 'notes') ORDER BY 1") == [
        ("cases.csv", "fast"),
        ("notes.csv", "careful"),
    ]
