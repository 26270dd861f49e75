"""migration.toml: every key is known, every problem is named at once, and paths start at its folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.errors import SettingsProblem
from workbench.settings import DEFAULTS, NO_ENCRYPTION, find_migration, read_settings
from workbench.vocabulary import Edition, Plan, Target

ROOT = Path(__file__).parents[1]


def write(folder: Path, text: str) -> Path:
    (folder / "migration.toml").write_text(text, "utf-8")
    return folder


def problems_of(folder: Path, text: str) -> list[str]:
    with pytest.raises(SettingsProblem) as stopped:
        read_settings(write(folder, text))
    return [line.strip() for line in str(stopped.value).splitlines()]


def test_what_is_left_out_has_its_default(tmp_path):
    settings = read_settings(write(tmp_path, '[practice]\nname = "Lakeside"\n'))
    assert settings["practice.name"] == "Lakeside"
    assert settings["practice.time_zone"] == DEFAULTS["practice"]["time_zone"]
    assert (settings.edition, settings.plan, settings.target) == (Edition.SUITE, Plan.ENTERPRISE, Target.REHEARSAL)


def test_the_shipped_file_names_every_key_with_a_remark():
    settings = read_settings(ROOT)
    text = (ROOT / "migration.toml").read_text()
    for section, keys in DEFAULTS.items():
        assert f"[{section}]" in text
        for key in keys:
            assert f"\n{key} = " in text
    assert settings.is_sample


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param(
            "[freshsale]\nplan = 'pro'", "[freshsale]: no such section; did you mean 'freshsales'?", id="section"
        ),
        pytest.param("[freshsales]\npaln = 'pro'", "[freshsales] paln: no such key; did you mean 'plan'?", id="key"),
        pytest.param("policy = 3", "policy: is a section, not a value", id="value for a section"),
        pytest.param("[freshsales]\nusers = 'ten'", "[freshsales] users: int expected", id="kind"),
        pytest.param("[freshsales]\nusers = true", "[freshsales] users: int expected", id="truth for a number"),
        pytest.param("[freshsales]\nusers = 0", "[freshsales] users: 1 or more", id="nobody"),
        pytest.param(
            "[freshsales]\nrequests_per_hour = -1", "[freshsales] requests_per_hour: 1 or more", id="negative"
        ),
        pytest.param(
            "[freshsales]\nplan = 'gold'", "[freshsales] plan: one of free, growth, pro, enterprise", id="plan"
        ),
        pytest.param("[freshsales]\nedition = 'Suite'", "[freshsales] edition: one of suite, classic", id="edition"),
        pytest.param("[freshsales]\nreserve = 1", "[freshsales] reserve: a share from 0 to below 1", id="reserve"),
        pytest.param(
            "[practice]\ntime_zone = 'Central'", "[practice] time_zone: 'Central' is no IANA time zone", id="zone"
        ),
        pytest.param("[policy]\nshared_email = 'gaurantor'", "[policy] shared_email: guarantor or off", id="policy"),
        pytest.param(
            "[policy]\nfallback_owner = 'Dana'", "[policy] fallback_owner: an e-mail, or empty", id="fallback owner"
        ),
        pytest.param(
            "[policy]\ndelta_limit = '5%'",
            "[policy] delta_limit: a share or a number of rows, whichever is more, as '2% or 50'",
            id="delta limit",
        ),
        pytest.param(
            "[policy]\nconflicts = 'theirs'", "[policy] conflicts: one of destination, source, ask", id="conflicts"
        ),
        pytest.param(
            "[policy]\nconflicts = 'newest'",
            "[policy] conflicts: Freshsales stamps records, not fields, so nobody can tell which side changed a field last;"
            " take destination, source or ask",
            id="newest",
        ),
        pytest.param("[privacy]\nencrypt = true", f"[privacy] encrypt: {NO_ENCRYPTION}", id="a weak mode"),
        pytest.param(
            "[privacy]\nreviewers = ['Ann Lee', ' ']",
            '[privacy] reviewers: names of people, as ["Ann Lee"]',
            id="a reviewer without a name",
        ),
        pytest.param("[privacy]\nkeep_years = 0", "[privacy] keep_years: 1 to 100 years", id="kept for no time"),
        pytest.param("[privacy]\nkeep_years = 6.5", "[privacy] keep_years: int expected", id="half a year"),
        pytest.param(
            "[policy]\nexisting = 'newest'", "[policy] existing: only 'hold' works in this version", id="later"
        ),
    ],
)
def test_a_slip_is_an_error_and_never_a_silent_default(tmp_path, text, problem):
    assert problems_of(tmp_path, text) == ["migration.toml has 1 problem:", problem]


def test_all_problems_are_named_at_once(tmp_path):
    assert len(problems_of(tmp_path, "[freshsales]\nplan = 'gold'\nusers = 0\n[polcy]\n")) == 4


def test_a_file_that_is_no_toml_is_one_sentence(tmp_path):
    assert problems_of(tmp_path, "[practice\n")[0].startswith("migration.toml cannot be read: ")
    (tmp_path / "migration.toml").write_bytes("name = 'Café'".encode("cp1252"))
    with pytest.raises(SettingsProblem, match=r"migration\.toml cannot be read: "):
        read_settings(tmp_path)


def test_an_unknown_target_is_refused(tmp_path):
    with pytest.raises(SettingsProblem, match="There is no target 'freshsale'; there are rehearsal and freshsales"):
        read_settings(write(tmp_path, ""), "freshsale")


def test_the_folder_is_found_from_below_and_named_when_missing(tmp_path):
    below = write(tmp_path, "") / "notebooks" / "deep"
    below.mkdir(parents=True)
    assert find_migration(below) == tmp_path
    assert read_settings(below).folder == tmp_path
    (tmp_path / "migration.toml").unlink()
    with pytest.raises(
        SettingsProblem, match=r"No migration\.toml in deep or any folder above it\..*workbench init DIR"
    ):
        find_migration(below)


def test_a_rehearsal_keeps_its_decisions_to_itself(tmp_path):
    rehearsal, real = read_settings(write(tmp_path, "")), read_settings(tmp_path, "freshsales")
    assert rehearsal.own_decisions == tmp_path / "data" / "rehearsal" / "decisions"
    assert rehearsal.values_folders == [rehearsal.matches, tmp_path / "mappings" / "values", rehearsal.own_decisions]
    assert real.values_folders == [real.matches, tmp_path / "mappings" / "values"]
    assert real.own_decisions == real.values_folders[-1]
    assert (rehearsal.approvals.parent, real.approvals) == (
        rehearsal.own_decisions,
        tmp_path / "mappings" / "approvals.jsonl",
    )
    assert rehearsal.ledger != real.ledger


def test_exports_start_at_the_folder_of_the_file(tmp_path):
    assert (
        read_settings(write(tmp_path, "[source]\nexports = 'in/export.zip'")).exports == tmp_path / "in" / "export.zip"
    )
    assert not read_settings(tmp_path).is_sample


def test_a_delta_limit_is_a_share_or_a_number_of_rows_whichever_is_more(tmp_path):
    (tmp_path / "migration.toml").write_text("[policy]\ndelta_limit = '2.5% or 40'")
    limit = read_settings(tmp_path).delta_limit
    assert [limit.of(rows) for rows in (0, 1_000, 1_600, 4_000)] == [40, 40, 40, 100]
    assert str(limit) == "2.5 % of them or 40 rows"
