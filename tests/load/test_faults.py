"""Faults of the tenant, of people and of the machine that no other file of this room tries: nothing is lost, doubled or hidden."""

import csv
import resource
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from loads import NOTHING_WRONG, WRITES, PowerCutError, Rehearsal, cut

from workbench.errors import LeaseLost, SetupMissing
from workbench.freshsales.jobs import POLL_WAITS
from workbench.journey.record import open_run_ledger
from workbench.ledger.audit import verify
from workbench.load.attachments import checked_file
from workbench.load.loader import SAME_REFUSALS
from workbench.load.rollback import roll_back
from workbench.load.survey import Case
from workbench.pacing import agreed_pacing
from workbench.reports.page import write_page
from workbench.warehouse import open_warehouse


def fates(loaded) -> set[str]:
    """Return every fate that a load gave."""
    return {str(fate) for by_fate in loaded.counts.values() for fate in by_fate}


def count(rehearsal: Rehearsal, line: str) -> int:
    return sum(one.startswith(line) for one in rehearsal.transport.asked)


@pytest.mark.parametrize("headers", [{"retry-after": "30"}, {}], ids=["with Retry-After", "without"])
def test_a_storm_of_429_is_waited_out_whether_or_not_it_says_how_long(
    rehearsal: Rehearsal, headers: dict[str, str]
) -> None:
    scope = rehearsal.few(2, 1)
    for write in ("account", "contact", "note"):
        rehearsal.order("status", WRITES[write], status=429, times=4, headers=headers)
    before = rehearsal.admin("time")["now"]
    assert fates(rehearsal.load(scope)) == {"created"}
    # Three kinds of write, each refused four times: 61, 61, 120 and 300 seconds every time.
    assert rehearsal.admin("time")["now"] - before > 3 * (61 + 61 + 120 + 300)
    assert rehearsal.doubles_and_losses(scope) == NOTHING_WRONG


def test_calls_that_another_integration_ate_slow_the_load_and_fail_no_row(
    rehearsal: Rehearsal, capsys: pytest.CaptureFixture[str]
) -> None:
    scope = rehearsal.few(2, 1)
    state = rehearsal.transport.app.state.tenant.state
    eaten: list[int] = []

    def eat(request: httpx.Request, _: httpx.Response) -> None:
        if request.url.path.endswith("/notes") and request.method == "POST" and not eaten:
            eaten.append(1)
            state.recent.extend([state.now()] * 6_000)  # more than the plan gives in an hour

    rehearsal.transport.after.append(eat)
    before = rehearsal.admin("time")["now"]
    loaded = rehearsal.load(scope)
    assert eaten and fates(loaded) == {"created"}
    assert 3600 < rehearsal.admin("time")["now"] - before < 2 * 3600
    assert count(rehearsal, "POST /notes") < 20, "a hold for all, no hammering"
    assert (
        "the account's calls are used up, by this run or another integration. All calls wait" in capsys.readouterr().err
    )
    assert rehearsal.doubles_and_losses(scope) == NOTHING_WRONG


def test_a_day_that_the_clock_skips_stops_nothing_and_lets_no_burst_through(rehearsal: Rehearsal) -> None:
    scope = rehearsal.few(4, 2)
    skipped: list[float] = []

    def skip(request: httpx.Request, _: httpx.Response) -> None:
        if request.method == "POST" and request.url.path.endswith("/notes") and not skipped:
            skipped.append(rehearsal.admin("time", {"advance": 86_400})["now"])

    rehearsal.transport.after.append(skip)
    assert fates(rehearsal.load(scope)) == {"created"}
    [moment] = skipped
    calls = rehearsal.admin("calls")
    assert calls["refused429"] == 0
    with rehearsal.session() as session:
        spent = calls["total"] * agreed_pacing(session.settings).interval
        plan = rehearsal.plan(session, scope)
    assert moment < rehearsal.admin("time")["now"] < moment + 2 * spent, "each call after it had a slot of its own"
    assert plan.writes == 0, "a day is no change"
    assert rehearsal.doubles_and_losses(scope) == NOTHING_WRONG


