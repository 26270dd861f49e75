"""Files: what the index says and what lies in the delivery's folder."""

import hashlib

import pytest

from workbench.profile.files import profile_files
from workbench.warehouse import open_warehouse

PDF, PNG, JPEG, ZIP = b"%PDF-1.7 one", b"\x89PNG\r\n\x1a\n one", b"\xff\xd8\xff\xe0 one", b"PK\x03\x04 one"


@pytest.fixture
def profiled(land, tmp_path):
    """Land an index and lay files beside it; return the profile of both and the warehouse."""

    def made(index: str, files: dict[str, bytes]):
        warehouse = land(attachments="attachment_id,category,relative_path,size_bytes,sha256,is_deleted\n" + index)
        for name, content in files.items():
            path = tmp_path / "exports" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return profile_files(warehouse, tmp_path), warehouse

    return made


@pytest.mark.parametrize(
    ("path", "content", "problem"),
    [
        pytest.param("a/plan.pdf", PDF, None, id="a PDF"),
        pytest.param("a/card.PNG", PNG, None, id="a PNG"),
        pytest.param("a/photo.jpeg", JPEG, None, id="a JPEG"),
        pytest.param("a/letter.docx", ZIP, None, id="a packed document"),
        pytest.param("a/scan.dcm", b"anything", None, id="a kind that is not known"),
        pytest.param("a/note.txt", b"plain", None, id="a text"),
        pytest.param("a/plan.pdf", PNG, "its extension is not that of its content", id="a PNG named .pdf"),
        pytest.param("a/plan.pdf", b"<html>", "its extension is not that of its content", id="a page named .pdf"),
        pytest.param("a/note.txt", PDF, "its extension is not that of its content", id="a PDF named .txt"),
        pytest.param("a/plan.pdf", b"", "the file is empty", id="empty"),
        pytest.param("a/plan.pdf", None, "a row without its file", id="no file"),
        pytest.param("", None, "a row without its file", id="no path"),
    ],
)
def test_a_file_is_what_its_row_says(profiled, path, content, problem):
    found, _ = profiled(f"F1,Other,{path},,,N\n", {} if content is None else {path: content})
    assert found.listed.select("attachment_id", "problem").rows() == ([("F1", problem)] if problem else [])


def test_size_and_hash_are_those_of_the_index(profiled):
    right = hashlib.sha256(PDF).hexdigest()
    index = (
        f"F1,Other,a/1.pdf,{len(PDF)},{right.upper()},N\nF2,Other,a/2.pdf,{len(PDF) + 1},{right},N\n"
        f"F3,Other,a/3.pdf,{len(PDF)},{'0' * 64},N\n"
    )
    found, _ = profiled(index, {f"a/{number}.pdf": PDF for number in (1, 2, 3)})
    assert found.listed.select("attachment_id", "problem").rows() == [
        ("F3", "its hash is not that of the index"),
        ("F2", "its size is not that of the index"),
    ]


def test_a_file_of_no_row_is_found_and_its_name_is_not_shown(profiled):
    found, warehouse = profiled(
        "F1,Other,attachments\\Lee.pdf,,,N\nF2,Other,attachments/gone.pdf,,,Y\n",
        {"attachments/Lee.pdf": PDF, "attachments/Smith Ann.pdf": PDF, "attachments/gone.pdf": PDF},
    )
    assert found.listed.rows() == [(None, "a file that no row names", None, len(PDF), "aaaaaaaaaaa/aaaaa aaa.a…")]
    with open_warehouse(warehouse) as store:
        assert store.run("SELECT path FROM profile.file_problems") == [("attachments/Smith Ann.pdf",)]


@pytest.mark.parametrize("path", ["../secret.pdf", "..\\secret.pdf", "/etc/passwd", "C:\\x.pdf", "a/../../x.pdf"])
def test_a_path_that_leaves_the_delivery_is_told_and_not_read(profiled, path):
    found, _ = profiled(f"F1,Other,{path},,,N\n", {"../secret.pdf": PDF})
    assert found.listed.select("attachment_id", "problem", "bytes").rows() == [
        ("F1", "its path leaves the delivery", None)
    ]


def test_names_that_clash_are_told(profiled):
    index = "F1,Other,a/1.pdf,,,N\nF2,Other,a/1.pdf,,,N\nF3,Other,a/x.pdf,,,N\nF4,Other,a/X.pdf,,,N\nF5,Other,b/2.pdf,,,N\nF6,Other,a/2.pdf,,,N\n"
    found, _ = profiled(index, dict.fromkeys(["a/1.pdf", "a/x.pdf", "a/2.pdf", "b/2.pdf"], PDF))
    assert found.listed.select("attachment_id", "problem").rows() == [
        ("F5", "another file has the same name"),
        ("F6", "another file has the same name"),
        ("F3", "another row's path differs only in case"),
        ("F4", "another row's path differs only in case"),
        ("F1", "several rows name this file"),
        ("F2", "several rows name this file"),
        ("F4", "the file's name differs in case"),
    ]


def test_a_file_over_the_cap_is_told(profiled, tmp_path):
    profiled_, warehouse = profiled("F1,Other,a/big.dcm,,,N\n", {"a/big.dcm": b"x"})
    assert profiled_.listed.height == 0
    with (tmp_path / "exports" / "a" / "big.dcm").open("r+b") as file:
        file.truncate(150 * 1024 * 1024 + 1)  # sparse
    assert profile_files(warehouse, tmp_path).problems.rows() == [("the file is over 150 MB", 1, 157286401)]


def test_rows_files_and_bytes_are_counted_by_category(profiled):
    index = "F1,X-ray,a/1.pdf,,,N\nF2,X-ray,a/2.pdf,,,N\nF3,Photo,a/3.png,,,N\nF4,,a/4.png,,,Y\n"
    found, _ = profiled(index, {"a/1.pdf": PDF, "a/3.png": PNG})
    assert found.categories.rows() == [("X-ray", 2, 1, len(PDF), 1), ("Photo", 1, 1, len(PNG), 0)]
    assert found.problems.rows() == [("a row without its file", 1, 0)]


def test_a_practice_without_attachments_has_none(land, tmp_path):
    found = profile_files(land(), tmp_path)
    assert (found.categories.height, found.problems.height, found.listed.height) == (0, 0, 0)
