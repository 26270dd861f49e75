"""The scan for patients' values is itself tested: a leak planted in each kind of artefact is found, and nothing else is."""

from __future__ import annotations

import base64
import gzip
import html
import io
import json
import sqlite3
import struct
import zipfile
import zlib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from urllib.parse import quote

import nbformat
import pytest
import xlsxwriter
from canaries import EXCEPT, Canary, date_canary, phone_canary, scan, squash, text_canary

NAME = "Zofía Quillfeather"
CANARIES = (
    text_canary("name", NAME, "Quillfeather, Zofia"),
    text_canary("e-mail", "zofia.quill@example.com"),
    phone_canary("phone", "(512) 555-0188"),
    date_canary("birth date", date(1961, 7, 3)),
    text_canary("member number", "XKQ-204-417-Z"),
    text_canary("note", "allergic to penicillin & latex"),
)
RUN = "data/runs/run-1"
Plant = Callable[[Path], None]


def found_in(folder: Path, name: str, content: bytes | str, canaries: tuple[Canary, ...] = CANARIES) -> list[str]:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return scan(folder, canaries)


@pytest.mark.parametrize(
    ("label", "typed"),
    [
        ("name", "Zofía Quillfeather"),
        ("name", "ZOFIA QUILLFEATHER"),
        ("name", "Quillfeather,Zofia"),
        ("name", "Zofi\u0301a  Quillfeather"),
        ("name", "zofia_quillfeather.png"),
        ("name", "<b>Zofía</b> <i>Quillfeather</i>"),
        ("e-mail", "Zofia.Quill@Example.com"),
        ("e-mail", "mailto:zofia.quill%40example.com"),
        ("e-mail", "zofia.quill&#64;example.com"),
        ("phone", "5125550188"),
        ("phone", "+1 512.555.0188"),
        ("phone", "(512) 555-0188 x3"),
        ("birth date", "1961-07-03T00:00:00"),
        ("birth date", "born 7/3/61"),
        ("birth date", "07-03-1961"),
        ("birth date", "July 3, 1961"),
        ("birth date", "3 Jul 1961"),
        ("birth date", "19610703"),
        ("member number", "xkq204417z"),
        ("note", "Allergic to penicillin &amp; latex!"),
    ],
)
def test_a_value_is_found_however_it_is_typed(tmp_path: Path, label: str, typed: str) -> None:
    assert found_in(tmp_path, f"{RUN}/log.jsonl", f'{{"reason": "{typed}"}}\n') == [f"{RUN}/log.jsonl: {label}"]


@pytest.mark.parametrize("form", [f"{{}} {sign}" for sign in ("1961", "512", "555-0188", "Zofia", "Quillfeather")])
def test_a_part_that_tells_nobody_is_no_finding(tmp_path: Path, form: str) -> None:
    assert found_in(tmp_path, f"{RUN}/page.html", form.format("4,512 rows; 31961-07-031; 219610703; 1961-07-04")) == []


def notebook(output: dict[str, object], **metadata: object) -> bytes:
    book = nbformat.v4.new_notebook(metadata=metadata)
    book.cells = [nbformat.v4.new_code_cell("show()", outputs=[nbformat.from_dict(output)])]
    return nbformat.writes(book).encode()


def workbook(*cells: object, comment: str = "") -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        sheet = book.add_worksheet("held")
        for place, cell in enumerate(cells):
            if isinstance(cell, date):
                sheet.write_datetime(place, 0, cell, book.add_format({"num_format": "yyyy-mm-dd"}))
            else:
                sheet.write(place, 0, cell)
        if comment:
            sheet.write_comment("B1", comment)
    return file.getvalue()


