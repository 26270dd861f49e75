"""Custom fields are named as Freshsales would name them."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.mapping.custom_fields import Rank, read_custom_fields, slug

MAPPINGS = Path(__file__).parents[2] / "mappings"


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("Source System Id", "cf_source_system_id"),
        ("Cargo Type(s)", "cf_cargo_type_s_"),
        ("No-Go Types", "cf_no-go_types"),
        ("NPI", "cf_npi"),
    ],
)
def test_a_label_becomes_a_name_as_freshsales_makes_it(label, name):
    assert slug(label) == name


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        pytest.param(
            'label = "Plan Type"\ntype = "tekst"',
            ["type: one of text, textarea, number, dropdown, checkbox, date, date_time_split, date_time, datetime"],
            id="type",
        ),
        pytest.param(
            'label = "Plan Type"\ntype = "text"\nrank = "high"', ["rank: one of must, should, nice"], id="rank"
        ),
        pytest.param('label = "Plan"\ntype = "text"', ["label: Freshsales would name 'Plan' 'cf_plan'"], id="label"),
        pytest.param(
            'label = "Plan Type"\ntype = "dropdown"', [": a dropdown needs choices or choices_from"], id="no choices"
        ),
        pytest.param('label = "Plan Type"\ntype = "text"\nuniqe = true', [": no key named 'uniqe'"], id="key"),
    ],
)
def test_a_mistake_is_named_with_its_field(tmp_path, text, problems):
    path = tmp_path / "contacts.toml"
    path.write_text(f"[cf_plan_type]\n{text}\n")
    assert read_custom_fields(path) == ([], [f"[cf_plan_type]{'' if one[0] == ':' else ' '}{one}" for one in problems])


def test_a_text_holds_256_characters_and_a_text_area_10_000(tmp_path):
    path = tmp_path / "deals.toml"
    path.write_text(
        "".join(
            f'[cf_{kind}]\nlabel = "{kind}"\ntype = "{kind}"\nrank = "nice"\n' for kind in ("text", "textarea", "date")
        )
    )
    fields, _ = read_custom_fields(path)
    assert [(one.module, one.name, one.max_length, one.rank) for one in fields] == [
        ("deals", "cf_text", 256, Rank.NICE),
        ("deals", "cf_textarea", 10_000, Rank.NICE),
        ("deals", "cf_date", None, Rank.NICE),
    ]


@pytest.mark.parametrize("path", sorted((MAPPINGS / "custom_fields").glob("*.toml")), ids=lambda path: path.stem)
def test_every_shipped_field_is_sound_and_each_module_keeps_the_source_id(path):
    fields, problems = read_custom_fields(path)
    assert problems == []
    assert [one.name for one in fields if one.unique] == ["cf_source_system_id"]
