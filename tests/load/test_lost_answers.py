"""Answers that never come, come broken, or say no: nothing is doubled, nothing lost, nothing plainly sent again."""

import httpx
import orjson
import pytest
from loads import KINDS, NOTHING_WRONG, WRITES, Rehearsal
from slices import slice_of

from workbench.errors import SetupMissing, TenantRefusesKey
from workbench.freshsales.refusals import PermissionMissing
from workbench.journey.record import open_run_ledger
from workbench.ledger.history import moves_of
from workbench.ledger.identities import find_identity, identity_frames
from workbench.ledger.images import last_image
from workbench.ledger.plans import planned_rows
from workbench.load.loader import Silent, run_load

LOST = [{"kind": "drop_before"}, {"kind": "drop_after"}, {"kind": "status", "status": 500}, {"kind": "html"}]


def asked(rehearsal: Rehearsal, line: str) -> int:
    return sum(one.startswith(line) for one in rehearsal.transport.asked)


def reasons(rehearsal: Rehearsal, keys: set[str]) -> set[str]:
    ledger = open_run_ledger(rehearsal.practice.settings)
    found = {move.reason for key in keys for move in moves_of(ledger, *key.split("/", 1)) if move.reason}
    ledger.engine.dispose()
    return found


@pytest.mark.parametrize("write", slice_of(WRITES, every=2))
def test_each_way_of_losing_an_answer_ends_with_every_record_once(rehearsal: Rehearsal, write: str) -> None:
    in_bulk = write in ("contact", "contacts in bulk", "job", "page of ids")
    scope = rehearsal.few(12, 0) if in_bulk else rehearsal.few(5, 2, all_accounts="account" in write)
    for place, fault in enumerate(LOST):
        rehearsal.order(match=WRITES[write], nth=2 * place + 1, **fault)
    rehearsal.load(scope)
    assert rehearsal.doubles_and_losses(scope) == NOTHING_WRONG


@pytest.mark.parametrize("write", ["task", "appointment", "note", "sales activity", "file"])
def test_a_write_without_a_key_that_was_done_is_found_not_repeated(rehearsal: Rehearsal, write: str) -> None:
    scope = rehearsal.few(2, 1)
    rehearsal.order("drop_after", WRITES[write])
    rehearsal.load(scope)
    assert rehearsal.doubles_and_losses(scope) == NOTHING_WRONG
    assert "found by look-up" in reasons(rehearsal, scope)


@pytest.mark.parametrize("write", ["account", "file"])
def test_a_rehearsal_that_was_left_for_hours_knows_its_own_records(rehearsal: Rehearsal, write: str) -> None:
    state = rehearsal.transport.app.state.tenant.state
    state.moment, state.told = state.moment - 6 * 3600, True  # its clock stood while the wall's went on
    scope = rehearsal.few(2, 1)
    rehearsal.order("drop_after", WRITES[write])
    rehearsal.load(scope)
    assert rehearsal.doubles_and_losses(scope) == NOTHING_WRONG
    assert "found by look-up" in reasons(rehearsal, scope)
    with rehearsal.session() as session:
        origins = {one for frame in identity_frames(session.ledger) for one in frame["origin"]}
    assert origins == {"created"}  # taken for somebody else's, a rollback would leave it


@pytest.mark.parametrize("write", slice_of(["task", "note", "sales activity", "file", "contact", "deal"], every=3))
def test_a_write_that_commits_a_minute_after_its_client_gave_up_is_not_repeated(
    rehearsal: Rehearsal, write: str
) -> None:
    scope = rehearsal.few(2, 1)
    rehearsal.order("delay_commit", WRITES[write], seconds=60)
    rehearsal.load(scope)
    assert rehearsal.doubles_and_losses(scope) == NOTHING_WRONG


