"""`run --exports` adds a delivery to data/exports, `init --exports` reads it where it lies."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import xlsxwriter

from workbench.dental_exec.deliveries import find_deliveries, open_delivery
from workbench.errors import ExportProblem, StoreProblem
from workbench.journey.starter import add_delivery
from workbench.settings import read_settings

if TYPE_CHECKING:
    from conftest import Workbench


def packed(folder: Path, name: str) -> Path:
    return Path(shutil.make_archive(str(folder.parent / "packed" / name), "zip", folder))


def workbook(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet("contacts").write_row(0, 0, ["contact_id"])
    return path


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def names(folder: Path) -> list[str]:
    return [one.name for one in find_deliveries(read_settings(folder).exports)]


@pytest.fixture
def sampled(workbench: Workbench, tmp_path: Path) -> Path:
    """A migration folder that names no exports yet."""
    assert workbench("init", tmp_path / "sampled").code == 0
    return tmp_path / "sampled"


@pytest.fixture
def delivery(exports: Path) -> Path:
    [one] = exports.iterdir()
    return one


def test_a_folder_a_zip_and_a_workbook_are_added_as_received(sampled: Path, delivery: Path, tmp_path: Path) -> None:
    zipped = packed(delivery, "later 2099-01-02")
    book = workbook(tmp_path / "books" / "export 2099-01-03.xlsx")
    before = tree(tmp_path / "exports"), zipped.read_bytes()
    for path in (delivery, zipped, book):
        add_delivery(read_settings(sampled), str(path))
    assert read_settings(sampled).exports == sampled / "data" / "exports"
    assert names(sampled) == [delivery.name, "later 2099-01-02.zip", "export 2099-01-03"]
    assert tree(sampled / "data" / "exports" / delivery.name) == tree(delivery)
    assert (tree(tmp_path / "exports"), zipped.read_bytes()) == before
    last = open_delivery(find_deliveries(sampled / "data" / "exports")[-1], tmp_path / "room")
    assert [one.name for one in last.sources] == ["export 2099-01-03.xlsx#contacts"]


def test_the_same_delivery_again_changes_nothing(sampled: Path, delivery: Path, tmp_path: Path) -> None:
    given = [str(delivery), str(packed(delivery, "later")), str(workbook(tmp_path / "books" / "export.xlsx"))]
    first = [add_delivery(read_settings(sampled), path) for path in given]
    before = {path: path.stat().st_mtime_ns for path in sampled.rglob("*")}
    assert [add_delivery(read_settings(sampled), path) for path in given] == first
    assert [add_delivery(read_settings(sampled), str(path)) for [path] in first] == first  # named where they lie now
    assert {path: path.stat().st_mtime_ns for path in sampled.rglob("*")} == before


@pytest.mark.parametrize("form", ["folder", "zip", "workbook"])
def test_other_bytes_under_a_taken_name_change_nothing(
    sampled: Path, delivery: Path, tmp_path: Path, form: str
) -> None:
    path = {
        "folder": lambda: delivery,
        "zip": lambda: packed(delivery, "later"),
        "workbook": lambda: workbook(tmp_path / "books" / "export.xlsx"),
    }[form]()
    add_delivery(read_settings(sampled), str(path))
    before = tree(sampled)
    with (path / "contacts.csv" if path.is_dir() else path).open("ab") as file:
        file.write(b"\n")
    with pytest.raises(ExportProblem) as raised:
        add_delivery(read_settings(sampled), str(path))
    assert str(raised.value) == (
        f"data/exports holds a delivery {path.name} with other bytes already. Rename one of them. Nothing was changed."
    )
    assert tree(sampled) == before


def test_a_folder_of_deliveries_is_added_delivery_by_delivery(sampled: Path, exports: Path, delivery: Path) -> None:
    shutil.copytree(delivery, exports / "2099-01-01")
    add_delivery(read_settings(sampled), str(exports))
    assert names(sampled) == [delivery.name, "2099-01-01"]


def test_deliveries_that_were_named_elsewhere_come_along(migration: Path, delivery: Path, tmp_path: Path) -> None:
    later = Path(shutil.copytree(delivery, tmp_path / "inbox" / "2099-01-01"))
    add_delivery(read_settings(migration), str(later))
    assert names(migration) == [delivery.name, "2099-01-01"]
    assert delivery.is_dir()


def test_a_url_is_pulled_into_its_place(sampled: Path, delivery: Path, tmp_path: Path) -> None:
    add_delivery(read_settings(sampled), packed(delivery, "a b").as_uri())
    assert names(sampled) == ["a b.zip"]
    with pytest.raises(ExportProblem, match=r"^export\.zip at example\.com comes over plain http"):
        add_delivery(read_settings(sampled), "http://example.com/export.zip")


def test_a_copy_that_fails_leaves_no_half_delivery(sampled: Path, delivery: Path) -> None:
    (sampled / "data" / "exports").write_text("a file where a folder should be")
    with pytest.raises(StoreProblem, match=rf"The delivery {delivery.name} could not be copied to data/exports"):
        add_delivery(read_settings(sampled), str(delivery))
    assert read_settings(sampled).is_sample


@pytest.mark.parametrize("form", ["zip", "workbook"])
def test_init_names_a_zip_or_a_workbook_where_it_lies(
    workbench: Workbench, delivery: Path, tmp_path: Path, form: str
) -> None:
    path = packed(delivery, "later") if form == "zip" else workbook(tmp_path / "books" / "export.xlsx")
    before = tree(path.parent)
    assert workbench("init", tmp_path / "new", "--exports", path).code == 0
    assert read_settings(tmp_path / "new").exports == path
    assert names(tmp_path / "new") == [path.name]
    assert tree(path.parent) == before


@pytest.mark.parametrize(
    ("given", "said"),
    [
        pytest.param("https://example.com/export.zip", "then pull a URL into it with: workbench run", id="URL"),
        pytest.param("letter.txt", "letter.txt is no folder, no zip and no workbook (.xlsx).", id="letter"),
    ],
)
def test_init_refuses_what_it_cannot_read_in_place(workbench: Workbench, tmp_path: Path, given: str, said: str) -> None:
    (tmp_path / "letter.txt").write_text("the export follows")
    named = workbench("init", tmp_path / "new", "--exports", given if "://" in given else tmp_path / given)
    assert named.code == 1
    assert said in named.err
    assert not (tmp_path / "new").exists()


def test_a_run_that_goes_on_says_which_newer_export_it_does_not_take(
    workbench: Workbench, migration: Path, delivery: Path
) -> None:
    words = ("run", "--to", "snapshot", "--migration", migration)
    assert workbench(*words).code == 0
    assert "A newer export" not in workbench(*words).err
    newer = Path(shutil.copytree(delivery, delivery.with_name("2099-01-02"))) / "notes.csv"
    newer.write_bytes(newer.read_bytes().replace(b"2023-", b"2024-"))
    said = workbench(*words)
    assert said.code == 0
    assert (
        f"A newer export is there: 2099-01-02. This run goes on with {delivery.name}; take it at once with workbench run"
        " --fresh, or finish this load, then: workbench run --from delta\n"
    ) in said.err
    fresh = workbench(*words, "--fresh")
    assert (fresh.code, "A newer export" in fresh.err) == (0, False)
    assert "A newer export" not in workbench(*words).err
