"""What is sealed opens whole with its passphrase; one byte, one chunk, one name that is not as it was, and nothing opens."""

from __future__ import annotations

import ast
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import tracemalloc
from pathlib import Path

import pytest

from workbench.keeping import restore_archive
from workbench.keeping.container import sealed_file
from workbench.keeping.restore_archive import (
    MAGIC,
    MANIFEST,
    PIECE,
    TAG,
    Refused,
    WrongPassphrase,
    main,
    restore,
    unpack,
)

PASSPHRASE = "grüße an alle sechs wörter"
CHEAP = {"name": "scrypt", "n": 1 << 10, "r": 8, "p": 1}
"""What a test can afford a hundred times."""
NOISE = hashlib.shake_128(b"no compression makes this shorter").digest(2 * PIECE + 300_000)
SEALED = PIECE + TAG


def file_member(name: str, content: bytes = b"x") -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    return member, content


def write(path: Path, *members: tuple[tarfile.TarInfo, bytes], manifest: object = None) -> Path:
    """Seal members as an archive is, with the manifest that belongs to them or another one."""
    files = [
        {"path": one.name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for one, content in members
    ]
    stated = {"files": files, "needs": ["nothing"], "written_at": "then"} if manifest is None else manifest
    with (
        path.open("wb") as file,
        sealed_file(file, PASSPHRASE, {"what": "a test"}, CHEAP) as sealed,
        tarfile.open(fileobj=sealed, mode="w|") as tar,
    ):
        for one, content in [*members, file_member(MANIFEST, json.dumps(stated).encode())]:
            tar.addfile(one, io.BytesIO(content) if one.isreg() else None)
    return path


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """An archive of three chunks."""
    return write(
        tmp_path / "kept.archive", file_member("data/noise.bin", NOISE), file_member("migration.toml", b"[a]\n")
    )


def chunks_of(path: Path) -> tuple[bytes, list[bytes]]:
    """Return the plain lines and the sealed chunks."""
    whole = path.read_bytes()
    start = whole.index(b"\n\n") + 2
    return whole[:start], [whole[place : place + SEALED] for place in range(start, len(whole), SEALED)]


def refused(path: Path, passphrase: str = PASSPHRASE) -> str:
    """Return why an archive is not restored, and hold that nothing of it stays."""
    before = sorted(path.parent.iterdir())
    with pytest.raises(Refused) as caught:
        restore(path, path.parent / "back", passphrase)
    assert sorted(path.parent.iterdir()) == before
    return str(caught.value)


def test_an_archive_opens_whole_for_its_owner_alone(kept: Path, tmp_path: Path) -> None:
    restore(kept, tmp_path / "back", PASSPHRASE)
    found = {path.relative_to(tmp_path / "back").as_posix(): path for path in (tmp_path / "back").rglob("*")}
    assert {name: path.read_bytes() for name, path in found.items() if path.is_file()} == {
        "data/noise.bin": NOISE,
        "migration.toml": b"[a]\n",
        MANIFEST: (tmp_path / "back" / MANIFEST).read_bytes(),
    }
    modes = {name: path.stat().st_mode & 0o777 for name, path in found.items()}
    assert modes == {"data": 0o700, "data/noise.bin": 0o600, "migration.toml": 0o600, MANIFEST: 0o600}
    assert (tmp_path / "back").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("typed", [" grüße an alle sechs wörter\n", "gru\u0308ße an alle sechs wo\u0308rter"])
def test_a_passphrase_is_the_same_however_a_keyboard_writes_it(kept: Path, typed: str) -> None:
    assert len(unpack(kept, typed, None)["files"]) == 2


def test_another_passphrase_opens_nothing(kept: Path) -> None:
    with pytest.raises(WrongPassphrase):
        unpack(kept, "grüsse an alle sechs wörter", None)
    assert refused(kept, "") == "does not open with this passphrase, or its first lines were changed"


def test_the_first_lines_tell_a_stranger_how_it_is_read(kept: Path) -> None:
    header, chunks = chunks_of(kept)
    told = json.loads(header.removeprefix(MAGIC))
    assert (len(chunks), told["chunk_bytes"], told["kdf"]["name"]) == (3, PIECE, "scrypt")
    # Read by these lines alone, with none of the product's code.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    cost = {name: told["kdf"][name] for name in ("n", "r", "p")}
    made = hashlib.scrypt(PASSPHRASE.encode(), salt=bytes.fromhex(told["kdf"]["salt"]), **cost, dklen=64)
    assert hashlib.sha256(made[32:]).hexdigest() == told["key_check"]
    bound = hashlib.sha256(header).digest()
    plain = b"".join(
        AESGCM(made[:32]).decrypt(number.to_bytes(12, "big"), chunk, bound + bytes([number == len(chunks) - 1]))
        for number, chunk in enumerate(chunks)
    )
    with tarfile.open(fileobj=io.BytesIO(plain), mode="r:gz") as tar:
        assert tar.getnames() == ["data/noise.bin", "migration.toml", MANIFEST]


def test_the_same_bytes_are_sealed_otherwise_each_time(tmp_path: Path) -> None:
    one, other = (write(tmp_path / name, file_member("a", b"same")) for name in ("one", "other"))
    assert chunks_of(one)[1] != chunks_of(other)[1]
    assert (
        json.loads(chunks_of(one)[0].removeprefix(MAGIC))["kdf"]
        != json.loads(chunks_of(other)[0].removeprefix(MAGIC))["kdf"]
    )


CHANGES = {
    "swapped": lambda head, one, two, three: head + two + one + three,
    "left out": lambda head, one, two, three: head + one + three,
    "cut at a chunk": lambda head, one, two, three: head + one + two,
    "cut in a chunk": lambda head, one, two, three: head + one + two[:-1],
    "cut before the first": lambda head, *_: head,
    "repeated": lambda head, one, two, three: head + one + one + two + three,
    "the last one repeated": lambda head, one, two, three: head + one + two + three + three,
    "something appended": lambda head, one, two, three: head + one + two + three + b"\0",
    "a byte of a chunk": lambda head, one, two, three: head + one + bytes([two[0] ^ 1]) + two[1:] + three,
    "a byte of a tag": lambda head, one, two, three: head + one + two + three[:-1] + bytes([three[-1] ^ 1]),
    "a plain word": lambda head, *chunks: head.replace(b"a test", b"A test") + b"".join(chunks),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_chunk_that_is_not_where_and_what_it_was_is_refused(kept: Path, change: str) -> None:
    header, chunks = chunks_of(kept)
    kept.write_bytes(CHANGES[change](header, *chunks))
    assert refused(kept).startswith("was changed or cut in its part ")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(b'"salt": "', b'"salt": "0', id="salt"),
        pytest.param(b'"n": 1024', b'"n": 2048', id="cost"),
        pytest.param(b'"n": 1024', b'"n": 1099511627776', id="a cost that no memory holds"),
        pytest.param(b'"chunk_bytes": 1048576', b'"chunk_bytes": 99999999999', id="chunks that no memory holds"),
        pytest.param(b'"kdf": {', b'"kdf": 7, "": {', id="no kdf"),
        pytest.param(MAGIC, b"WORKBENCH-ARCHIVE-2\n", id="another format"),
        pytest.param(b"\n\n", b"\n", id="no end"),
    ],
)
def test_first_lines_that_were_changed_are_refused_without_memory_or_crash(kept: Path, old: bytes, new: bytes) -> None:
    kept.write_bytes(kept.read_bytes().replace(old, new, 1))
    assert "first lines were changed" in refused(kept)


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04 a zip", MAGIC, bytes(100_000)], ids=["empty", "zip", "cut", "zeros"]
)
def test_another_file_is_no_archive(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "other").write_bytes(content)
    assert refused(tmp_path / "other") == "is no archive of the workbench, or its first lines were changed"


