"""What was destroyed is certified; the log stays verifiable; what its key opened is open to nobody any more."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from workbench.errors import KeyProblem, StoreProblem
from workbench.journey.record import open_past_ledger
from workbench.journey.status import verify_log
from workbench.keeping.purge import purge

if TYPE_CHECKING:
    from conftest import Small

PATIENT = "Quillfeather"


def certificate_of(small: Small, answer: dict) -> dict:
    return json.loads((small.folder / answer["certificate"]).with_suffix(".json").read_text())


def test_a_preview_counts_and_deletes_nothing(small: Small) -> None:
    before = small.files()
    told = purge(small.settings, confirm=False)
    assert (told["paths"], told["files"], told["deleted"]) == (["data/runs"], 4, False)
    assert small.files() == before


def test_the_certificate_says_what_existed_who_destroyed_it_and_what_remains(small: Small) -> None:
    run = {name: content for name, content in small.files().items() if name.startswith("data/runs/")}
    told = certificate_of(small, purge(small.settings, confirm=True))
    assert {one["path"]: (one["bytes"], one["sha256"]) for one in told["list"]} == {
        name: (len(content), hashlib.sha256(content).hexdigest()) for name, content in run.items()
    }
    lines = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in run.items())
    [destroyed] = told["destroyed"]
    assert destroyed == {
        "path": "data/runs",
        "files": 4,
        "bytes": sum(map(len, run.values())),
        "sha256": hashlib.sha256(lines.encode()).hexdigest(),
    }
    assert told["left"] == [] and "@" in told["purged_by"] and told["purged_at"]
    remains = {one["path"]: one for one in told["remains"]}
    assert {"data/rehearsal", "mappings", "migration.toml"} <= set(remains)
    assert any("in clear" in one["what"] and one["path"].endswith("from the practice") for one in told["remains"])
    assert not small.settings.runs.exists()


def test_pages_with_values_for_reviewers_are_certified_and_gone(small: Small) -> None:
    page = small.settings.runs / "run-1" / "review" / "70_sample-patient.html"
    page.write_text(f"<td>{PATIENT}</td>")
    assert purge(small.settings, confirm=False)["files"] == 5
    told = certificate_of(small, purge(small.settings, confirm=True))
    assert "data/runs/run-1/review/70_sample-patient.html" in {one["path"] for one in told["list"]}
    assert not page.exists() and PATIENT not in json.dumps(told)


def test_the_chain_holds_the_hash_of_the_list_and_the_certificate_the_head_of_the_chain(small: Small) -> None:
    told = certificate_of(small, purge(small.settings, confirm=True))
    with sqlite3.connect(small.settings.ledger) as ledger:
        rows = ledger.execute("SELECT act, detail, hash, seq FROM audit ORDER BY seq DESC LIMIT 2").fetchall()
    assert [act for act, *_ in rows] == ["warehouse and runs purged", "purge begun"]
    assert {json.loads(detail)["sha256"] for _, detail, *_ in rows} == {told["list_sha256"]}
    assert told["audit"]["rehearsal"] == {"entries": rows[0][3], "head": rows[0][2], "sealed_images": 2}


def test_the_page_of_the_certificate_says_the_same_without_a_value(small: Small) -> None:
    answer = purge(small.settings, confirm=True)
    page, told = (small.folder / answer["certificate"]).read_text(), certificate_of(small, answer)
    shown = [told["purged_at"], told["list_sha256"], told["destroyed"][0]["sha256"], told["audit"]["rehearsal"]["head"]]
    assert [one for one in shown if one not in page] == []
    assert "<h1>What was destroyed</h1>" in page and page.count("<caption>") == 3
    assert PATIENT not in page + json.dumps(told)


def test_a_second_purge_has_a_certificate_of_its_own(small: Small) -> None:
    first, second = purge(small.settings, confirm=True), purge(small.settings, confirm=True)
    assert first["certificate"] != second["certificate"]
    assert certificate_of(small, second)["destroyed"] == []
    assert len(list((small.folder / "data" / "purged").iterdir())) == 4


def test_what_a_link_leads_to_is_not_destroyed(small: Small, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "mine").write_text("mine")
    (small.settings.runs / "link").symlink_to(tmp_path / "elsewhere")
    told = certificate_of(small, purge(small.settings, confirm=True))
    assert (tmp_path / "elsewhere" / "mine").read_text() == "mine"
    assert {one["path"]: one["sha256"] for one in told["list"]}["data/runs/link"] == ""


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is refused to root")
def test_what_cannot_be_deleted_is_named_and_certified_as_left(small: Small) -> None:
    review = small.settings.runs / "run-1" / "review"
    review.chmod(0o500)
    try:
        with pytest.raises(StoreProblem, match=r"1 of 1 could not be deleted whole: data/runs\. End what uses them"):
            purge(small.settings, confirm=True)
    finally:
        review.chmod(0o700)
    [page] = (small.folder / "data" / "purged").glob("*.json")
    assert (json.loads(page.read_text())["left"], json.loads(page.read_text())["destroyed"]) == (["data/runs"], [])


def test_runs_that_lie_elsewhere_behind_a_link_are_never_certified_as_gone(small: Small, tmp_path: Path) -> None:
    small.settings.runs.rename(tmp_path / "large disk")
    small.settings.runs.symlink_to(tmp_path / "large disk")
    with pytest.raises(StoreProblem, match="1 of 1 could not be deleted whole: data/runs"):
        purge(small.settings, confirm=True)
    assert (tmp_path / "large disk" / "run-1" / "index.html").is_file()


def test_without_the_image_key_the_log_stays_verifiable_and_the_values_unreachable(small: Small) -> None:
    ledger = small.settings.ledger
    assert PATIENT.encode() not in ledger.read_bytes()
    small.settings.target_folder.joinpath("key").unlink()
    purge(small.settings, confirm=True)
    told = verify_log(small.settings)
    assert (told["breaks"], told["exit"]) == ([], 0)
    with pytest.raises(KeyProblem, match="sealed with another WORKBENCH_KEY"):
        open_past_ledger(small.settings, "record explained")
    assert PATIENT.encode() not in b"".join(path.read_bytes() for path in small.settings.target_folder.iterdir())