def test_a_load_that_was_overtaken_while_its_machine_slept_sends_nothing_more(rehearsal: Rehearsal) -> None:
    scope = rehearsal.few(2, 1)
    overtaken: list[int] = []

    def take_over(told: str) -> None:
        with closing(sqlite3.connect(rehearsal.practice.settings.ledger)) as ledger, ledger:
            ledger.execute(f"UPDATE lease SET {told} WHERE name = 'writer'")

    def oversleep(request: httpx.Request, _: httpx.Response) -> None:
        if request.method == "POST" and request.url.path.endswith("/notes") and not overtaken:
            take_over("holder = 'another-machine:7:1', fence = fence + 1, expires = 9e9")
            overtaken.append(len(rehearsal.transport.asked))

    rehearsal.transport.after.append(oversleep)
    with pytest.raises(LeaseLost, match="stopped before its next request"):
        rehearsal.load(scope)
    assert rehearsal.transport.asked[overtaken[0] :] == []
    with pytest.raises(LeaseLost, match="Process 7 on another-machine writes to this tenant"):
        rehearsal.load(scope)
    take_over("expires = 0")
    rehearsal.load(scope)
    assert rehearsal.doubles_and_losses(scope) == NOTHING_WRONG


@pytest.mark.parametrize("write", ["contact", "note", "file"])
def test_a_500_after_the_commit_is_in_doubt_and_not_failed(rehearsal: Rehearsal, write: str) -> None:
    scope = rehearsal.few(2, 1)
    method, path = WRITES[write].removesuffix("$").split(" ")
    broken: list[int] = []

    def break_it(request: httpx.Request, answer: httpx.Response) -> None:
        if request.method == method and request.url.path.endswith(path) and not broken:
            broken.append(answer.status_code)
            answer.status_code = 500

    rehearsal.transport.after.append(break_it)
    loaded = rehearsal.load(scope)
    assert broken[0] in (200, 201), "the tenant had done it"
    assert fates(loaded) == {"created"}
    assert rehearsal.doubles_and_losses(scope) == NOTHING_WRONG


def test_a_bulk_job_that_never_ends_is_given_up_and_each_of_its_rows_looked_up(rehearsal: Rehearsal) -> None:
    scope = rehearsal.few(12, 0)
    rehearsal.admin("switches", {"bulk_seconds": 10_000_000.0})
    before = rehearsal.admin("time")["now"]
    assert fates(rehearsal.load(scope)) == {"created"}
    assert rehearsal.admin("time")["now"] - before < 6 * 3600, "every wait ends"
    jobs = sum(one.endswith("/bulk_upsert") for one in rehearsal.transport.asked)
    assert 0 < count(rehearsal, "GET /job_statuses/") <= len(POLL_WAITS) * jobs
    assert rehearsal.doubles_and_losses(scope) == NOTHING_WRONG


def test_children_of_a_refused_parent_wait_and_none_is_loaded_without_it(rehearsal: Rehearsal) -> None:
    scope = rehearsal.few(1, 2)
    rehearsal.order(
        "status", "POST /contacts", status=400, times=-1, body={"errors": {"message": ["Mobile is invalid"]}}
    )
    loaded = rehearsal.load(scope)
    state = rehearsal.state()
    assert loaded.counts["patient"] == {"rejected": 1}
    assert [len(state[name]) for name in ("contacts", "deals", "notes", "tasks", "appointments")] == [0] * 5
    logs = rehearsal.practice.settings.runs.glob("*/batches/note-*.csv")
    reasons = {row["reason"] for path in logs for row in csv.DictReader(path.read_text("utf-8").splitlines())}
    [contact] = [key for key in scope if key.startswith("contacts/")]
    assert f"waits for {contact}, which was not created" in reasons
    assert {one.partition("/")[0] for one in reasons} <= {"waits for contacts", "waits for cases"}
    rehearsal.clear_faults()
    rehearsal.load(scope)
    assert rehearsal.doubles_and_losses(scope) == NOTHING_WRONG


def test_what_a_workflow_rewrote_seconds_after_our_write_is_no_loss_and_is_not_written_over(
    rehearsal: Rehearsal,
) -> None:
    scope = rehearsal.few(1, 1)
    made: list[int] = []

    def rewrite(request: httpx.Request, answer: httpx.Response) -> None:
        if request.url.path.endswith("/contacts/upsert") and answer.status_code < 300:
            number = answer.json()["contact"]["id"]
            if number not in made:
                made.append(number)
            rehearsal.admin("edit", {"entity": "contacts", "id": number, "changes": {"job_title": "Set by a workflow"}})

    rehearsal.transport.after.append(rewrite)
    rehearsal.load(scope)
    rehearsal.transport.after.clear()
    assert rehearsal.doubles_and_losses(scope) == NOTHING_WRONG
    rehearsal.load(scope)
    [contact] = rehearsal.state()["contacts"]
    assert contact["job_title"] == "Set by a workflow"
    with rehearsal.session() as session:
        kept = [one for one in roll_back(session).verdicts if one.identity.destination_id == made[0]]
    assert [one.case for one in kept] == [Case.EDITED], "who changed it cannot be told: it counts as a person"


