"""Deliveries are found in whatever form they come, put in order, and opened into tables ready to read."""

import io
import zipfile
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

from workbench.dental_exec.deliveries import choose_deliveries, find_deliveries, list_deliveries, open_delivery
from workbench.errors import ExportProblem

CONTACTS, USERS = "contact_id,last_name\nC1,Lee\n", "user_id\nU1\n"
HEADER = "file,object,part,rows,bytes,sha256,encoding,delimiter,exported_at,source_timezone,mode,since\n"


def manifest(at: str, mode: str = "full") -> str:
    return f'{HEADER}contacts.csv,contacts,1,1,30,AB,utf-8,",",{at},America/Chicago,{mode},\n'


def pack(**entries: str | bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, data in entries.items():
            bundle.writestr(name, data)
    return made.getvalue()


def put(folder: Path, **files: str | bytes) -> Path:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
    return folder


def workbook(path: Path, **sheets: list[list[str]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with xlsxwriter.Workbook(path) as made:
        for name, rows in sheets.items():
            sheet = made.add_worksheet(name)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
    return path


def opened(exports: Path, room: Path) -> list[tuple[str, str, str]]:
    """Return name, title and text of each table of the only delivery."""
    [delivery] = find_deliveries(exports)
    return [
        (source.name, source.title, source.path.read_text("utf-8")) for source in open_delivery(delivery, room).sources
    ]


def test_a_folder_of_tables_is_one_delivery_and_letters_are_no_tables(tmp_path):
    exports = put(
        tmp_path / "export",
        **{
            "contacts_part01.csv": CONTACTS,
            "contacts_2.TSV": CONTACTS,
            "users.txt": USERS,
            "README.txt": "hello",
            "export_manifest.csv": manifest("2026-11-20 02:00:00"),
            "~$contacts.xlsx": "lock",
            ".contacts.csv": "hidden",
            "attachments/C1/notes.csv": "a patient's own file",
        },
    )
    assert opened(exports, tmp_path / "room") == [
        ("contacts_2.TSV", "contacts_2", CONTACTS),
        ("contacts_part01.csv", "contacts_part01", CONTACTS),
        ("users.txt", "users", USERS),
    ]
    [delivery] = find_deliveries(exports)
    assert open_delivery(delivery, tmp_path / "room").folder == exports
    assert not (tmp_path / "room").exists()


def test_a_zip_is_the_same_delivery_as_its_folder(tmp_path):
    files = {"export/contacts.csv": CONTACTS, "export/attachments/a.pdf": "pdf"}
    name = "dental-exec-export_LFD_20261120T020000.zip"
    put(tmp_path / "in", **{name: pack(**files, **{"export/export_manifest.csv": manifest("2026-11-21 02:00:00")})})
    for exports in (tmp_path / "in", tmp_path / "in" / name):
        [delivery] = find_deliveries(exports)
        assert (delivery.name, delivery.exported_at, delivery.is_attested) == (name, "2026-11-21 02:00:00", True)
        ready = open_delivery(delivery, tmp_path / "room")
        assert [(one.name, one.path.read_text()) for one in ready.sources] == [("contacts.csv", CONTACTS)]
        assert (ready.folder / "attachments" / "a.pdf").read_text() == "pdf"
        assert ready.promises == delivery.promises


def test_tables_workbooks_and_zips_mix_in_one_folder(tmp_path):
    exports = put(tmp_path / "export", **{"contacts.csv": CONTACTS, "rest.zip": pack(**{"users.csv": USERS})})
    workbook(exports / "export.xlsx", cases=[["case_id"], ["T1"]], notes=[["note_id", "body"], ["N1", "a"]])
    before = sorted(exports.iterdir())
    assert opened(exports, tmp_path / "room") == [
        ("contacts.csv", "contacts", CONTACTS),
        ("export.xlsx#cases", "cases", '"case_id"\n"T1"\n'),
        ("export.xlsx#notes", "notes", "note_id,body\nN1,a\n"),
        ("users.csv", "users", USERS),
    ]
    assert sorted(exports.iterdir()) == before


def test_a_lone_workbook_is_a_delivery_without_attachments(tmp_path):
    path = workbook(tmp_path / "in" / "export.xlsx", contacts=[["contact_id", "last_name"], ["C1", "Lee"]])
    put(tmp_path / "in", **{"letter.txt": "hello"})
    for exports in (path, path.parent):
        assert opened(exports, tmp_path / "room") == [("export.xlsx#contacts", "contacts", CONTACTS)]
    [delivery] = find_deliveries(path)
    [source] = open_delivery(delivery, tmp_path / "room").sources
    assert source.rows_are_lines
    assert open_delivery(delivery, tmp_path / "room").folder == source.path.parent


def test_deliveries_stand_in_order_of_their_time_else_of_the_day_in_their_name(tmp_path):
    put(
        tmp_path / "in",
        **{
            "b/contacts.csv": CONTACTS,
            "b/export_manifest.csv": manifest("2026-11-20T08:00:00Z"),
            "dental-exec-export_LFD_20261119T020000.zip": pack(**{"contacts.csv": CONTACTS}),
            "2026-11-22/contacts.csv": CONTACTS,
            "letters/letter.txt": "hello",
        },
    )
    workbook(tmp_path / "in" / "export 2026-11-21.xlsx", contacts=[["contact_id"], ["C1"]])
    frame = pl.DataFrame(
        {
            "delivery": ["dental-exec-export_LFD_20261119T020000.zip", "b", "export 2026-11-21.xlsx", "2026-11-22"],
            "exported_at": ["2026-11-19 02:00:00", "2026-11-20 02:00:00", None, None],
            "mode": ["full"] * 4,
            "attested": [False, True, False, False],
            "packed": [True, False, False, False],
        }
    )
    assert list_deliveries(find_deliveries(tmp_path / "in")).equals(frame)


def journey(tmp_path: Path) -> Path:
    days = {"a": "delta", "b": "full", "c": "delta", "d": "full", "e": "delta", "f": "delta"}
    for day, (name, mode) in enumerate(days.items(), start=10):
        put(
            tmp_path / "in" / name,
            **{"contacts.csv": CONTACTS, "export_manifest.csv": manifest(f"2026-11-{day} 02:00:00", mode)},
        )
    return tmp_path / "in"


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        pytest.param("latest", "def", id="the newest full one and the partial ones after it"),
        pytest.param("b", "b", id="a full one alone"),
        pytest.param("c", "bc", id="a partial one with its full one"),
        pytest.param("f", "def", id="a partial one with those between"),
    ],
)
def test_a_partial_delivery_comes_with_what_it_builds_upon(tmp_path, wanted, chosen):
    assert "".join(one.name for one in choose_deliveries(journey(tmp_path), wanted)) == chosen


def test_a_partial_delivery_without_a_full_one_before_it_is_refused(tmp_path):
    exports = journey(tmp_path)
    with pytest.raises(ExportProblem) as raised:
        choose_deliveries(exports, "a")
    assert str(raised.value) == (
        "No full delivery to begin with: a is partial (mode delta). A partial delivery holds only what changed and"
        " cannot be landed alone. Ask the practice for a full export."
    )
    put(
        tmp_path / "only",
        **{
            "export.zip": pack(
                **{"x.zip": pack(**{"export_manifest.csv": manifest("2026-11-20", "delta"), "contacts.csv": ""})}
            )
        },
    )
    with pytest.raises(ExportProblem, match=r"No full delivery to begin with: export\.zip is partial"):
        choose_deliveries(tmp_path / "only", "latest")


def test_an_undated_delivery_among_dated_ones_is_told(tmp_path):
    put(tmp_path / "in", **{"new/contacts.csv": CONTACTS, "2026-11-22/contacts.csv": CONTACTS})
    [chosen] = choose_deliveries(tmp_path / "in", "latest")
    assert (chosen.name, chosen.findings) == (
        "2026-11-22",
        ("Deliveries without a date in manifest or name are taken as the oldest: new.",),
    )


def test_what_is_not_there_is_said_with_what_is(tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(ExportProblem, match=r"The folder 'in' holds no delivery: no CSV files, no workbook, no zip"):
        choose_deliveries(tmp_path / "in", "latest")
    with pytest.raises(ExportProblem, match="There is no delivery 'x'; there are: in"):
        choose_deliveries(put(tmp_path / "in", **{"contacts.csv": CONTACTS}), "x")
    with pytest.raises(ExportProblem, match="There is no folder of exports named 'nowhere', and no zip or workbook"):
        find_deliveries(tmp_path / "nowhere")


def test_tables_nobody_opens_here_are_told(tmp_path):
    exports = put(tmp_path / "in", **{"contacts.csv": CONTACTS, "users.ods": b"PK", "old.XLS": b"x"})
    [delivery] = find_deliveries(exports)
    assert open_delivery(delivery, tmp_path / "room").findings == (
        "old.XLS cannot be read here; save it as CSV or as .xlsx.",
        "users.ods cannot be read here; save it as CSV or as .xlsx.",
    )


def test_a_table_in_a_folder_beside_the_tables_is_told(tmp_path):
    files = {"contacts.csv": CONTACTS, "old/users.csv": USERS, "attachments/C1/notes.csv": "", "old/letter.txt": ""}
    [delivery] = find_deliveries(put(tmp_path / "in", **files))
    assert open_delivery(delivery, tmp_path / "room").findings == (
        "old/users.csv lies in a folder inside the delivery; it is not read. Move it up.",
    )


def test_files_that_differ_in_case_only_are_counted(tmp_path):
    exports = put(tmp_path / "in", **{"contacts.csv": "", "attachments/a.pdf": "1", "attachments/A.PDF": "2"})
    [delivery] = find_deliveries(exports)
    assert open_delivery(delivery, tmp_path / "room").findings == (
        "1 file differs from another one only in upper and lower case.",
    )


def test_every_workbook_that_cannot_be_read_is_named_at_once(tmp_path):
    exports = put(tmp_path / "in", **{"contacts.xlsx": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "users.xlsx": b"PK"})
    [delivery] = find_deliveries(exports)
    with pytest.raises(ExportProblem) as raised:
        open_delivery(delivery, tmp_path / "room")
    assert str(raised.value).splitlines() == [
        "The delivery in has 2 problems:",
        "  contacts.xlsx is encrypted, or an old .xls under another name. Save it as .xlsx without a password.",
        "  users.xlsx is damaged or no workbook. Save it again as .xlsx.",
    ]


def test_a_workbook_without_any_known_sheet_is_refused_by_the_names_of_its_sheets(tmp_path):
    path = workbook(tmp_path / "export.xlsx", Sheet1=[["contact_id"], ["C1"]], Sheet2=[["user_id"]])
    [delivery] = find_deliveries(path)
    with pytest.raises(ExportProblem) as raised:
        open_delivery(delivery, tmp_path / "room")
    assert str(raised.value).splitlines() == [
        "The delivery export.xlsx has 1 problem:",
        "  none of its tables is named after an object of the export (contacts, users …): export.xlsx#Sheet1,"
        " export.xlsx#Sheet2",
    ]


def test_a_zip_without_tables_is_refused(tmp_path):
    put(tmp_path / "in", **{"export.zip": pack(**{"letter.txt": "hello", "contacts.ods": "x"})})
    [delivery] = find_deliveries(tmp_path / "in")
    with pytest.raises(ExportProblem) as raised:
        open_delivery(delivery, tmp_path / "room")
    assert str(raised.value).splitlines() == [
        "The delivery export.zip has 2 problems:",
        "  it holds no table: no CSV file and no visible sheet",
        "  contacts.ods cannot be read here; save it as CSV or as .xlsx.",
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_a_manifest_is_read_in_the_dialect_it_was_saved_in(tmp_path, encoding):
    text = manifest("2026-11-20 02:00:00", "Delta").replace(",", ";").replace("contacts.csv", "contäcts.csv")
    put(tmp_path / "in", **{"contäcts.csv": CONTACTS, "export_manifest.csv": text.encode(encoding)})
    [delivery] = find_deliveries(tmp_path / "in")
    assert (delivery.mode, delivery.source_timezone, delivery.exported_at) == (
        "delta",
        "America/Chicago",
        "2026-11-20 02:00:00",
    )
    assert [(one.file, one.object, one.rows, one.size, one.sha256) for one in delivery.promises] == [
        ("contäcts.csv", "contacts", 1, 30, "ab")
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(HEADER, "has a line without a file name, or no line at all", id="no line"),
        pytest.param(HEADER + ",contacts,1,1\n", "has a line without a file name", id="no file"),
        pytest.param(HEADER + "a.csv,contacts,1,many\n", "says rows = 'aaaa'; a number is", id="no number"),
        pytest.param(manifest("yesterday"), "says exported_at = 'aaaaaaaaa'; a time like", id="no time"),
        pytest.param("\x81\x8d", "cannot be decoded", id="no text"),
    ],
)
def test_a_manifest_that_cannot_be_read_is_refused(tmp_path, text, said):
    data = text.encode("latin-1")
    put(tmp_path / "in", **{"contacts.csv": CONTACTS, "export_manifest.csv": data})
    with pytest.raises(ExportProblem, match=rf"^in: export_manifest\.csv .*{said}"):
        find_deliveries(tmp_path / "in")
