"""What lies on disk: legal files that keep what their manifest promises, and the same bytes every time."""

from __future__ import annotations

import csv
import hashlib
import re
from pathlib import Path

import phonenumbers
import pytest

from workbench.errors import WorkbenchError
from workbench.sample import write_sample

PER_PATIENT = 12


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_same_arguments_give_the_same_bytes(out, summary, tmp_path):
    write_sample(tmp_path, patients=60, seed=7, later=True)
    assert digests(tmp_path) == digests(out)


def test_another_seed_gives_another_practice(first, tmp_path):
    write_sample(tmp_path, patients=60, seed=8)
    other = (tmp_path / "exports" / "2026-03-01" / "contacts.csv").read_bytes()
    assert other != (first.folder / "contacts.csv").read_bytes()


def test_writing_again_leaves_nothing_of_an_earlier_practice(tmp_path):
    write_sample(tmp_path, patients=70, later=True)
    write_sample(tmp_path, patients=60)
    assert [folder.name for folder in (tmp_path / "exports").iterdir()] == ["2026-03-01"]
    assert not (tmp_path / "truth_later.json").exists()


def test_the_first_delivery_is_the_same_with_and_without_a_later_one(first, tmp_path):
    write_sample(tmp_path, patients=60, seed=7)
    assert digests(tmp_path / "exports" / "2026-03-01") == digests(first.folder)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param({"patients": 0}, "cannot be generated", id="no patients"),
        pytest.param({"dialect": "tidy"}, "no dialect 'tidy'; there are clean and messy", id="a dialect nobody speaks"),
    ],
)
def test_what_cannot_be_made_is_said_before_anything_is_written(tmp_path, arguments, says):
    with pytest.raises(WorkbenchError, match=says):
        write_sample(tmp_path, **arguments)
    assert not list(tmp_path.iterdir())


def test_the_manifest_keeps_its_promises(first):
    with (first.folder / "export_manifest.csv").open(encoding="utf-8", newline="") as lines:
        promises = list(csv.DictReader(lines))
    assert {path.name for path in first.folder.glob("*.csv")} == {p["file"] for p in promises} | {"export_manifest.csv"}
    for promise in promises:
        path = first.folder / promise["file"]
        with path.open(encoding=promise["encoding"], newline="") as lines:
            rows = list(csv.reader(lines, delimiter=promise["delimiter"], strict=True))
        assert {len(row) for row in rows} == {len(rows[0])}
        assert (len(rows) - 1, path.stat().st_size) == (int(promise["rows"]), int(promise["bytes"]))
        assert hashlib.sha256(path.read_bytes()).hexdigest() == promise["sha256"]


def test_as_many_patients_as_asked_for(first, summary):
    roles = [row["lifecycle_role"] for row in first.rows["contacts"].values()]
    assert roles.count("Patient") == 60
    assert summary.deliveries == ("2026-03-01", "2026-03-02")


def test_a_patient_has_a_dozen_activities_notes_and_files(tmp_path):
    made = write_sample(tmp_path, patients=200)
    hanging = sum(made.rows[name] for name in ("appointments", "tasks", "notes", "attachments"))
    assert hanging / 200 >= PER_PATIENT
    assert 0.45 <= made.rows["cases"] / 200 <= 0.75


def test_every_phone_is_valid_and_every_npi_has_its_check_digit(first):
    phones = [row[c] for row in first.rows["contacts"].values() for c in ("phone_mobile", "phone_home", "phone_work")]
    phones += [row[column] for row in first.rows["companies"].values() for column in ("phone", "fax")]
    assert all(phonenumbers.is_valid_number(phonenumbers.parse(phone, "US")) for phone in phones if phone)
    numbers = [row["npi"] for name in ("contacts", "users") for row in first.rows[name].values() if row["npi"]]
    numbers += [row["practice_npi"] for row in first.rows["companies"].values() if row["practice_npi"]]
    assert len(set(numbers)) == len(numbers)
    for number in numbers:
        assert re.fullmatch(r"1\d{9}", number)
        digits = [int(digit) for digit in "80840" + number][::-1]
        assert sum(d if place % 2 == 0 else sum(divmod(2 * d, 10)) for place, d in enumerate(digits)) % 10 == 0


def test_mobile_numbers_arrive_as_they_were_invented(first):
    for record in first.records("contacts"):
        row = first.rows["contacts"][record["source_id"]]
        for column, field in (("phone_mobile", "mobile_number"), ("phone_work", "work_number")):
            if row[column]:
                parsed = phonenumbers.parse(row[column], "US")
                written = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
                assert record["fields"][field] == written


def test_attachments_are_real_files_with_bytes_of_their_own(first):
    rows = first.rows["attachments"].values()
    assert len({row["sha256"] for row in rows}) == len(rows)
    starts = {"application/pdf": b"%PDF-", "image/png": b"\x89PNG\r\n"}
    for row in rows:
        content = (first.folder / row["relative_path"]).read_bytes()
        assert content.startswith(starts[row["mime_type"]])
        assert (len(content), hashlib.sha256(content).hexdigest()) == (int(row["size_bytes"]), row["sha256"])
    lying = {
        str(path.relative_to(first.folder)) for path in (first.folder / "attachments").rglob("*") if path.is_file()
    }
    assert lying == {row["relative_path"] for row in rows}


def test_texts_hold_what_csv_and_html_trip_over(first):
    bodies = [row["body"] for row in first.rows["notes"].values() if row["body_format"] == "plain"]
    everything = "\n".join(bodies)
    for trap in ("\n", '"', ",", "&", "<b>", "è", "😊"):
        assert trap in everything, trap
    assert any(body.startswith("=") for body in bodies)
    assert {row["body_format"] for row in first.rows["notes"].values()} == {"plain", "html", "rtf"}
