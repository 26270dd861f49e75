"""An archive unpacks whole inside its room or not at all; an attachment is found inside its delivery."""

import io
import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from workbench.dental_exec.archives import LIMITS, Limits, attachment_path, peek_manifest, unpack, unpack_beside
from workbench.errors import ExportProblem


def pack(entries: dict[str, bytes | str]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, data in entries.items():
            bundle.writestr(name, data)
    return made.getvalue()


def archive(tmp_path: Path, data: bytes, name: str = "export.zip") -> Path:
    path = tmp_path / name
    path.write_bytes(data)
    return path


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def kept(folder: Path) -> dict[str, bytes]:
    return {name: data for name, data in tree(folder).items() if not name.endswith(".lock")}


def refused(tmp_path: Path, path: Path, limits: Limits = LIMITS) -> str:
    """Return why an archive is not unpacked, and hold that nothing of it was kept anywhere."""
    before = kept(tmp_path)
    with pytest.raises(ExportProblem) as raised:
        unpack(path, tmp_path / "room", limits)
    assert [one.name for one in (tmp_path / "room").iterdir() if one.name != ".lock"] == []
    assert kept(tmp_path) == before
    return str(raised.value)


def test_an_archive_is_unpacked_once_into_a_folder_for_its_owner_only(tmp_path):
    path = archive(
        tmp_path, pack({"contacts.csv": "contact_id\n", "attachments\\C1\\plan.pdf": b"pdf", "__MACOSX/x": b""})
    )
    folder = unpack(path, tmp_path / "room")
    assert tree(folder) == {"contacts.csv": b"contact_id\n", "attachments/C1/plan.pdf": b"pdf"}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    stamp = (folder / "contacts.csv").stat().st_mtime_ns
    assert unpack(path, tmp_path / "room") == folder
    assert (folder / "contacts.csv").stat().st_mtime_ns == stamp


def test_archives_inside_an_archive_are_unpacked_into_one_tree(tmp_path):
    deepest = pack({"users.csv": "user_id\n", "attachments/C1/scan.zip": pack({"scan.txt": "left packed"})})
    inner = pack({"data/contacts.csv": "contact_id\n", "data/deep.zip": deepest})
    folder = unpack(
        archive(tmp_path, pack({"export/one.zip": inner, "export/cases.csv": "case_id\n"})), tmp_path / "room"
    )
    assert sorted(tree(folder / "export")) == [
        "attachments/C1/scan.zip",
        "cases.csv",
        "contacts.csv",
        "one.zip",
        "users.csv",
    ]


def test_a_folder_with_archives_is_copied_and_left_as_it_is(tmp_path):
    delivery = tmp_path / "delivery"
    (delivery / "attachments").mkdir(parents=True)
    (delivery / "attachments" / "a.pdf").write_bytes(b"pdf")
    archive(delivery, pack({"contacts.csv": "contact_id\n"}), "contacts.zip")
    before = tree(delivery)
    folder = unpack_beside(delivery, [delivery / "contacts.zip"], tmp_path / "room")
    assert tree(folder) == {**before, "contacts.csv": b"contact_id\n"}
    assert tree(delivery) == before


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("../evil.csv", id="climbs"),
        pytest.param("a/../../evil.csv", id="climbs later"),
        pytest.param("..\\evil.csv", id="climbs the Windows way"),
        pytest.param("/evil.csv", id="absolute"),
        pytest.param("\\\\host\\share\\evil.csv", id="share"),
        pytest.param("C:evil.csv", id="drive"),
    ],
)
def test_an_entry_that_leaves_the_archive_is_refused(tmp_path, name):
    path = archive(tmp_path, pack({"contacts.csv": "contact_id\n", name: "x"}))
    assert refused(tmp_path, path) == (
        "export.zip is not unpacked: entry 2 of 2 has a path that leaves the archive (rule: climbing path)."
        " Ask the practice for the archive again."
    )


def test_a_link_is_refused(tmp_path):
    link = zipfile.ZipInfo("contacts.csv")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w") as bundle:
        bundle.writestr(link, "/etc/hostname")
    assert "entry 1 of 1 is a link or a device, no file" in refused(tmp_path, path)


SMALL = Limits(times=50, least=1_000_000, bytes=2_000_000, entries=10)


def test_a_bomb_is_refused_by_what_its_header_says(tmp_path):
    path = archive(tmp_path, pack({"contacts.csv": bytes(10_000_000)}))
    assert refused(tmp_path, path, SMALL) == (
        f"export.zip is not unpacked: more than 1,000,000 bytes would come out of {path.stat().st_size:,}."
        " Ask the practice for the archive again."
    )


def test_a_bomb_in_an_archive_inside_is_counted_with_the_outer_one(tmp_path):
    inner = pack({"contacts.csv": bytes(600_000)})
    path = archive(tmp_path, pack({"one.zip": inner, "two.zip": inner.replace(b"contacts", b"kontacts")}))
    assert "more than 1,000,000 bytes" in refused(tmp_path, path, SMALL)


