"""Every kind of bad input, as data: what is made of a good export or folder of canary patients, and where it must stop."""

from __future__ import annotations

import csv
import io
import stat
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import xlsxwriter
from canaries import Canary, canaries_of, text_canary

Row = dict[str, str]
Spoil = Callable[[Path], None]
VICTIM = {
    "first_name": "Zofía",
    "last_name": "Quillfeather",
    "email": "zofia.quill@example.com",
    "phone_mobile": "(512) 555-0188",
    "phone_home": "512.555.0199",
    "cf_member_id": "XKQ-204-417-Z",
    "address_line1": "417 Wrenfield Hollow Rd",
}
NAME, LISTED = "Zofía Quillfeather", "Quillfeather, Zofía"
BODY = "allergic to penicillin and latex, asks for Tuesdays"


@dataclass(frozen=True)
class Bad:
    """One kind of bad input: how a delivery is spoilt, and a word of what is said of it."""

    spoil: Spoil
    says: str


def canaries(delivery: Path) -> list[Canary]:
    """Return what tells of a patient in a delivery: of the planted one and of all others."""
    found = [one for row in read(delivery, "contacts") for one in canaries_of(row)]
    return [*found, text_canary("note of the planted one", BODY), text_canary("name of the planted one", NAME, LISTED)]


def plant(delivery: Path) -> None:
    """Make the first patient of a delivery one whose values no chance could write, with a note and an attachment."""
    rows = read(delivery, "contacts")
    rows[0] |= VICTIM
    write(delivery, "contacts", rows)
    notes = read(delivery, "notes")
    notes[0] |= {"body": BODY, "body_format": "text"}
    write(delivery, "notes", notes)