def test_a_log_that_cannot_be_written_is_told_and_the_load_goes_on(
    rehearsal: Rehearsal, capsys: pytest.CaptureFixture[str]
) -> None:
    scope = rehearsal.few(1, 1)
    with rehearsal.session() as session:
        folder = session.folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "log.jsonl").unlink(missing_ok=True)
    (folder / "log.jsonl").symlink_to("/dev/full")  # whatever is written there: no space left on device
    assert fates(rehearsal.load(scope)) == {"created"}
    assert "log.jsonl cannot be written (No space left on device): batch" in capsys.readouterr().err
    assert rehearsal.doubles_and_losses(scope) == NOTHING_WRONG


def test_a_page_that_the_disk_cannot_take_leaves_the_last_one_whole(tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    page.write_text("the last one, whole")
    kept, soft = signal.signal(signal.SIGXFSZ, signal.SIG_IGN), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, soft[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_page(
                page, "page.html.j2", title="x" * 50_000, run="r", target="t", practice="", blocks=[], index=None
            )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, soft)
        signal.signal(signal.SIGXFSZ, kept)
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]
    assert page.read_text() == "the last one, whole"


@pytest.mark.parametrize("share", [0.2, 0.6, 0.95])
def test_a_last_append_that_was_torn_is_dropped_whole_and_the_load_goes_on(rehearsal: Rehearsal, share: float) -> None:
    """A power cut in mid-append: of what the journal holds beyond its last full commit nothing is believed."""
    scope = rehearsal.few(1, 1)
    path = rehearsal.practice.settings.ledger
    journal = path.with_name(f"{path.name}-wal")
    torn: list[tuple[bytes, bytes]] = []

    def keep(request: httpx.Request) -> None:
        if request.url.path.endswith("/tasks") and request.method == "POST":
            torn.append((path.read_bytes(), journal.read_bytes()))

    rehearsal.transport.before.append(keep)
    cut(rehearsal, WRITES["task"], 1, after=False)
    with pytest.raises(PowerCutError):
        rehearsal.load(scope)
    rehearsal.transport.before.clear()
    [(whole, log)] = torn
    head, frame = 32, 4096 + 24
    frames = (len(log) - head) // frame
    path.write_bytes(whole)
    path.with_name(f"{path.name}-shm").unlink(missing_ok=True)
    journal.write_bytes(log[: head + (frames - 1) * frame + int(share * frame)])  # the last page of it came in part
    ledger = open_run_ledger(rehearsal.practice.settings)
    ledger.require_sound()
    count_of_entries, _, breaks = verify(ledger)
    ledger.engine.dispose()
    assert (count_of_entries > 0, breaks) == (True, [])
    rehearsal.load(scope)
    assert rehearsal.doubles_and_losses(scope) == NOTHING_WRONG


def test_a_field_that_the_tenant_requires_from_one_moment_on_rejects_with_its_reason(rehearsal: Rehearsal) -> None:
    scope = rehearsal.few(2, 1)
    rehearsal.order(
        "status", WRITES["deal"], status=400, times=-1, body={"errors": {"message": ["Cf referral code is required"]}}
    )
    loaded = rehearsal.load(scope)
    assert set(loaded.counts["treatment_case"]) == {"rejected"}
    rows = loaded.counts["treatment_case"]["rejected"]
    assert count(rehearsal, "POST /deals/upsert") == rows, "a refusal is not tried again by itself"
    rehearsal.clear_faults()
    rehearsal.load(scope)
    assert rehearsal.doubles_and_losses(scope) == NOTHING_WRONG


def test_rows_that_are_refused_for_one_reason_in_a_row_stop_their_object(rehearsal: Rehearsal) -> None:
    scope = rehearsal.few(20, 3)
    assert sum(key.startswith("notes/") for key in scope) > SAME_REFUSALS
    rehearsal.order("status", WRITES["note"], status=400, times=-1, body={"errors": {"message": ["Topic is required"]}})
    with pytest.raises(SetupMissing, match=f"{SAME_REFUSALS} rows in a row came back with one reason") as told:
        rehearsal.load(scope)
    assert "workbench run --from setup" in str(told.value)
    assert count(rehearsal, "POST /notes") == SAME_REFUSALS
    assert len(rehearsal.state()["tasks"]) > 0, "other kinds are loaded"
    rehearsal.clear_faults()
    rehearsal.load(scope)
    assert rehearsal.doubles_and_losses(scope) == NOTHING_WRONG