def test_an_index_that_lags_makes_no_double(rehearsal: Rehearsal) -> None:
    scope = rehearsal.few(12, 1)
    rehearsal.admin("switches", {"index_seconds": 120.0})
    for write in ("contact", "contacts in bulk", "deal", "note"):
        rehearsal.order("drop_after", WRITES[write], nth=2 if write == "contact" else 1)
    rehearsal.load(scope)
    assert rehearsal.doubles_and_losses(scope) == NOTHING_WRONG


def test_a_bulk_call_that_was_lost_goes_once_more_as_a_whole(rehearsal: Rehearsal) -> None:
    scope = rehearsal.few(12, 0)
    rehearsal.order("drop_before", WRITES["contacts in bulk"])
    rehearsal.load(scope)
    assert asked(rehearsal, "POST /contacts/bulk_upsert") == 2
    assert asked(rehearsal, "POST /contacts/upsert") < 8
    assert rehearsal.doubles_and_losses(scope) == NOTHING_WRONG


def test_a_lost_activity_among_many_is_found_on_the_last_pages(rehearsal: Rehearsal) -> None:
    scope = rehearsal.few(1, 2)
    state = rehearsal.transport.app.state.tenant.state
    state.begin()
    for number in range(450):
        made = state.stamp(state.now() - 90 * 86400 + number)
        state.insert("sales_activities", {"id": state.new_id(), "title": "Old", "created_at": made, "targetables": []})
    state.commit()
    rehearsal.order("drop_after", WRITES["sales activity"])
    rehearsal.load(scope)
    # The first page tells how many there are, the last two hold it; the sweep at the end looks once more.
    assert asked(rehearsal, "GET /sales_activities") == 2 * 3
    state.db.execute("DELETE FROM records WHERE json_extract(body, '$.title') = 'Old'")
    assert rehearsal.doubles_and_losses(scope) == NOTHING_WRONG


def test_half_an_hour_without_answers_for_notes_passes(rehearsal: Rehearsal) -> None:
    scope = rehearsal.few(2, 3)
    rehearsal.order("status", WRITES["note"], status=503, times=8)
    rehearsal.load(scope)
    assert rehearsal.doubles_and_losses(scope) == NOTHING_WRONG


def test_an_object_that_never_answers_stops_alone_and_the_next_load_finishes_it(rehearsal: Rehearsal) -> None:
    scope = rehearsal.few(3, 4)
    rehearsal.order("status", WRITES["note"], status=500, times=-1)
    with pytest.raises(Silent, match=r"Notes → notes: Freshsales gave no usable answer to a write for \d+ minutes"):
        rehearsal.load(scope)
    state = rehearsal.state()
    assert (len(state["notes"]), bool(state["tasks"]), bool(state["documents"])) == (0, True, True)
    assert asked(rehearsal, "POST /notes") < 15
    rehearsal.clear_faults()
    rehearsal.load(scope)
    assert rehearsal.doubles_and_losses(scope) == NOTHING_WRONG


@pytest.mark.parametrize("write", slice_of(["contact", "contacts in bulk", "note", "file"], every=2))
def test_a_revoked_key_stops_within_one_request_and_a_new_one_needs_no_other_step(
    rehearsal: Rehearsal, write: str
) -> None:
    scope = rehearsal.few(12, 0) if "contact" in write else rehearsal.few(3, 1)
    line = WRITES[write].removesuffix("$")

    def revoke(request: httpx.Request) -> None:
        if request.url.path.endswith(line.removeprefix("POST ")) and asked(rehearsal, line) == 1:
            rehearsal.admin("switches", {"revoked_keys": ["rehearsal-admin"]})

    rehearsal.transport.before.append(revoke)
    with pytest.raises(TenantRefusesKey, match=r"does not accept the API key \(401\)"):
        rehearsal.load(scope)
    calls = [one for one in rehearsal.transport.asked if not one.endswith("switches")]
    assert calls[-1] == line
    rehearsal.transport.before.clear()
    rehearsal.admin("switches", {"revoked_keys": []})
    rehearsal.load(scope)
    assert rehearsal.doubles_and_losses(scope) == NOTHING_WRONG


