"""An archive holds all that has to be kept, opens on another machine years later, and is written whole or not at all."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from loaded import KEY as SOURCE_ID
from loaded import Loaded

from workbench.dental_exec.deliveries import find_deliveries
from workbench.errors import KeyProblem, SettingsProblem, StoreProblem
from workbench.journey.record import current_run, write_summary
from workbench.keeping.archive import archive, restore
from workbench.keeping.restore_archive import MAGIC, MANIFEST, unpack
from workbench.keys import archive_passphrase
from workbench.ledger import verify_log
from workbench.ledger.audit import note
from workbench.mapping.files import hash_decisions
from workbench.settings import read_settings

if TYPE_CHECKING:
    from conftest import Small

PASSPHRASE = "six words that were drawn by lot"
PATIENT = "Quillfeather"


@pytest.fixture
def kept(small: Small, tmp_path: Path) -> Path:
    """The archive of the small folder."""
    archive(small.settings, tmp_path / "kept.archive", PASSPHRASE)
    return tmp_path / "kept.archive"


def acts(log: Path) -> list[str]:
    return [json.loads(line)["act"] for line in log.read_text().splitlines()]


def test_all_that_has_to_be_kept_comes_back_as_it_was(small: Small, kept: Path, tmp_path: Path) -> None:
    before = {name: content for name, content in small.files().items() if "ledger.sqlite" not in name}
    told = restore(kept, tmp_path / "back", PASSPHRASE)
    after = {
        path.relative_to(tmp_path / "back").as_posix(): path.read_bytes()
        for path in (tmp_path / "back").rglob("*")
        if path.is_file()
    }
    exports = {
        f"data/named_exports/from the practice/2026-11-01/{name}": (
            tmp_path / "from the practice/2026-11-01" / name
        ).read_bytes()
        for name in ("contacts.csv", "files/x-ray Ü.png")
    }
    beside = {"data/rehearsal/ledger.sqlite", "audit/rehearsal/audit.jsonl", "audit/rehearsal/verify_log.py"}
    assert set(after) - beside == {*before, *exports, MANIFEST}
    changed = {name for name, content in {**before, **exports}.items() if after.get(name, content) != content}
    assert changed == {"migration.toml"}  # the line that says where exports are
    assert told["files"] == len(after) - 1  # the manifest lists all others
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "back").rglob("*")} == {0o600, 0o700}


def test_the_manifest_says_what_it_is_and_what_is_needed_to_read_it(small: Small, kept: Path) -> None:
    manifest = unpack(kept, PASSPHRASE, None)
    ledger = manifest["ledgers"]["rehearsal"]
    assert (ledger["tenant"], ledger["audit_breaks"], len(ledger["audit_head"])) == ("alias-1", 0, 64)
    kinds = {one["path"]: one["kind"] for one in manifest["files"]}
    assert kinds["data/named_exports/from the practice/2026-11-01/contacts.csv"] == "exports"
    assert kinds["data/rehearsal/ledger.sqlite"] == "ledger"
    assert {"decisions", "exports", "ledger", "notebooks", "pages"} <= {*kinds.values()}
    assert manifest["exports"]["were"] == str(small.settings["source.exports"])
    assert {"workbench", "python", "cryptography", "duckdb"} == {*manifest["versions"]}
    assert manifest["passed_over"] == []


def test_what_is_in_it_is_read_by_nobody_without_the_passphrase(kept: Path, small: Small) -> None:
    sealed = kept.read_bytes()
    header = sealed[: sealed.index(b"\n\n")].decode()
    assert json.loads(header.removeprefix(MAGIC.decode()))["what"].endswith("It holds patients' records.")
    key = (small.folder / "data/rehearsal/key").read_bytes()
    assert [one for one in (PATIENT.encode(), b"contact_id", PASSPHRASE.encode(), key) if one in sealed] == []
    assert kept.stat().st_mode & 0o777 == 0o600


def test_the_restored_folder_finds_its_exports_and_every_approval_holds(
    small: Small, kept: Path, tmp_path: Path
) -> None:
    restore(kept, tmp_path / "back", PASSPHRASE)
    back = read_settings(tmp_path / "back")
    assert [one.name for one in find_deliveries(back.exports)] == ["2026-11-01"]
    assert back.exports.is_relative_to(tmp_path / "back")
    assert hash_decisions(back)[0] == hash_decisions(small.settings)[0]


@pytest.mark.parametrize("named", ["data/exports", "data/exports/one", "absolute"])
def test_exports_of_the_folder_stay_where_they_are(small: Small, tmp_path: Path, named: str) -> None:
    delivery = small.folder / "data" / "exports" / "one"
    delivery.mkdir(parents=True)
    (delivery / "contacts.csv").write_text("contact_id\n")
    toml = small.folder / "migration.toml"
    where = str(small.folder / "data" / "exports") if named == "absolute" else named
    toml.write_text(re.sub("(?m)^exports = .*$", f'exports = "{where}"', toml.read_text()))
    archive(small.settings, tmp_path / "kept.archive", PASSPHRASE)
    restore(tmp_path / "kept.archive", tmp_path / "back", PASSPHRASE)
    back = read_settings(tmp_path / "back")
    assert back["source.exports"] == ("data/exports" if named == "absolute" else named)
    assert [one.name for one in find_deliveries(back.exports)] == ["one"]
    assert not (tmp_path / "back" / "data" / "named_exports").exists()


def test_what_a_living_ledger_has_in_its_write_ahead_log_is_in_the_archive(small: Small, tmp_path: Path) -> None:
    ledger = small.ledger()  # and stays open, as that of a run does
    note(ledger, "written a moment ago", "tenant")
    assert small.settings.ledger.with_name("ledger.sqlite-wal").stat().st_size
    archive(small.settings, tmp_path / "kept.archive", PASSPHRASE)
    note(ledger, "written after it", "tenant")
    ledger.engine.dispose()
    restore(tmp_path / "kept.archive", tmp_path / "back", PASSPHRASE)
    log = tmp_path / "back" / "audit" / "rehearsal" / "audit.jsonl"
    assert acts(log)[-2:] == ["written a moment ago", "archive begun"]
    assert verify_log.main([str(log)]) == 0
    with sqlite3.connect(tmp_path / "back" / "data" / "rehearsal" / "ledger.sqlite") as back:
        noted = [act for (act,) in back.execute("SELECT act FROM audit ORDER BY seq")]
    assert noted[-3:] == ["written a moment ago", "archive begun", "archive restored"]
    assert "archive packed" not in noted  # that is known only when it is whole


def test_the_ledger_says_which_file_was_packed(small: Small, kept: Path) -> None:
    import hashlib

    with sqlite3.connect(small.settings.ledger) as ledger:
        act, detail = ledger.execute("SELECT act, detail FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    assert act == "archive packed"
    assert json.loads(detail)["sha256"] == hashlib.sha256(kept.read_bytes()).hexdigest()


def test_the_program_that_restores_it_lies_beside_it(kept: Path, tmp_path: Path) -> None:
    env = {"WORKBENCH_ARCHIVE_PASSPHRASE": PASSPHRASE, "PATH": os.environ["PATH"], "HOME": str(tmp_path / "nobody")}
    said = subprocess.run(
        [sys.executable, tmp_path / "restore_archive.py", kept, tmp_path / "back"],
        env=env,
        capture_output=True,
        text=True,
    )
    assert said.returncode == 0, said.stdout + said.stderr
    assert (tmp_path / "back" / "data" / "runs" / "run-1" / "index.html").is_file()
    log = tmp_path / "back" / "audit" / "rehearsal"
    assert (
        subprocess.run([sys.executable, log / "verify_log.py", log / "audit.jsonl"], capture_output=True).returncode
        == 0
    )


def test_a_program_of_another_version_beside_it_is_left_alone(small: Small, tmp_path: Path) -> None:
    (tmp_path / "restore_archive.py").write_text("# mine\n")
    archive(small.settings, tmp_path / "kept.archive", PASSPHRASE)
    assert (tmp_path / "restore_archive.py").read_text() == "# mine\n"


def test_looking_back_works_on_another_machine(loaded: Loaded, tmp_path: Path) -> None:
    """verify-log, explain and the pages, in a folder that was restored where nothing of the workbench ever was."""
    settings = loaded.practice.settings
    run = current_run(settings).run_id
    (settings.runs / run / "60_validate.html").write_text("<h1>Validate</h1>")
    write_summary(settings, run)
    archive(settings, tmp_path / "kept.archive", PASSPHRASE)
    home, back = tmp_path / "home of somebody else", tmp_path / "back"
    home.mkdir()

    def say(*words: str | Path) -> subprocess.CompletedProcess[str]:
        env = {name: value for name, value in os.environ.items() if not name.startswith(("WORKBENCH", "XDG"))}
        return subprocess.run(
            [sys.executable, "-m", "workbench.cli", *words],
            env={**env, "HOME": str(home), "WORKBENCH_ARCHIVE_PASSPHRASE": PASSPHRASE},
            cwd=home,
            capture_output=True,
            text=True,
        )

    assert (made := say("archive", "--restore", tmp_path / "kept.archive", "--out", back)).returncode == 0, made.stderr
    checked = say("verify-log", "--migration", back)
    assert checked.returncode == 0 and checked.stdout.endswith("unbroken\n"), checked.stderr
    record = loaded.pick("contacts", city=...)
    told = say("explain", "contacts", record["custom_field"][SOURCE_ID], "--migration", back, "--json")
    assert told.returncode == 0, told.stderr
    answer = json.loads(told.stdout)
    assert (answer["fate"], answer["record"]["id"]) == ("created", record["id"])
    assert {"last_name", "city"} <= {one["field"] for one in answer["read_back"]}  # its images open
    page = back / "data" / "runs" / run / "index.html"
    links = [one for one in re.findall(r'(?:href|src)="([^"#]+)', page.read_text("utf-8")) if ":" not in one]
    assert "60_validate.html" in links
    assert [one for one in links if not (page.parent / one).exists()] == []
    assert page.read_bytes() == (settings.runs / run / "index.html").read_bytes()


def test_a_wrong_passphrase_and_a_changed_byte_are_one_sentence_and_keep_nothing(kept: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    with pytest.raises(KeyProblem) as wrong:
        restore(kept, tmp_path / "back", "another six words of no lot")
    assert str(wrong.value) == (
        "kept.archive does not open with this passphrase, or its first lines were changed. Nothing was changed."
    )
    whole = kept.read_bytes()
    kept.write_bytes(whole[:-100] + bytes([whole[-100] ^ 1]) + whole[-99:])
    with pytest.raises(StoreProblem) as changed:
        restore(kept, tmp_path / "back", PASSPHRASE)
    assert re.fullmatch(
        r"kept\.archive was changed or cut in its part \d+; take another copy of it\.", str(changed.value)
    )
    assert sorted(tmp_path.iterdir()) == before


def test_a_full_disk_keeps_no_half_of_an_archive(small: Small, tmp_path: Path) -> None:
    (small.folder / "data" / "exports").mkdir()
    (small.folder / "data" / "exports" / "scan.png").write_bytes(os.urandom(2_000_000))
    program = (
        "import resource, sys; from pathlib import Path; from workbench.keeping.archive import archive\n"
        "from workbench.settings import read_settings\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))\n"
        f"archive(read_settings(sys.argv[1]), Path(sys.argv[2]), {PASSPHRASE!r})"
    )
    before = {*small.files()}
    said = subprocess.run(
        [sys.executable, "-c", program, small.folder, tmp_path / "kept.archive"], capture_output=True, text=True
    )
    assert said.stderr.splitlines()[-1] == (
        "workbench.errors.StoreProblem: The archive was not written (File too large). Nothing of it was kept."
        " Make room, let runs end, then archive again."
    )
    assert sorted(one.name for one in tmp_path.iterdir()) == ["from the practice", "practice"]
    assert {name for name in {*small.files()} - before if "ledger.sqlite" not in name} == set()


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is refused to root")
def test_an_export_that_cannot_be_read_stops_the_archive(small: Small, tmp_path: Path) -> None:
    files = tmp_path / "from the practice" / "2026-11-01" / "files"
    files.chmod(0)
    try:
        with pytest.raises(StoreProblem, match=r"The archive was not written \(Permission denied\)"):
            archive(small.settings, tmp_path / "kept.archive", PASSPHRASE)
    finally:
        files.chmod(0o700)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["from the practice", "practice"]


def test_a_link_that_leads_nowhere_is_named_in_the_manifest(small: Small, tmp_path: Path) -> None:
    link = tmp_path / "from the practice" / "2026-11-01" / "gone.csv"
    link.symlink_to(tmp_path / "nowhere")
    archive(small.settings, tmp_path / "kept.archive", PASSPHRASE)
    manifest = unpack(tmp_path / "kept.archive", PASSPHRASE, None)
    assert manifest["passed_over"] == ["data/named_exports/from the practice/2026-11-01/gone.csv"]


def test_a_link_in_the_exports_is_kept_as_what_it_leads_to_and_a_circle_ends(small: Small, tmp_path: Path) -> None:
    home = tmp_path / "from the practice" / "2026-11-01"
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans" / "one.png").write_bytes(b"scan")
    (home / "scans").symlink_to(tmp_path / "scans")
    (tmp_path / "scans" / "back").symlink_to(home)
    archive(small.settings, tmp_path / "kept.archive", PASSPHRASE)
    restore(tmp_path / "kept.archive", tmp_path / "back", PASSPHRASE)
    there = tmp_path / "back" / "data" / "named_exports" / "from the practice" / "2026-11-01"
    assert (there / "scans" / "one.png").read_bytes() == b"scan"
    assert not (there / "scans").is_symlink()


def test_a_place_inside_of_what_is_kept_is_refused(small: Small, tmp_path: Path) -> None:
    for place in (
        small.folder / "kept.archive",
        small.folder / "data" / "kept.archive",
        tmp_path / "from the practice" / "kept",
    ):
        with pytest.raises(SettingsProblem, match="would lie inside of what it keeps"):
            archive(small.settings, place, PASSPHRASE)
    with pytest.raises(SettingsProblem, match="There is no folder"):
        archive(small.settings, tmp_path / "nowhere" / "kept", PASSPHRASE)


def test_a_damaged_ledger_is_never_packed_as_a_whole_one(small: Small, tmp_path: Path) -> None:
    ledger = small.settings.ledger
    content = bytearray(ledger.read_bytes())
    content[4096 : 4096 * 3] = b"\xff" * (4096 * 2)
    ledger.write_bytes(bytes(content))
    with pytest.raises(StoreProblem, match="The ledger is damaged"):
        archive(small.settings, tmp_path / "kept.archive", PASSPHRASE)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["from the practice", "practice"]


def test_a_new_passphrase_is_typed_twice_and_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORKBENCH_ARCHIVE_PASSPHRASE", raising=False)
    typed = iter([PASSPHRASE, PASSPHRASE, PASSPHRASE, "another", "short", "short", "short"])
    ask = lambda _: next(typed)  # noqa: E731
    assert archive_passphrase(is_new=True, ask=ask) == PASSPHRASE
    with pytest.raises(KeyProblem, match="The two passphrases differ"):
        archive_passphrase(is_new=True, ask=ask)
    with pytest.raises(KeyProblem, match="20 characters or more"):
        archive_passphrase(is_new=True, ask=ask)
    assert archive_passphrase(is_new=False, ask=ask) == "short"  # an old one is what it is
