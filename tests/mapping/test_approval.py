"""A signature binds what was read: one byte changed, another snapshot, tenant or plan voids it, and the message says what."""

from __future__ import annotations

import pytest

from workbench.errors import ApprovalMissing
from workbench.mapping.approval import (
    APPROVED,
    approved_map,
    covering,
    last_signature,
    load_binds,
    mapping_binds,
    read_signatures,
    require,
    sign,
    standing_signatures,
    void,
)
from workbench.vocabulary import Lock

AT = "2026-11-24T09:00:00+00:00"
WAY_OUT = (
    " It opens setup, stage, validate and sample.\n"
    "Read this run's page 35_premapping.html (newest folder of data/runs), then sign it:"
    ' workbench approve --by "YOUR NAME" --what mapping'
)


def sign_mapping(settings, *, snapshot="s1", tenant="t1"):
    binds = mapping_binds(settings, snapshot, tenant)
    return sign(settings, Lock.MAPPING, by="Dana", at=AT, tenant=tenant, binds=binds)


def refusal(settings, *, snapshot="s1", tenant="t1") -> str:
    with pytest.raises(ApprovalMissing) as stopped:
        require(settings, Lock.MAPPING, mapping_binds(settings, snapshot, tenant))
    return str(stopped.value)


def test_nothing_signed_says_what_to_type(little):
    assert refusal(little.settings) == "The mapping approval is not signed yet." + WAY_OUT
    assert refusal(little.real) == "The mapping approval is not signed yet." + WAY_OUT + " --target freshsales"


def test_a_signature_opens_what_it_binds(little):
    signed = sign_mapping(little.settings)
    assert require(little.settings, Lock.MAPPING, mapping_binds(little.settings, "s1", "t1")) == signed
    assert (signed.by, signed.at, signed.target, signed.tenant) == ("Dana", AT, "rehearsal", "t1")


def test_one_byte_changed_voids_it_and_names_the_file(little):
    sign_mapping(little.settings)
    path = little.folder / "mappings/objects/person.toml"
    path.write_text(path.read_text() + "\n")
    assert refusal(little.settings) == (
        "The mapping approval of Dana is void: 1 decision file changed since (mappings/objects/person.toml)." + WAY_OUT
    )
    little.values("names", "a,keep,")
    little.write("expectations/staged/person.json", "{}")
    assert (
        "3 decision files changed since (expectations/staged/person.json, mappings/objects/person.toml, mappings/values/names.csv)."
        in (refusal(little.settings))
    )


def test_where_deliveries_lie_is_no_decision_and_the_rest_of_the_settings_is(little):
    moved = little.write("migration.toml", '[source]\nexports = "elsewhere"\n')
    sign_mapping(little.settings)
    moved.write_text('[source]\nexports = "data/exports"\n')
    assert require(little.settings, Lock.MAPPING, mapping_binds(little.settings, "s1", "t1")).by == "Dana"
    moved.write_text('[source]\nexports = "data/exports"\nid_prefix = "north-"\n')
    assert "1 decision file changed since (migration.toml)" in refusal(little.settings)


def test_a_file_taken_away_voids_it_too_and_putting_it_back_heals_it(little):
    path = little.values("names", "a,keep,")
    text = path.read_text()
    sign_mapping(little.settings)
    path.unlink()
    assert "1 decision file changed since (mappings/values/names.csv)" in refusal(little.settings)
    path.write_text(text)
    assert require(little.settings, Lock.MAPPING, mapping_binds(little.settings, "s1", "t1")).by == "Dana"


@pytest.mark.parametrize(
    ("other", "what"),
    [
        pytest.param({"snapshot": "s2"}, "snapshot", id="snapshot"),
        pytest.param({"tenant": "t2"}, "tenant", id="tenant"),
        pytest.param({"snapshot": "s2", "tenant": "t2"}, "snapshot and tenant", id="both"),
    ],
)
def test_another_snapshot_or_tenant_voids_it(little, other, what):
    sign_mapping(little.settings)
    assert refusal(little.settings, **other) == (
        f"The mapping approval of Dana is void: another {what} than it was signed for." + WAY_OUT
    )


def test_the_load_lock_binds_the_mapping_approval_the_plan_and_the_diff(little):
    binds = load_binds(sign_mapping(little.settings), "plan", "diff")
    sign(little.settings, Lock.LOAD, by="Dana", at=AT, tenant="t1", binds=binds)
    assert require(little.settings, Lock.LOAD, binds).by == "Dana"
    for changed, what in (({"plan": "other"}, "plan"), ({"diff": "other"}, "diff")):
        with pytest.raises(ApprovalMissing) as stopped:
            require(little.settings, Lock.LOAD, binds | changed)
        assert str(stopped.value).splitlines() == [
            f"The load approval of Dana is void: another {what} than it was signed for. It opens load, attachments and delta.",
            "Read this run's page 70_sample.html, the sample's field diff (newest folder of data/runs), then sign it:"
            ' workbench approve --by "YOUR NAME" --what load',
        ]