def test_a_header_that_lies_about_sizes_gets_nothing_past_the_count(tmp_path):
    data = bytearray(pack({"contacts.csv": bytes(1_500_000)}))
    for signature, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = data.index(signature) + place
        data[at : at + 4] = (100).to_bytes(4, "little")
    assert "export.zip is damaged" in refused(tmp_path, archive(tmp_path, bytes(data)), SMALL)


def test_too_many_entries_are_refused(tmp_path):
    path = archive(tmp_path, pack({f"a{number}.csv": "" for number in range(11)}))
    assert "it holds more than 10 entries" in refused(tmp_path, path, SMALL)


def test_archives_more_than_three_deep_are_refused(tmp_path):
    data = pack({"contacts.csv": "contact_id\n"})
    for _ in range(3):
        data = pack({"inner.zip": data})
    assert "archives lie in archives more than 3 deep" in refused(tmp_path, archive(tmp_path, data))
    unpack(archive(tmp_path, pack({"inner.zip": pack({"inner.zip": pack({"users.csv": ""})})})), tmp_path / "room")


def test_an_encrypted_archive_is_refused(tmp_path):
    data = bytearray(pack({"contacts.csv": "contact_id\n"}))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    assert refused(tmp_path, archive(tmp_path, bytes(data))) == (
        "export.zip is encrypted. Unpack it with its password and pack it without."
    )


@pytest.mark.parametrize("damage", ["cut", "a flipped byte", "no zip at all", "empty"])
def test_a_damaged_archive_is_refused(tmp_path, damage):
    data = bytearray(pack({"contacts.csv": os.urandom(5000), "users.csv": "user_id\n"}))
    if damage == "a flipped byte":
        data[2000] ^= 0xFF
    cut = {"cut": data[:3000], "no zip at all": b"contact_id,last_name\n", "empty": b""}.get(damage, data)
    assert refused(tmp_path, archive(tmp_path, bytes(cut))) == (
        "export.zip is damaged, or no zip: it cannot be unpacked whole. Copy it again."
    )


def test_two_entries_of_one_name_are_refused(tmp_path):
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w") as bundle, pytest.warns(UserWarning, match="Duplicate name"):
        bundle.writestr("contacts.csv", "a")
        bundle.writestr("contacts.csv", "b")
    assert "two of its entries have one name" in refused(tmp_path, path)
    inner = pack({"contacts.csv": "another"})
    path = archive(tmp_path, pack({"contacts.csv": "one", "more.zip": inner}))
    assert "two of its files have one name and different content" in refused(tmp_path, path)


def test_a_full_disk_keeps_no_half_of_an_archive(tmp_path):
    path = archive(tmp_path, pack({"users.csv": "user_id\n", "contacts.csv": bytes(3_000_000)}))
    program = (
        "import resource, sys; from pathlib import Path; from workbench.dental_exec.archives import unpack\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))\n"
        "unpack(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    said = subprocess.run([sys.executable, "-c", program, path, tmp_path / "room"], capture_output=True, text=True)
    assert said.stderr.splitlines()[-1] == (
        "workbench.errors.StoreProblem: The disk is full: export.zip could not be unpacked, and nothing of it was kept."
        " Make room, then run again."
    )
    assert [one.name for one in (tmp_path / "room").iterdir()] == [".lock"]


def test_what_a_killed_run_left_is_no_unpacked_archive(tmp_path):
    path = archive(tmp_path, pack({"contacts.csv": "contact_id\n"}))
    folder = unpack(path, tmp_path / "room")
    half = folder.rename(folder.with_name(f".{folder.name}.part"))
    (half / "contacts.csv").write_bytes(b"con")
    assert tree(unpack(path, tmp_path / "room")) == {"contacts.csv": b"contact_id\n"}
    assert not half.exists()


def test_the_outermost_manifest_is_read_without_unpacking(tmp_path):
    inner = pack({"a/export_manifest.csv": "inner", "contacts.csv": ""})
    assert peek_manifest(archive(tmp_path, pack({"b/Export_Manifest.csv": "outer", "x.zip": inner}))) == b"outer"
    assert peek_manifest(archive(tmp_path, pack({"x.zip": inner}))) == b"inner"
    assert peek_manifest(archive(tmp_path, pack({"contacts.csv": ""}))) is None


@pytest.mark.parametrize(
    "written", ["attachments/C1/plan.pdf", "attachments\\C1\\plan.pdf", "./attachments/C1/plan.pdf"]
)
def test_a_plain_path_lies_in_the_delivery(tmp_path, written):
    assert attachment_path(tmp_path, written) == tmp_path.resolve() / "attachments" / "C1" / "plan.pdf"


@pytest.mark.parametrize(
    "written", ["../x.pdf", "a/../../x.pdf", "..\\x.pdf", "/etc/passwd", "C:\\x.pdf", "\\\\host\\x", "", "C:x"]
)
def test_a_climbing_path_is_refused(tmp_path, written):
    with pytest.raises(ExportProblem, match="climbing path"):
        attachment_path(tmp_path, written)


def test_a_link_that_leaves_the_delivery_is_refused(tmp_path):
    (tmp_path / "delivery").mkdir()
    (tmp_path / "delivery" / "out").symlink_to(tmp_path)
    with pytest.raises(ExportProblem, match="by a link"):
        attachment_path(tmp_path / "delivery", "out/x.pdf")