@pytest.mark.parametrize("gone", ["field", "choice"])
def test_a_field_or_a_choice_that_goes_away_while_a_load_runs_stops_its_object_at_the_first_record_without_it(
    rehearsal: Rehearsal, gone: str
) -> None:
    scope = rehearsal.few(6, 2)
    schema = rehearsal.transport.app.state.tenant.state.schema
    [field] = [one for one in schema["custom_fields"]["deals"] if one["name"] == "cf_claim_status"]
    kept = [*schema["custom_fields"]["deals"]], [*field["choices"]]

    def take_away(request: httpx.Request, _: httpx.Response) -> None:
        if request.url.path.endswith("/deals/upsert"):
            schema["custom_fields"]["deals"] = [one for one in kept[0] if gone == "choice" or one is not field]
            field["choices"] = field["choices"] if gone == "field" else []

    rehearsal.transport.after.append(take_away)
    with pytest.raises(SetupMissing, match="the tenant took the record and dropped cf_claim_status"):
        rehearsal.load(scope)
    last = max(rehearsal.state()["deals"], key=lambda one: one["id"])
    assert not last["custom_field"].get("cf_claim_status")
    rehearsal.transport.after.clear()
    schema["custom_fields"]["deals"], field["choices"] = kept
    rehearsal.load(scope)
    [completed] = [one for one in rehearsal.state()["deals"] if one["id"] == last["id"]]
    assert completed["custom_field"].get("cf_claim_status")
    assert rehearsal.doubles_and_losses(scope) == NOTHING_WRONG


@pytest.mark.parametrize(
    ("fields", "content", "rule"),
    [
        pytest.param({}, b"", "the file is empty", id="zero bytes"),
        pytest.param({"size": 3}, b"four", "the file has another size than the index says", id="cut short"),
        pytest.param({"sha256": "0" * 64}, b"four", "the file has another hash than the index says", id="other bytes"),
        pytest.param({"relative_path": "../theirs.txt"}, b"x", "the path leaves the delivery's folder", id="a path"),
        pytest.param({"relative_path": "gone.txt"}, b"x", "the file is not in the delivery", id="missing"),
    ],
)
def test_a_file_that_is_not_what_its_row_says_is_refused_before_any_call(
    tmp_path: Path, fields: dict, content: bytes, rule: str
) -> None:
    (tmp_path / "delivery").mkdir()
    (tmp_path / "delivery" / "scan.txt").write_bytes(content)
    (tmp_path / "theirs.txt").write_bytes(b"theirs")
    assert checked_file(tmp_path / "delivery", {"relative_path": "scan.txt"} | fields) == (rule, None)


def test_a_job_path_is_on_disk_before_the_job_is_asked_the_first_time(rehearsal: Rehearsal) -> None:
    scope = rehearsal.few(12, 0)
    known: list[set[str]] = []

    def look(request: httpx.Request) -> None:
        if "/job_statuses/" in request.url.path:
            with sqlite3.connect(f"file:{rehearsal.practice.settings.ledger}?mode=ro", uri=True) as connection:
                paths = {row[0] for row in connection.execute("SELECT job_path FROM batches")}
            connection.close()
            known.append({request.url.path.removeprefix("/crm/sales/api")} - paths)

    rehearsal.transport.before.append(look)
    rehearsal.load(scope)
    assert known and set().union(*known) == set()


def test_a_thousand_levels_of_practices_come_by_depth(tmp_path: Path) -> None:
    levels = 1_000
    sql = (Path(__file__).parents[2] / "mappings" / "sources" / "companies.sql").read_text("utf-8")
    with open_warehouse(tmp_path / "warehouse.duckdb", write=True) as warehouse:
        warehouse.run(
            "CREATE TABLE profile.read_companies AS SELECT 'P-' || i AS company_id,"
            f" CASE WHEN i > 0 THEN 'P-' || (i - 1) END AS parent_company_id FROM range({levels}) t(i)"
        )
        found = dict(warehouse.run(f"SELECT company_id, depth FROM ({sql})"))
    assert found == {f"P-{level}": level for level in range(levels)}