def read(delivery: Path, table: str) -> list[Row]:
    """Return the rows of a table."""
    with (delivery / f"{table}.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def write(delivery: Path, table: str, rows: list[Row]) -> None:
    """Write the rows of a table."""
    made = io.StringIO()
    writer = csv.DictWriter(made, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    (delivery / f"{table}.csv").write_text(made.getvalue(), "utf-8")


def set_in(table: str, place: int = 0, **values: str) -> Spoil:
    """Fill cells of one row."""

    def spoil(delivery: Path) -> None:
        rows = read(delivery, table)
        rows[place] |= values
        write(delivery, table, rows)

    return spoil


def swap(table: str, one: str, other: str) -> Spoil:
    """Let two columns stand under each other's name."""

    def spoil(delivery: Path) -> None:
        names = {one: other, other: one}
        rows = [{names.get(name, name): cell for name, cell in row.items()} for row in read(delivery, table)]
        write(delivery, table, rows)

    return spoil


def edit(name: str, change: Callable[[bytes], bytes]) -> Spoil:
    """Change the bytes of a file, which may not be there yet."""

    def spoil(delivery: Path) -> None:
        path = delivery / name
        path.write_bytes(change(path.read_bytes() if path.is_file() else b""))

    return spoil


def say(name: str, text: str) -> Spoil:
    """Write a file."""
    return edit(name, lambda _: text.encode())


def lines(change: Callable[[list[bytes]], list[bytes]]) -> Spoil:
    """Change the lines of contacts.csv, the header among them."""
    return edit("contacts.csv", lambda data: b"".join(change(data.splitlines(keepends=True))))


def swallow(rows: list[bytes]) -> list[bytes]:
    """Open a quote at the last column's name, and close it at the end of the second record."""
    header, first, second, *rest = (one.replace(b'"', b"") for one in rows)
    start, _, last = header.rstrip(b"\n").rpartition(b",")
    return [start + b',"' + last + b"\n", first, second.rstrip(b"\n") + b'"\n', *rest]


def joined(rows: list[bytes]) -> list[bytes]:
    """Let another export follow, whose header has columns more, one of them called like a patient."""
    return [*rows, rows[0].rstrip(b"\n") + b"," + NAME.encode() + b"\n", rows[1]]


def twice(rows: list[bytes]) -> list[bytes]:
    """Give a column a twin with other values."""
    header, *rest = rows
    return [
        header.rstrip(b"\n") + b",email\n",
        *(one.rstrip(b"\n") + b"," + NAME.encode() + b"%d\n" % n for n, one in enumerate(rest)),
    ]


def manifest(**said: str) -> Spoil:
    """Add a manifest with one line."""
    line = {
        "file": "contacts.csv",
        "object": "contacts",
        "rows": "",
        "bytes": "",
        "sha256": "",
        "exported_at": "",
    } | said
    made = io.StringIO()
    csv.writer(made, lineterminator="\n").writerows([list(line), list(line.values())])
    return say("export_manifest.csv", made.getvalue())


def zipped(entries: Callable[[Path], list[tuple[zipfile.ZipInfo | str, bytes]]], name: str = "part.zip") -> Spoil:
    """Add an archive to the delivery."""

    def spoil(delivery: Path) -> None:
        with zipfile.ZipFile(delivery / name, "w", zipfile.ZIP_DEFLATED) as bundle:
            for entry, data in entries(delivery):
                bundle.writestr(entry, data)

    return spoil


def one_entry(name: str, data: bytes = b"x", *, mode: int = 0, flags: int = 0) -> Spoil:
    """Add an archive with one entry."""
    info = zipfile.ZipInfo(name)
    info.external_attr, info.flag_bits = mode << 16, flags
    return zipped(lambda _: [(info, data)])


def torn(delivery: Path) -> None:
    """Add an archive of the contacts whose middle was lost."""
    zipped(lambda folder: [("contacts.csv", (folder / "contacts.csv").read_bytes())])(delivery)
    (delivery / "contacts.csv").unlink()
    path = delivery / "part.zip"
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 3] + data[2 * len(data) // 3 :])


def inner(delivery: Path) -> None:
    """Add an archive in which a damaged one lies that is named after a patient."""
    zipped(lambda _: [(f"{NAME}.zip", b"PK\x03\x04 torn"), ("contacts.csv", b"contact_id\nC1\n")])(delivery)


def encrypted(delivery: Path) -> None:
    """Add an archive that says of its one entry that it is encrypted."""
    one_entry(f"{NAME}.csv", NAME.encode())(delivery)
    path = delivery / "part.zip"
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(data))


def bomb(delivery: Path) -> None:
    """Add an archive whose one entry says that two gigabytes come out of it."""
    one_entry(f"{NAME}.csv", bytes(1000))(delivery)
    path = delivery / "part.zip"
    data = bytearray(path.read_bytes())
    place = data.index(b"PK\x01\x02") + 24
    data[place : place + 4] = (2**31).to_bytes(4, "little")
    path.write_bytes(bytes(data))


def workbook(*sheets: tuple[str, list[list[str]]], hidden: tuple[str, ...] = ()) -> Spoil:
    """Put a workbook in the place of the tables."""

    def spoil(delivery: Path) -> None:
        for path in delivery.glob("*.csv"):
            path.unlink()
        with xlsxwriter.Workbook(delivery / "export.xlsx") as book:
            for title, rows in sheets:
                sheet = book.add_worksheet(title)
                for place, row in enumerate(rows):
                    sheet.write_row(place, 0, row)
                if title in hidden:
                    sheet.hide()

    return spoil


def only(name: str) -> Spoil:
    """Leave one table alone, under another name."""

    def spoil(delivery: Path) -> None:
        data = (delivery / "contacts.csv").read_bytes()
        for path in delivery.glob("*.csv"):
            path.unlink()
        (delivery / name).write_bytes(data)

    return spoil


HEADLESS = [[NAME, VICTIM["email"], VICTIM["phone_mobile"]]]
AT_THE_DOOR: dict[str, Bad] = {
    "no header line": Bad(lines(lambda rows: rows[1:]), "has no header line"),
    "a quote of the header is never closed": Bad(lines(swallow), "a quote in the header line is not closed"),
    "no key column": Bad(
        edit("contacts.csv", lambda data: data.replace(b"contact_id", b"x", 1)), "contact_id is missing"
    ),
    "a key column that holds e-mails": Bad(swap("contacts", "contact_id", "email"), "keys are e-mail addresses"),
    "a key column that holds notes": Bad(swap("notes", "note_id", "body"), "keys are e-mail addresses"),
    "two exports in one file": Bad(lines(joined), "has a second header with other columns at line"),
    "two columns of one name": Bad(lines(twice), "has columns of one name with different content: email"),
    "a picture instead of a table": Bad(
        edit("contacts.csv", lambda data: b"\x89PNG\r\n\x1a\n" + data), "is no delimited text"
    ),
    "bytes of no encoding": Bad(
        edit("contacts.csv", lambda data: data.replace("Zofía".encode(), b"Zof\xed\x81a")),
        "is neither UTF-8 nor cp1252",
    ),
    "UTF-16 cut in a character": Bad(
        edit("contacts.csv", lambda data: data.decode().encode("utf-16")[:-1]), "ends in the middle of a character"
    ),
    "nothing in it": Bad(say("contacts.csv", ""), "contacts.csv is empty"),
    "a manifest with a name for a number": Bad(manifest(rows=NAME), "a number is expected"),
    "a manifest with a name for a time": Bad(manifest(exported_at=NAME), "a time like"),
    "a manifest that names a file after a patient": Bad(manifest(file=f"{LISTED} x-ray.png"), "it is not there"),
    "a manifest that names an attachment": Bad(manifest(file=f"attachments/{NAME}.pdf"), "it is not there"),
    "a manifest of other bytes": Bad(manifest(bytes="7", sha256="0" * 64), "its bytes are not those"),
    "a manifest of other counts": Bad(manifest(rows="3"), "the manifest says 3 rows"),
    "a manifest that is a table": Bad(
        edit("export_manifest.csv", lambda _: f"name,mail\n{NAME},x\n".encode()), "without a file name"
    ),
    "an entry that climbs": Bad(one_entry(f"../{NAME}.csv"), "rule: climbing path"),
    "an entry that climbs the Windows way": Bad(one_entry(f"..\\{NAME}.csv"), "rule: climbing path"),
    "an entry that is a link": Bad(one_entry(f"{NAME}.csv", mode=stat.S_IFLNK | 0o777), "is a link or a device"),
    "an entry that is encrypted": Bad(encrypted, "is encrypted"),
    "two entries of one name and a table": Bad(
        zipped(lambda _: [("contacts.csv", f"contact_id\n{NAME}\n".encode())]), "one name and different content"
    ),
    "a bomb": Bad(bomb, "bytes would come out of"),
    "an archive that was torn": Bad(torn, "cannot be unpacked whole"),
    "a torn archive in an archive": Bad(inner, "cannot be unpacked whole"),
    "a workbook that is none": Bad(
        edit("export.xlsx", lambda _: b"PK\x03\x04" + NAME.encode() * 99), "damaged or no workbook"
    ),
    "a workbook with a password": Bad(
        edit("export.xlsx", lambda _: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)), "encrypted"
    ),
    "a sheet without header": Bad(workbook(("contacts", HEADLESS)), "has no header line"),
    "a sheet that is named after a patient": Bad(workbook((NAME, HEADLESS)), "none of its tables is named after"),
    "a hidden sheet that is named after a patient": Bad(
        workbook((NAME, HEADLESS), ("contacts", HEADLESS), hidden=(NAME,)), "has no header line"
    ),
    "one table, named after a patient": Bad(only(f"{LISTED}.csv"), "none of its tables is named after"),
}
"""What is refused when it is landed, each with a word of the reason."""


