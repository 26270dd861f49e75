"""Whatever people edit before a rollback: it changes no field that they changed, and restores every other one."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loads import Rehearsal, rehearse
from over_theirs import Written

from workbench.load.rollback import plan_rollback, roll_back
from workbench.load.survey import Case

EXAMPLES = 60 if os.environ.get("WORKBENCH_CAMPAIGN") else 3
PLAIN = (
    "job_title",
    "city",
    "state",
    "address",
    "zipcode",
    "last_name",
    "first_name",
    "keyword",
    "subscription_status",
)
CUSTOM = ("cf_referral_source", "cf_employer", "cf_language", "cf_chart_number")
STAMPS = {"updated_at", "updater_id", "last_assigned_at", "display_name", "last_contacted", "links", "lead_score"}
"""What Freshsales writes itself."""
Record = dict[str, Any]


def flat(record: Record) -> Record:
    """A record's fields as people see them: an empty one is none, of lists the values count."""
    fields = record | record["custom_field"]
    fields["emails"] = sorted((one["value"], bool(one.get("is_primary"))) for one in record.get("emails") or [])
    fields["sales_accounts"] = sorted(one["id"] for one in record.get("sales_accounts") or [])
    fields["phone_numbers"] = sorted(one["value"] for one in record.get("phone_numbers") or [])
    return {
        name: value
        for name, value in fields.items()
        if name not in STAMPS | {"custom_field"} and value not in (None, "", [])
    }


values = st.one_of(st.sampled_from(["back", "as written"]), st.text("abc é", min_size=1, max_size=6).map(str.strip))
edits = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from([*PLAIN, *CUSTOM]), values, st.integers(0, 3)), max_size=6
)
others = st.lists(st.tuples(st.sampled_from(["note", "delete"]), st.integers(0, 2)), max_size=2)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
@given(edits=edits, others=others)
def test_a_rollback_changes_no_field_that_a_person_changed_and_restores_every_other(
    written: Written, edits: list[tuple[int, str, str, int]], others: list[tuple[str, int]]
) -> None:
    with tempfile.TemporaryDirectory() as folder, rehearse(written.practice, Path(folder)) as made:
        people = [written.number, *(one["id"] for one in made.state()["contacts"] if one["id"] != written.number)]
        as_written = {one["id"]: one for one in made.state()["contacts"]}
        for person, *what in edits:
            edit(made, written, people[person % len(people)], *what)
        noted, deleted = set(), set()
        for kind, person in others:
            chosen = people[person % len(people)]
            if chosen in noted | deleted:
                continue
            if kind == "note":
                noted.add(chosen)
                body = {"description": "Call back", "targetable_type": "Contact", "targetable_id": chosen}
                with made.session() as session:
                    session.tenant.call("POST", "/notes", json={"note": body})
            else:
                deleted.add(chosen)
                made.admin("delete", {"entity": "contacts", "id": chosen})
        before = {one["id"]: one for one in made.state()["contacts"]}
        with made.session() as session:
            foreseen = plan_rollback(session)
        with made.session() as session:
            done = roll_back(session)
        assert [(one.identity, one.case) for one in done.verdicts] == [
            (one.identity, one.case) for one in foreseen.verdicts
        ]
        after = {one["id"]: one for one in made.state()["contacts"]}
        cases = {
            one.identity.destination_id: one.case for one in done.verdicts if one.identity.destination == "contact"
        }
        for number in set(people) - deleted:
            changed = {
                name
                for name in {*flat(before[number]), *flat(as_written[number])}
                if flat(before[number]).get(name) != flat(as_written[number]).get(name)
            }
            if number == written.number:
                wanted = flat(written.before)
                wanted |= {name: value for name, value in flat(before[number]).items() if name in changed}
                wanted = {
                    name: value for name, value in wanted.items() if name not in changed or name in flat(before[number])
                }
                assert flat(after[number]) == wanted
            elif changed or number in noted:
                assert after[number] == before[number]
                assert cases[number] in (Case.EDITED, Case.HANGING)
            else:
                assert number not in after, "what nobody touched is gone"
        for number in deleted:
            assert number not in after and cases[number] is Case.GONE


def edit(made: Rehearsal, written: Written, number: int, *what: Any) -> None:
    """Change one field of a person as a user would, also to what stood there before us, or to what we wrote."""
    name, value, pick = what
    source = {"back": written.before, "as written": written.after}.get(value)
    if name == "subscription_status":
        chosen: Any = pick % 3 if source is None else source[name]
    elif source is None:
        chosen = value or None
    else:
        chosen = source["custom_field"].get(name) if name.startswith("cf_") else source.get(name)
    if name == "last_name" and not chosen:
        return
    changes = {"custom_field": {name: chosen}} if name.startswith("cf_") else {name: chosen}
    made.admin("edit", {"entity": "contacts", "id": number, "changes": changes})
