"""A text longer than its field becomes several records; each word of it stands in one of them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.canonical import plain
from workbench.staging.words import in_parts, rich_text, split_html

TAGGED = st.recursive(
    st.text(st.sampled_from("ab &<>é\n\t;"), max_size=30).map(lambda text: rich_text(text, "plain") or ""),
    lambda inner: st.builds(
        lambda tag, parts: f"<{tag}>{''.join(parts)}</{tag}>",
        st.sampled_from(["p", "b", "ul", "em"]),
        st.lists(inner, max_size=4),
    ),
    max_leaves=12,
)
NOTE = """
kind = "record"
destination = "note"
[source]
from = "notes"
[fields]
description = { from = ["body", "body_format"], via = "rich_text", marker = ["written_at", "author"], split = true }
[lookups]
target = { from = "related_id", by = "related", to = { people = "people" }, required = true }
"""


def bare(text: str) -> str:
    """What a reader sees, without blanks: where a text is cut there may be one more or one less."""
    return re.sub(r"\s", "", plain(text))


@given(TAGGED, st.integers(60, 200))
def test_no_character_is_lost_and_every_part_fits_and_closes_its_tags(text, room):
    parts = split_html(text, room)
    assert "".join(bare(part) for part in parts) == bare(text)
    assert all(len(part) <= room for part in parts)
    assert all(len(re.findall(r"<\w", part)) == len(re.findall(r"</", part)) + part.count("<br>") for part in parts)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        pytest.param("one two", ["one two"], id="short enough"),
        pytest.param(
            "Dana asked about the crown and will call again",
            ["(1/2) Dana asked about the crown and ", "(2/2) will call again"],
            id="between words",
        ),
        pytest.param(
            "<b>Dana asked about the crown and called</b>",
            ["(1/2) <b>Dana asked about the </b>", "(2/2) <b>crown and called</b>"],
            id="inside a tag",
        ),
        pytest.param("x" * 50, ["(1/2) " + "x" * 32, "(2/2) " + "x" * 18], id="one long word"),
    ],
)
def test_a_long_text_is_numbered_and_cut_between_words(text, parts):
    assert in_parts(text, 40) == parts


def staged(little, words: int):
    little.source("notes", "-- object: notes\n-- key: note_id\nSELECT * FROM raw.notes")
    little.mapping("note", NOTE)
    body = " ".join(f"word{place:05}" for place in range(words))
    rows = f"N1,{body},plain,2021-03-04 09:00:00,dana@x.com,people,C1\nN2,{body},plain,2021-03-04 09:00:00,d,people,\n"
    little.land(notes="note_id,body,body_format,written_at,author,related,related_id\n" + rows)
    little.stage()
    return body


def test_a_note_above_ten_thousand_characters_becomes_several_each_with_a_marker_of_its_own(little):
    body = staged(little, 1500)
    found = little.staged("note", "source_id", "description", "target")
    assert [row[0] for row in found] == ["N1", "N1:part-2", "N2", "N2:part-2"]
    assert all(len(row[1]) <= 10_000 for row in found)
    texts = [re.sub(r"<br>\[.*\]$", "", row[1]) for row in found[:2]]
    assert [text[:6] for text in texts] == ["(1/2) ", "(2/2) "]
    assert " ".join(text[6:].strip() for text in texts) == body
    assert [row[1][row[1].index("[Dental-Exec") :].split(" · ")[0] for row in found[:2]] == [
        "[Dental-Exec notes/N1",
        "[Dental-Exec notes/N1:part-2",
    ]
    assert {row[2] for row in found[:2]} == {"people/C1"}


def test_parts_are_rows_of_their_mapping_and_held_together(little):
    staged(little, 1500)
    claims = little.rows("SELECT source_id, mapping FROM staged.claims WHERE source_object = 'notes' ORDER BY ALL")
    assert claims == [(one, "note") for one in ("N1", "N1:part-2", "N2", "N2:part-2")]
    assert [row[:2] for row in little.problems()] == [("N2", "target"), ("N2:part-2", "target")]


def test_a_note_that_fits_stays_one(little):
    staged(little, 900)
    assert [row[0] for row in little.staged("note", "source_id")] == ["N1", "N2"]