@pytest.mark.parametrize("name", ["../out", "/out", "a/../../out", "a/..", ".."])
def test_a_file_that_would_lie_outside_is_refused(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "kept.archive", file_member("a/first", b"1"), file_member(name))
    assert "would not lie inside the folder" in refused(path)


def test_links_and_doubles_are_refused(tmp_path: Path) -> None:
    link = tarfile.TarInfo("data")
    link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
    for number, members in enumerate([[(link, b"")], [file_member("a"), file_member("a")]]):
        path = write(tmp_path / f"{number}.archive", *members)
        assert refused(path).startswith("holds something that is no file, or one file twice")


@pytest.mark.parametrize(
    "manifest",
    [
        pytest.param({"files": []}, id="a file it does not name"),
        pytest.param({"files": [{"path": "a", "bytes": 1, "sha256": "0" * 64}]}, id="another hash"),
        pytest.param(
            {"files": [{"path": "b", "bytes": 1, "sha256": hashlib.sha256(b"x").hexdigest()}]}, id="another name"
        ),
    ],
)
def test_files_that_disagree_with_the_manifest_are_refused(tmp_path: Path, manifest: object) -> None:
    path = write(tmp_path / "kept.archive", file_member("a"), manifest=manifest)
    assert refused(path).startswith("disagrees with its manifest in ")