def packed(name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(name, content)
    return file.getvalue()


def png(kind: bytes, data: bytes) -> bytes:
    chunk = struct.pack(">I4s", len(data), kind) + data + struct.pack(">I", zlib.crc32(kind + data))
    return b"\x89PNG\r\n\x1a\n" + chunk


def display(**data: object) -> dict[str, object]:
    return {"output_type": "display_data", "data": data, "metadata": {}}


SVG = f"<svg xmlns='http://www.w3.org/2000/svg'><text x='1'>{NAME}</text></svg>"
ARTEFACTS: dict[str, tuple[str, bytes]] = {
    "a page": (f"{RUN}/60_validate.html", f"<td>{html.escape(NAME)}</td>".encode()),
    "a page with entities": (f"{RUN}/60_validate.html", NAME.encode("ascii", "xmlcharrefreplace")),
    "a picture in a page": (
        f"{RUN}/index.html",
        b"<img src='data:image/svg+xml;base64," + base64.b64encode(SVG.encode()) + b"'>",
    ),
    "a picture in a page, as URL": (f"{RUN}/index.html", f"<img src='data:image/svg+xml,{quote(SVG)}'>".encode()),
    "a drawing": (f"{RUN}/fates.svg", SVG.encode()),
    "text in a PNG": (f"{RUN}/fates.png", png(b"tEXt", b"Title\0" + NAME.encode())),
    "packed text in a PNG": (f"{RUN}/fates.png", png(b"zTXt", b"Title\0\0" + zlib.compress(NAME.encode()))),
    "packed international text in a PNG": (
        f"{RUN}/fates.png",
        png(b"iTXt", b"Title\0\1\0en\0\0" + zlib.compress(NAME.encode())),
    ),
    "an output of a notebook": (
        f"{RUN}/60_validate.ipynb",
        notebook({"output_type": "stream", "name": "stdout", "text": NAME}),
    ),
    "an error of a notebook": (
        f"{RUN}/60_validate.ipynb",
        notebook({"output_type": "error", "ename": "E", "evalue": ascii(NAME), "traceback": []}),
    ),
    "a coloured traceback": (
        f"{RUN}/60_validate.ipynb",
        notebook(
            {"output_type": "error", "ename": "E", "evalue": "", "traceback": [NAME.replace(" ", "\x1b[0m \x1b[0;31m")]}
        ),
    ),
    "a widget's state": (f"{RUN}/31_map.ipynb", notebook(display(), widgets={"state": {"value": NAME}})),
    "papermill's parameters": (f"{RUN}/31_map.ipynb", notebook(display(), papermill={"parameters": {"who": NAME}})),
    "a picture of a notebook": (
        f"{RUN}/20.ipynb",
        notebook(
            display(**{"image/png": base64.encodebytes(png(b"tEXt", b"a" * 90 + b"\0" + NAME.encode())).decode()})
        ),
    ),
    "a record of a step": (f"{RUN}/60_validate.json", json.dumps({"examples": [NAME]}).encode()),
    "JSON in JSON": (f"{RUN}/60_validate.json", json.dumps({"detail": json.dumps({"name": NAME})}).encode()),
    "a log": (f"{RUN}/log.jsonl", json.dumps({"event": "refused", "url": f"/lookup?q={quote(NAME)}"}).encode()),
    "the tenant's log": ("data/rehearsal/tenant.log", f"GET /lookup?q={NAME.replace(' ', '+')}&f=name".encode()),
    "an error log of a batch": (f"{RUN}/batches/patient-0001.csv", f"C1,422,{NAME} is not unique\n".encode("cp1252")),
    "a CSV as a spreadsheet writes it": (f"{RUN}/held.csv", NAME.encode("utf-16")),
    "a CSV in the other order": (f"{RUN}/held.csv", NAME.encode("utf-16-be")),
    "a cell of a workbook": (f"{RUN}/rebuild_reference.xlsx", workbook("carrier", NAME)),
    "a comment of a workbook": (f"{RUN}/premapping.xlsx", workbook("carrier", comment=NAME)),
    "a zip": (f"{RUN}/all.zip", packed("log.txt", NAME.encode())),
    "the name in a zip": (f"{RUN}/all.zip", packed(f"{NAME}.txt", b"nothing")),
    "a workbook in a zip": (f"{RUN}/all.zip", packed("held.xlsx", workbook(NAME))),
    "gzip": (f"{RUN}/log.jsonl.gz", gzip.compress(NAME.encode())),
    "what a model was asked": ("data/suggest/answers.jsonl", json.dumps({"question": NAME}).encode()),
    "a decision of the rehearsal": ("data/rehearsal/decisions/insurance_carrier.csv", f"{NAME},ask,,,,\n".encode()),
    "a certificate": (
        "data/purged/20261126.json",
        json.dumps({"list": [{"path": f"data/unpacked/{NAME}.pdf"}]}).encode(),
    ),
    "an answer of the tenant": ("data/freshsales/tenant_schema.json", json.dumps({"users": [NAME]}).encode()),
    "what nobody thought of": ("data/new_thing/file.bin", b"\x00\x01" + NAME.encode() + b"\xff\xfe"),
}


@pytest.mark.parametrize("artefact", ARTEFACTS)
def test_a_leak_in_this_kind_of_artefact_is_found(tmp_path: Path, artefact: str) -> None:
    name, content = ARTEFACTS[artefact]
    assert found_in(tmp_path, name, content) == [f"{name}: name"]


@pytest.mark.parametrize("artefact", ARTEFACTS)
def test_the_same_artefact_without_the_leak_is_clean(tmp_path: Path, artefact: str) -> None:
    name, content = ARTEFACTS[artefact]
    assert found_in(tmp_path, name, content, (text_canary("somebody else", "Wrenfield, Ottilie"),)) == []


def test_a_birth_date_in_a_workbook_is_found_as_the_number_it_is_there(tmp_path: Path) -> None:
    name = f"{RUN}/held.xlsx"
    assert found_in(tmp_path, name, workbook("C1", date(1961, 7, 3))) == [f"{name}: birth date"]


def ledger(folder: Path) -> Path:
    path = folder / "data" / "freshsales" / "ledger.sqlite"
    path.parent.mkdir(parents=True)
    return path


def test_a_leak_in_a_row_of_a_ledger_is_found_also_where_it_lies_over_two_pages(tmp_path: Path) -> None:
    path = ledger(tmp_path)
    with sqlite3.connect(path) as made:
        made.execute("CREATE TABLE audit (detail TEXT)")
        # Of 12,000 bytes SQLite keeps 3,816 in the row's own page (file format, 1.6), 4 of them its header.
        made.execute("INSERT INTO audit VALUES (?)", ["x" * 3800 + NAME + "y" * (11_996 - 3800 - len(NAME.encode()))])
    assert b"Quillfeather" not in path.read_bytes()
    assert scan(tmp_path, CANARIES) == ["data/freshsales/ledger.sqlite: name"]


def test_a_leak_that_was_deleted_from_a_ledger_is_found_in_its_free_pages(tmp_path: Path) -> None:
    path = ledger(tmp_path)
    with sqlite3.connect(path) as made:
        made.execute("PRAGMA secure_delete = OFF")
        made.execute("CREATE TABLE audit (detail TEXT)")
        made.execute("INSERT INTO audit VALUES (?)", [NAME])
        made.execute("DELETE FROM audit")
    assert scan(tmp_path, CANARIES) == ["data/freshsales/ledger.sqlite: name"]


def test_a_leak_in_the_write_ahead_log_alone_is_found(tmp_path: Path) -> None:
    path = ledger(tmp_path)
    with sqlite3.connect(path) as made:
        made.execute("PRAGMA journal_mode = WAL")
        made.execute("CREATE TABLE audit (detail TEXT)")
        made.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        made.execute("INSERT INTO audit VALUES (?)", [NAME])
        made.commit()
        assert scan(tmp_path, CANARIES) == [
            "data/freshsales/ledger.sqlite: name",
            "data/freshsales/ledger.sqlite-wal: name",
        ]


def test_a_leak_in_the_name_of_a_file_or_folder_is_found(tmp_path: Path) -> None:
    (tmp_path / RUN / "Quillfeather, Zofia").mkdir(parents=True)
    (tmp_path / RUN / "zofia.quill@example.com.html").touch()
    assert scan(tmp_path, CANARIES) == [
        f"{RUN}/Quillfeather, Zofia: name",
        f"{RUN}/zofia.quill@example.com.html: e-mail",
    ]


@pytest.mark.parametrize("content", [b"PAR1....PAR1", b"\x28\xb5\x2f\xfd....", b"12345678DUCK....", b"%PDF-1.7 "])
def test_what_the_scan_cannot_look_into_is_a_finding(tmp_path: Path, content: bytes) -> None:
    [found] = found_in(tmp_path, f"{RUN}/part.bin", content)
    assert "cannot be looked into" in found


def test_what_is_left_out_has_a_reason_and_nothing_beside_it_is_left_out(tmp_path: Path) -> None:
    assert [name for name, why in EXCEPT.items() if len(why.split()) < 2] == []
    for name in EXCEPT:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(NAME)
        (tmp_path / f"{name}-beside").write_text(NAME)
    listed = {one.partition(":")[0] for one in scan(tmp_path, CANARIES)}
    assert listed == {f"{name}-beside" for name in EXCEPT if f"{name}-beside" not in EXCEPT}


def test_only_the_folder_for_reviewers_of_a_run_may_hold_values_and_no_other_of_that_name(tmp_path: Path) -> None:
    for name in (
        f"{RUN}/review/70_sample.html",
        f"{RUN}/reviewed.html",
        f"{RUN}/deltas/review/1.html",
        "data/review/1",
    ):
        found_in(tmp_path, name, NAME)
    listed = {one.partition(":")[0] for one in scan(tmp_path, CANARIES)}
    assert listed == {f"{RUN}/reviewed.html", f"{RUN}/deltas/review/1.html", "data/review/1"}


def test_a_canary_that_chance_could_find_is_refused() -> None:
    with pytest.raises(AssertionError, match="too short"):
        text_canary("name", "Zofia")
    assert squash("Zofía, 12") == "zofia12"