def ragged(delivery: Path) -> None:
    """Shift the values of the planted patient, whose address has a comma that nothing quotes."""
    path = delivery / "contacts.csv"
    path.write_bytes(path.read_bytes().replace(b"417 Wrenfield", b"417, Wrenfield", 1))


def unclosed(delivery: Path) -> None:
    """Open a quote in the text of the planted note."""
    path = delivery / "notes.csv"
    path.write_bytes(path.read_bytes().replace(BODY.encode(), b'"' + BODY.encode(), 1))


def again(table: str, **values: str) -> Spoil:
    """Add the first row once more, changed."""

    def spoil(delivery: Path) -> None:
        rows = read(delivery, table)
        write(delivery, table, [*rows, rows[0] | values])

    return spoil


TOLD: dict[str, Spoil] = {
    "a key that is an e-mail": again("contacts", contact_id=VICTIM["email"]),
    "a key that is a name": again("cases", case_id=LISTED),
    "a key that a spreadsheet damaged": again("contacts", contact_id="1.23457E+09"),
    "no key": again("contacts", contact_id=""),
    "two records of one key": again("tasks", subject=f"Call {NAME}"),
    "an e-mail that is none": set_in("contacts", email=f"{NAME} {VICTIM['email']} at home"),
    "a phone with a story": set_in("contacts", phone_home=f"{VICTIM['phone_mobile']} ask for {NAME}"),
    "a birth date that is none": set_in("contacts", date_of_birth=f"{NAME}, summer"),
    "a carrier with a member's number": set_in(
        "contacts", cf_insurance_carrier=f"Delta {VICTIM['cf_member_id']} DOB 7/3/61"
    ),
    "an amount with a name": set_in("cases", case_value=f"{NAME} owes 40", cf_claim_paid_amount=VICTIM["phone_mobile"]),
    "codes with a name": set_in("cases", cf_ada_codes=f"D1110 {NAME} D99", cf_claim_number=VICTIM["cf_member_id"]),
    "a claim status with a number": set_in("cases", cf_claim_status=f"Paid {VICTIM['cf_member_id']} 7/3/2021"),
    "a link that is a name": set_in("cases", place=1, contact_id=NAME, referred_by_contact_id=LISTED),
    "a link that is an e-mail": set_in("tasks", place=1, related_id=VICTIM["email"]),
    "a practice that is an e-mail": set_in("contacts", place=3, company_id=VICTIM["email"]),
    "a time that is none": set_in("appointments", starts_at=f"when {NAME} comes", ends_at=VICTIM["email"]),
    "a zone that is a name": set_in("companies", time_zone=NAME),
    "a zip that is a phone": set_in("contacts", place=1, zip=VICTIM["phone_mobile"]),
    "a file outside of the delivery": set_in(
        "attachments", relative_path=f"..\\..\\{NAME}.pdf", file_name=f"{NAME}.pdf"
    ),
    "a file that is not there": set_in("attachments", place=1, relative_path=f"attachments/{LISTED}.pdf"),
    "a script in a note": set_in("notes", place=1, body=f"<script>tell('{NAME}')</script>", body_format="html"),
    "RTF that is none": set_in("notes", place=2, body=f"{{\\rtf1 {{\\*\\{NAME}", body_format="rtf"),
    "a formula in a name": set_in("contacts", place=2, last_name=f'=HYPERLINK("http://x/{VICTIM["email"]}")'),
    "values shifted by a comma": ragged,
    "a quote that is never closed": unclosed,
}
"""What lands or is refused row by row, and is told in findings, on pages and in lists; all of them at once in one export."""
