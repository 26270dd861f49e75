"""What arrives lands whole in whatever form it comes, or leaves the warehouse as it was with one clear error."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import xlsxwriter

from workbench.dental_exec.snapshot import take_snapshot
from workbench.errors import ExportProblem
from workbench.warehouse import open_warehouse

TABLES = {
    "users": [["user_id", "full_name"], ["U1", "M R"]],
    "companies": [["company_id", "company_name", "zip"], ["P-1", "Lakeside", "02139"]],
    "contacts": [["contact_id", "last_name", "company_id"], ["C1", "Lee", "P-1"], ["C2", 'O"Brien, Jr\nMr', ""]],
    "cases": [["case_id", "contact_id", "case_value"], ["T1", "C1", "100.00"]],
}
LANDED = {
    "users": [("U1", "M R")],
    "companies": [("P-1", "Lakeside", "02139")],
    "contacts": [("C1", "Lee", "P-1"), ("C2", 'O"Brien, Jr\nMr', None)],
    "cases": [("T1", "C1", "100.00")],
}


def text(name: str) -> str:
    quoted = [[f'"{cell}"'.replace('O"B', 'O""B') for cell in row] for row in TABLES[name]]
    return "\n".join(",".join(row) for row in quoted) + "\n"


def pack(entries: dict[str, str | bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, data in entries.items():
            bundle.writestr(name, data)
    return made.getvalue()


def csv_files(names: tuple[str, ...] = tuple(TABLES)) -> dict[str, str | bytes]:
    return {f"{name}.csv": text(name) for name in names}


def workbook(path: Path, names: tuple[str, ...] = tuple(TABLES)) -> None:
    with xlsxwriter.Workbook(path) as book:
        for name in names:
            sheet = book.add_worksheet(name)
            for number, row in enumerate(TABLES[name]):
                for place, cell in enumerate(row):
                    sheet.write_string(number, place, cell)


def as_folder(exports: Path) -> None:
    for name, data in csv_files().items():
        (exports / name).write_text(str(data))


def as_zip(exports: Path) -> None:
    (exports / "export.zip").write_bytes(pack({f"export/{name}": data for name, data in csv_files().items()}))


def as_nested_zips(exports: Path) -> None:
    inner = pack(csv_files(("contacts", "cases")))
    outer = {"rest.zip": pack({"x/two.zip": inner}), **csv_files(("users", "companies"))}
    (exports / "export.zip").write_bytes(pack(outer))


def as_workbook(exports: Path) -> None:
    workbook(exports / "export.xlsx")


def as_a_mix(exports: Path) -> None:
    workbook(exports / "users.xlsx", ("users",))
    workbook(exports / "more.xlsx", ("companies",))
    (exports / "contacts.csv").write_text(text("contacts"))
    (exports / "cases.zip").write_bytes(pack(csv_files(("cases",))))


def landed(warehouse: Path) -> dict[str, list[tuple]]:
    with open_warehouse(warehouse) as store:
        return {
            name: store.run(f"SELECT {', '.join(rows[0])} FROM raw.{name} ORDER BY 1") for name, rows in TABLES.items()
        }


def take(exports: Path, warehouse: Path):
    return take_snapshot(exports, warehouse, time_zone="America/Chicago")


@pytest.mark.parametrize("arrive", [as_folder, as_zip, as_nested_zips, as_workbook, as_a_mix])
def test_the_same_tables_land_equal_in_every_form(tmp_path: Path, arrive: Callable[[Path], None]) -> None:
    exports, warehouse = tmp_path / "exports", tmp_path / "data" / "warehouse.duckdb"
    exports.mkdir()
    arrive(exports)
    before = {path: path.read_bytes() for path in exports.iterdir()}
    first = take(exports, warehouse)
    assert landed(warehouse) == LANDED
    assert take(exports, warehouse) == first
    assert {path: path.read_bytes() for path in exports.iterdir()} == before


def test_error_cells_and_formulas_of_a_workbook_land_as_their_text_and_are_told(tmp_path: Path) -> None:
    (tmp_path / "exports").mkdir()
    with xlsxwriter.Workbook(tmp_path / "exports" / "export.xlsx") as book:
        for name, rows in TABLES.items():
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
        book.get_worksheet_by_name("companies").write_formula(1, 2, "=A0", None, "#REF!")
        book.get_worksheet_by_name("cases").write_formula(1, 2, "=50+50", None, 100)
    snapshot = take(tmp_path / "exports", tmp_path / "warehouse.duckdb")
    assert landed(tmp_path / "warehouse.duckdb")["companies"] == [("P-1", "Lakeside", "#REF!")]
    assert landed(tmp_path / "warehouse.duckdb")["cases"] == [("T1", "C1", "100")]
    told = [finding for finding in snapshot.findings if finding.startswith("export.xlsx#")]
    assert "export.xlsx#companies: 1 error cell, landed as its text, in columns zip (1)." in told
    assert "export.xlsx#cases: 1 cell holds a formula; the value of its last calculation is read." in told


def encrypted() -> bytes:
    data = bytearray(pack(csv_files()))
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(signature)
        while at >= 0:
            data[at + place] |= 1
            at = data.find(signature, at + 4)
    return bytes(data)


def flipped() -> bytes:
    data = bytearray(pack(csv_files()))
    data[70] ^= 0xFF
    return bytes(data)


def bomb() -> bytes:
    """Return an archive whose directory promises 4 GB, as one of 4 MB of zeros would."""
    data = bytearray(pack({"contacts.csv": "contact_id\n"}))
    at = data.index(b"PK\x01\x02") + 24
    data[at : at + 4] = (0xFFFFFF00).to_bytes(4, "little")
    return bytes(data)


def partial() -> bytes:
    return pack({**csv_files(), "export_manifest.csv": "file,object,mode\nusers.csv,users,delta\n"})


def unknown(path: Path) -> None:
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet("Sheet1").write(0, 0, "contact_id")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        pytest.param(lambda path: None, "holds no delivery", id="an empty folder"),
        pytest.param(
            lambda path: (path / "e.zip").write_bytes(pack({**csv_files(), "../../evil.csv": "x"})),
            "entry 5 of 5 has a path that leaves the archive",
            id="a climbing path",
        ),
        pytest.param(lambda path: (path / "e.zip").write_bytes(encrypted()), "e.zip is encrypted", id="encrypted"),
        pytest.param(lambda path: (path / "e.zip").write_bytes(flipped()), "e.zip is damaged", id="damaged"),
        pytest.param(lambda path: (path / "e.zip").write_bytes(partial()), "e.zip is partial", id="only partial"),
        pytest.param(lambda path: unknown(path / "e.xlsx"), "none of its tables is named after", id="no known sheet"),
        pytest.param(
            lambda path: (path / "e.xlsx").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512)),
            "e.xlsx is encrypted, or an old .xls",
            id="a workbook with a password",
        ),
        pytest.param(
            lambda path: (path / "e.zip").write_bytes(bomb()),
            "e.zip is not unpacked: more than 1,073,741,824 bytes would come out",
            id="a bomb",
        ),
    ],
)
def test_what_cannot_land_leaves_the_warehouse_as_it_was(
    tmp_path: Path, spoil: Callable[[Path], object], said: str
) -> None:
    warehouse = tmp_path / "data" / "warehouse.duckdb"
    for name in ("good", "bad"):
        (tmp_path / name).mkdir()
    as_folder(tmp_path / "good")
    snapshot = take(tmp_path / "good", warehouse)
    spoil(tmp_path / "bad")
    with pytest.raises(ExportProblem) as raised:
        take(tmp_path / "bad", warehouse)
    assert said in str(raised.value)
    assert landed(warehouse) == LANDED
    with open_warehouse(warehouse) as store:
        assert store.run("SELECT snapshot FROM raw.deliveries") == [(snapshot.id,)]
    assert list((tmp_path / "data" / "unpacked").glob(".*.part")) == []
    assert not (tmp_path / "evil.csv").exists()