def test_signing_the_mapping_again_voids_the_load_approval(little):
    before = load_binds(sign_mapping(little.settings), "plan", "diff")
    sign(little.settings, Lock.LOAD, by="Dana", at=AT, tenant="t1", binds=before)
    binds = mapping_binds(little.settings, "s1", "t1")
    again = sign(little.settings, Lock.MAPPING, by="Lee", at="2026-11-25T09:00:00+00:00", tenant="t1", binds=binds)
    with pytest.raises(ApprovalMissing, match="another mapping than it was signed for"):
        require(little.settings, Lock.LOAD, load_binds(again, "plan", "diff"))


def sign_both(little):
    mapping = sign_mapping(little.settings)
    sign(little.settings, Lock.LOAD, by="Dana", at=AT, tenant="t1", binds=load_binds(mapping, "plan", "diff"))
    return mapping


def test_a_load_approval_covers_deltas_for_fourteen_days(little):
    mapping = sign_both(little)
    assert covering(little.settings, at=AT, tenant="t1") == mapping
    assert covering(little.settings, at="2026-12-08T09:00:00+00:00", tenant="t1") == mapping
    assert covering(little.settings, at="2026-12-08T09:00:01+00:00", tenant="t1") is None


def test_a_delta_is_covered_by_nothing_less_than_both_locks_over_the_very_decisions_of_now(little):
    sign_mapping(little.settings)
    assert covering(little.settings, at=AT, tenant="t1") is None
    sign_both(little)
    assert covering(little.settings, at=AT, tenant="t2") is None
    decided = little.values("names", "a,keep,")
    assert covering(little.settings, at=AT, tenant="t1") is None
    decided.unlink()
    assert covering(little.settings, at=AT, tenant="t1") is not None
    void(little.settings, Lock.LOAD, by="rollback", at=AT)
    assert covering(little.settings, at=AT, tenant="t1") is None
    assert list(standing_signatures(little.settings)) == [Lock.MAPPING]
    sign_both(little)
    assert {lock: one.by for lock, one in standing_signatures(little.settings).items()} == {
        Lock.MAPPING: "Dana",
        Lock.LOAD: "Dana",
    }
    sign_mapping(little.settings, snapshot="s2")
    assert covering(little.settings, at=AT, tenant="t1") is None


def test_an_approval_taken_back_opens_nothing_until_it_is_signed_again(little):
    sign_mapping(little.settings)
    void(little.settings, Lock.MAPPING, by="Lee", at=AT)
    assert refusal(little.settings).startswith("The mapping approval was taken back by Lee.")
    void(little.settings, Lock.MAPPING, by="Lee", at=AT)
    sign_mapping(little.settings)
    assert require(little.settings, Lock.MAPPING, mapping_binds(little.settings, "s1", "t1")).by == "Dana"
    assert [one.voided for one in read_signatures(little.settings)] == [False, True, False]


def test_a_rehearsal_never_signs_for_a_real_target(little):
    sign_mapping(little.settings)
    assert last_signature(little.real, Lock.MAPPING) is None
    little.write("mappings/approvals.jsonl", little.settings.approvals.read_text())
    assert refusal(little.real).startswith("The mapping approval of Dana was signed for the target rehearsal. It opens")


def kept(settings) -> dict[str, str]:
    folder = settings.approvals.parent / APPROVED
    return {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in sorted(folder.rglob("*.csv"))}


def test_signing_keeps_the_value_maps_byte_for_byte_and_they_decide_nothing(little):
    names = little.values("names", "a,map,A", "b,ask,").read_text()
    own = little.write("data/rehearsal/decisions/names.csv", names.replace("a,map,A", "a,map,B")).read_text()
    before = mapping_binds(little.settings, "s1", "t1")
    sign_mapping(little.settings)
    assert kept(little.settings) == {"decisions/names.csv": own, "values/names.csv": names}
    assert mapping_binds(little.settings, "s1", "t1") == before
    assert kept(little.real) == {}
    real = sign_mapping(little.real)
    assert kept(little.real) == {"values/names.csv": names}
    assert mapping_binds(little.real, "s1", "t1") == real.binds
    assert approved_map(little.settings, "names").values.find("a").answer == "B"
    assert approved_map(little.real, "names").values.find("a").answer == "A"


def test_what_was_approved_is_read_from_the_last_approval_alone(little):
    assert approved_map(little.settings, "names") is None
    gone = little.values("others", "x,keep,")
    little.values("names", "a,map,A")
    sign_mapping(little.settings)
    gone.unlink()
    little.values("names", "a,map,B")
    found = approved_map(little.settings, "names")
    assert (found.by, found.at, found.values.find("a").answer) == ("Dana", AT, "A")
    sign_mapping(little.settings)
    assert list(kept(little.settings)) == ["values/names.csv"]
    assert approved_map(little.settings, "names").values.find("a").answer == "B"
    assert approved_map(little.settings, "others").values.rows == {}


def test_a_line_that_is_no_signature_counts_for_nobody(little):
    sign_mapping(little.settings)
    little.settings.approvals.write_text(little.settings.approvals.read_text() + '{"lock": "maping"}\n')
    assert refusal(little.settings) == (
        "Line 2 of approvals.jsonl is no signature, so none of them counts."
        " Restore the file (git checkout), or remove the line and sign again."
    )