def test_a_right_cut_for_one_object_stops_that_object_alone(rehearsal: Rehearsal) -> None:
    scope = rehearsal.few(3, 2)
    rehearsal.admin("switches", {"forbidden": ["POST notes"]})
    with pytest.raises(PermissionMissing, match="may not do this: POST /notes"):
        rehearsal.load(scope)
    state = rehearsal.state()
    assert (asked(rehearsal, "POST /notes"), bool(state["tasks"]), bool(state["documents"])) == (1, True, True)
    rehearsal.admin("switches", {"forbidden": []})
    rehearsal.load(scope)
    assert rehearsal.doubles_and_losses(scope) == NOTHING_WRONG


def test_what_hangs_on_a_stopped_object_is_not_tried(rehearsal: Rehearsal) -> None:
    rehearsal.admin("switches", {"forbidden": ["POST contacts"]})
    with pytest.raises(PermissionMissing):
        rehearsal.load(rehearsal.few(3, 1, all_accounts=True))
    tried = {one.split("?")[0] for one in rehearsal.transport.asked if one.startswith("POST") and "_tenant" not in one}
    assert tried == {"POST /sales_accounts/upsert", "POST /sales_accounts/bulk_upsert", "POST /contacts/bulk_upsert"}


def test_a_storm_of_429_rejects_nothing(rehearsal: Rehearsal) -> None:
    scope = rehearsal.few(3, 1)
    for write in ("account", "contact", "deal", "note", "file"):
        rehearsal.order("status", WRITES[write], status=429, times=3, body="slow down")
    loaded = rehearsal.load(scope)
    assert {fate for fates in loaded.counts.values() for fate in fates} == {"created"}
    assert rehearsal.doubles_and_losses(scope) == NOTHING_WRONG


def test_three_refused_rows_of_a_bulk_call_are_rejected_and_the_next_load_sends_them(rehearsal: Rehearsal) -> None:
    scope = rehearsal.few(12, 1)
    with rehearsal.session() as session:
        plan = rehearsal.plan(session, scope)
        wanted = [row.source_id for row in planned_rows(session.ledger, plan, "patient")]
        binned = block_addresses(rehearsal, wanted, 3)
        loaded = run_load(session, plan, kinds=KINDS)
    assert loaded.counts["patient"] == {"created": len(wanted) - 3, "rejected": 3}
    for number in binned:
        rehearsal.transport.app.state.tenant.state.purge(number)
    before = asked(rehearsal, "POST /contacts")
    again = rehearsal.load(scope)
    assert (again.counts["patient"], asked(rehearsal, "POST /contacts") - before) == ({"created": 3}, 1)
    assert rehearsal.doubles_and_losses(scope) == NOTHING_WRONG


def block_addresses(rehearsal: Rehearsal, source_ids: list[str], count: int) -> list[int]:
    """Put contacts with the e-mails of some rows into the bin, where unique rules still see them."""
    from workbench.tenant.records import create_record, delete_record
    from workbench.warehouse import open_warehouse

    with open_warehouse(rehearsal.practice.settings.warehouse) as warehouse:
        emails = [
            row[0]
            for row in warehouse.run(
                "SELECT email FROM staged.patient WHERE email IS NOT NULL AND emails_more IS NULL"
                " AND source_id IN (SELECT unnest(?)) ORDER BY source_id DESC LIMIT ?",
                [source_ids, count],
            )
        ]
    state = rehearsal.transport.app.state.tenant.state
    made = []
    for email in emails:
        state.begin()
        made.append(create_record(state, "contacts", {"last_name": "Binned", "email": email})["id"])
        delete_record(state, "contacts", made[-1])
        state.commit()
    assert len(made) == count
    return made