def test_what_is_no_tar_of_ours_inside_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "kept.archive"
    with path.open("wb") as file, sealed_file(file, PASSPHRASE, {}, CHEAP) as sealed:
        sealed.write(b"no tar at all" * 100)
    assert refused(path) == "is no archive of the workbench, or its first lines were changed"


def test_nothing_that_is_there_is_written_over(kept: Path, tmp_path: Path) -> None:
    (tmp_path / "back").mkdir()
    restore(kept, tmp_path / "back", PASSPHRASE)  # an empty folder may be there
    before = (tmp_path / "back" / "migration.toml").stat().st_mtime_ns
    for place in (tmp_path / "back", kept):
        with pytest.raises(Refused, match="is there already"):
            restore(kept, place, PASSPHRASE)
    assert (tmp_path / "back" / "migration.toml").stat().st_mtime_ns == before


def test_a_full_disk_keeps_no_half_of_a_folder(kept: Path, tmp_path: Path) -> None:
    program = (
        "import resource, sys; from workbench.keeping.restore_archive import main\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    said = subprocess.run(
        [sys.executable, "-c", program, kept, tmp_path / "back"],
        env={**os.environ, "WORKBENCH_ARCHIVE_PASSPHRASE": PASSPHRASE},
        capture_output=True,
        text=True,
    )
    assert (said.returncode, said.stdout) == (
        1,
        "kept.archive was not restored (File too large); nothing of it was kept.\n",
    )
    assert [one.name for one in tmp_path.iterdir()] == ["kept.archive"]


def test_what_a_killed_restore_left_is_in_nobodys_way(kept: Path, tmp_path: Path) -> None:
    (tmp_path / ".back.part" / "data").mkdir(parents=True)
    restore(kept, tmp_path / "back", PASSPHRASE)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["back", "kept.archive"]


def test_a_large_file_is_sealed_and_opened_piece_by_piece(tmp_path: Path) -> None:
    large, path = tmp_path / "large", tmp_path / "kept.archive"
    large.write_bytes(NOISE * 12)
    member = tarfile.TarInfo("large")
    member.size = large.stat().st_size
    tracemalloc.start()
    try:
        with (
            path.open("wb") as file,
            sealed_file(file, PASSPHRASE, {}, CHEAP) as sealed,
            tarfile.open(fileobj=sealed, mode="w|", bufsize=PIECE) as tar,
            large.open("rb") as content,
        ):
            tar.addfile(member, content)
        with pytest.raises(Refused):  # it has no manifest; every byte was read to know that
            unpack(path, PASSPHRASE, None)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert path.stat().st_size > member.size
    assert peak < member.size / 2


def test_the_program_stands_alone_in_under_200_lines_of_python_and_cryptography(kept: Path, tmp_path: Path) -> None:
    source = Path(str(restore_archive.__file__)).read_text("utf-8")
    imported = {
        (one.names[0].name if isinstance(one, ast.Import) else str(one.module)).split(".")[0]
        for one in ast.walk(ast.parse(source))
        if isinstance(one, ast.Import | ast.ImportFrom)
    }
    assert imported - {*sys.stdlib_module_names} == {"cryptography"}
    assert len(source.splitlines()) < 200
    alone = tmp_path / "elsewhere" / "restore_archive.py"
    alone.parent.mkdir()
    alone.write_text(source)
    env = {"WORKBENCH_ARCHIVE_PASSPHRASE": PASSPHRASE, "PATH": os.environ["PATH"]}
    for words in (["--check"], [str(tmp_path / "back")]):
        said = subprocess.run(
            [sys.executable, alone, kept, *words], env=env, capture_output=True, text=True, cwd=alone.parent
        )
        assert (said.returncode, said.stdout) == (0, "2 files, all as they were written.\nnothing\n"), said.stderr
    assert (tmp_path / "back" / "data" / "noise.bin").read_bytes() == NOISE


def test_the_program_says_in_one_line_what_is_wrong(kept: Path, tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.setenv("WORKBENCH_ARCHIVE_PASSPHRASE", "another one")
    assert main([str(kept), str(tmp_path / "back")]) == 1
    assert main([str(tmp_path / "nowhere"), "--check"]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "kept.archive does not open with this passphrase, or its first lines were changed."
    assert len(said) == 2
    with pytest.raises(SystemExit, match="2"):
        main([str(kept)])
