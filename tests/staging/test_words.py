"""Texts lose what is dangerous and nothing else; the marker finds them again."""

from __future__ import annotations

import pytest

from workbench.canonical import plain
from workbench.reconcile.readback import MARKER
from workbench.staging.problems import UnreadableError
from workbench.staging.words import activity_title, long_text, marker, marker_word, printable, rich_text, with_marker


@pytest.mark.parametrize(
    ("body", "kind", "html"),
    [
        pytest.param("BP < 120 & fine", "plain", "BP &lt; 120 &amp; fine", id="plain is escaped"),
        pytest.param("one\r\ntwo\nthree", "plain", "one<br>two<br>three", id="lines stay"),
        pytest.param("one", None, "one", id="no format is plain"),
        pytest.param("<b>bold</b><script>alert(1)</script>", "html", "<b>bold</b>", id="script goes with its text"),
        pytest.param('<p onclick="x()">hi</p>', "HTML", "<p>hi</p>", id="handlers go"),
        pytest.param(
            '<a href="javascript:x()">l</a>', "html", '<a rel="noopener noreferrer">l</a>', id="script links go"
        ),
        pytest.param('<img src="file:///c/x.png">seen', "html", "seen", id="images go"),
        pytest.param("<div><p>a</p></div>", "html", "<p>a</p>", id="unknown tags keep their text"),
        pytest.param(
            r"{\rtf1\ansi Patient \b agreed\b0 .\par Next week}", "rtf", "Patient agreed.<br>Next week", id="rtf"
        ),
        pytest.param(r"{\rtf1\ansi caf\'e9 <b>}", "rtf", "café &lt;b&gt;", id="rtf with a letter of its code page"),
        pytest.param("  ", "plain", None, id="blank"),
        pytest.param(None, "html", None, id="none"),
    ],
)
def test_a_note_becomes_safe_html(body, kind, html):
    assert rich_text(body, kind) == html


def test_rtf_without_words_holds_the_note():
    with pytest.raises(UnreadableError) as caught:
        rich_text(r"{\rtf1{\pict 0102}}", "rtf")
    assert (caught.value.rule, str(caught.value.severity)) == ("rtf", "hold")


def test_rtf_with_bytes_outside_its_code_page_is_read_all_the_same():
    assert "Dana" in rich_text(r"{\rtf1\ansi\ansicpg1252 Dana \'81 called}", "rtf")


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("a\x00b", "ab"),
        ("a\x1eb", "a b"),
        ("a\x0cb", "a\nb"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("café 🦷", "café 🦷"),
        ("a\x7f", "a"),
    ],
)
def test_control_characters_are_cut(value, kept):
    assert printable(value) == kept


def test_long_text_keeps_its_lines():
    assert long_text("  one  \n\n two \n") == "one\n\n two"
    assert long_text(" \n ") is None


@pytest.mark.parametrize(
    ("kind", "body", "title"),
    [
        pytest.param("Phone", "short", "Phone: short", id="short"),
        pytest.param("Phone", "x" * 80, "Phone: " + "x" * 60, id="sixty characters"),
        pytest.param("Text", "one\n\n two", "Text: one two", id="blanks folded"),
        pytest.param("Email", "", "Email", id="no words"),
    ],
)
def test_an_activity_is_titled_by_its_first_words(kind, body, title):
    assert activity_title(kind, body, "plain") == title


def test_the_marker_names_row_time_author_and_completion():
    assert marker("notes", "N-1042", "2021-03-04T14:05:00-06:00", "mreyes@example.com", None) == (
        "[Dental-Exec notes/N-1042 · 2021-03-04T14:05:00-06:00 · mreyes@example.com]"
    )
    assert marker("tasks", "K-1", "t", "", "2021-03-05T09:00:00-06:00").endswith(
        " · no author · completed 2021-03-05T09:00:00-06:00]"
    )


@pytest.mark.parametrize(
    "source_id", ["N-1042", "N 1042", "N'10\"42", "50%", "N]1·2", "Zoë/7", "a&b<c>", "employer:dr-lund", "N\t1"]
)
@pytest.mark.parametrize("is_html", [True, False])
def test_any_id_is_one_word_in_a_marker_and_comes_back(source_id, is_html):
    text = with_marker("body", marker("notes", source_id, "t", "Dana <d@x.com>", None), is_html=is_html)
    assert text.startswith("body<br>" if is_html else "body\n")
    (found,) = MARKER.finditer(text)
    assert found["id"] == marker_word(source_id)
    assert " " not in found["id"]


def test_ordinary_ids_stand_in_a_marker_as_they_are():
    for source_id in ("N-1042", "employer:dr-lund", "P_7.1", "Zoë"):
        assert marker_word(source_id) == source_id


def test_a_text_without_words_is_its_marker_alone():
    assert with_marker(None, "[m]", is_html=True) == "[m]"
    assert plain(with_marker("a", "[m & n]", is_html=True)) == "a [m & n]"