def test_a_job_that_says_success_and_drops_a_row_is_found_out(rehearsal: Rehearsal) -> None:
    scope = rehearsal.few(12, 1)

    def drop_last_row(request):
        if not request.url.path.endswith("/contacts/bulk_upsert"):
            return None
        body = orjson.loads(request.content)
        body["contacts"].pop()
        headers = {name: value for name, value in request.headers.items() if name != "content-length"}
        return type(request)(request.method, request.url, headers=headers, content=orjson.dumps(body))

    rehearsal.transport.before.append(drop_last_row)
    loaded = rehearsal.load(scope)
    assert {fate for fates in loaded.counts.values() for fate in fates} == {"created"}
    assert rehearsal.doubles_and_losses(scope) == NOTHING_WRONG
    assert "the job dropped it" in reasons(rehearsal, scope)


def test_a_full_file_storage_stops_the_files_alone(rehearsal: Rehearsal) -> None:
    scope = rehearsal.few(6, 2)
    rehearsal.order("status", WRITES["file"], status=413, times=-1, nth=2)
    rehearsal.order("status", WRITES["file"], status=413, times=-1)
    with pytest.raises(SetupMissing, match="file storage is full"):
        rehearsal.load(scope)
    assert asked(rehearsal, "POST /documents") == 1
    rehearsal.clear_faults()
    rehearsal.load(scope)
    assert rehearsal.doubles_and_losses(scope) == NOTHING_WRONG


@pytest.mark.parametrize(
    "faults", [("drop_before", "drop_after"), ("drop_after", "drop_before"), ("drop_after", "drop_after")]
)
def test_two_files_of_one_name_on_one_record_are_never_taken_for_each_other(
    rehearsal: Rehearsal, faults: tuple[str, str]
) -> None:
    from workbench.warehouse import open_warehouse

    with open_warehouse(rehearsal.practice.settings.warehouse, write=True) as warehouse:
        target = warehouse.run(
            "SELECT target FROM staged.attachment WHERE target NOT IN (SELECT 'contacts/' || source_id FROM checked.held)"
            " GROUP BY 1 HAVING count(*) > 1 ORDER BY count(*) DESC, 1 LIMIT 1"
        )[0][0]
        warehouse.run("UPDATE staged.attachment SET file_name = 'scan.png' WHERE target = ?", [target])
        ids = [row[0] for row in warehouse.run("SELECT source_id FROM staged.attachment WHERE target = ?", [target])]
    for place, kind in enumerate(faults):
        rehearsal.order(kind, WRITES["file"], nth=place + 1)
    scope = {target, *(f"attachments/{one}" for one in ids)} | {
        key for key in rehearsal.few(1, 0) if "contacts/" not in key
    }
    with rehearsal.session() as session:
        if target.startswith("cases/"):
            with open_warehouse(session.settings.warehouse) as warehouse:
                scope |= {
                    warehouse.run("SELECT contact FROM staged.treatment_case WHERE source_id = ?", [target[6:]])[0][0]
                }
        run_load(session, rehearsal.plan(session, scope), kinds=KINDS)
        there = {one["id"]: one["sha256"] for one in rehearsal.state()["documents"]}
        sent = {}
        for one in ids:
            identity = find_identity(session.ledger, "attachments", one)
            sent[identity.destination_id] = last_image(session.ledger, identity.operation_id, "sent")["sha256"]
    assert len(ids) > 1
    assert sent == there
    assert rehearsal.doubles_and_losses(scope) == NOTHING_WRONG


@pytest.mark.parametrize("module", slice_of(["contacts", "sales_accounts", "deals"], every=3))
def test_a_field_that_is_not_unique_is_worked_around_without_a_double(rehearsal: Rehearsal, module: str) -> None:
    state = rehearsal.transport.app.state.tenant.state
    for one in state.schema["custom_fields"][module]:
        if one["name"] == "cf_source_system_id":
            one["unique"] = False
    scope = rehearsal.few(12, 1, all_accounts=True)
    rehearsal.order("drop_after", f"POST /{module}$", nth=2)
    rehearsal.order("drop_before", f"POST /{module}$", nth=4)
    rehearsal.load(scope)
    assert rehearsal.doubles_and_losses(scope) == NOTHING_WRONG
