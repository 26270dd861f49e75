"""A page holds prose, our own tables and our own pictures; everything else an executed notebook holds stays out."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from workbench.reports.page import render_page, show_facts, show_list, show_note, show_table
from workbench.reports.pictures import Picture

FRAME = pl.DataFrame({"spelling": ["Delta Dntl <b>", None], "records": [12345, 2], "share": [0.5, 1.0]})
SECRET = "Marisol"
LEADS = {"metadata": {"tags": ["lead"]}}


def markdown(text: str) -> dict[str, object]:
    return {"cell_type": "markdown", "source": text, "metadata": {}}


def code(*outputs: object, tags: tuple[str, ...] = ()) -> dict[str, object]:
    return {"cell_type": "code", "source": f"print('{SECRET}')", "outputs": list(outputs), "metadata": {"tags": tags}}


def display(**data: str) -> dict[str, object]:
    return {"output_type": "display_data", "data": {name.replace("__", "/"): text for name, text in data.items()}}


def shown(what: object) -> dict[str, object]:
    return {"output_type": "execute_result", "data": what._repr_mimebundle_()}


def page(folder: Path, *cells: object, target: str = "rehearsal", **more: Any) -> str:
    notebook = {
        "cells": list(cells),
        "metadata": {"papermill": {"parameters": {"name": SECRET}}, "widgets": {"state": SECRET}},
    }
    (folder / "executed.ipynb").write_text(json.dumps(notebook))
    out = folder / "pages" / "22.html"
    render_page(folder / "executed.ipynb", out, title="Profile carriers", run="r-17", target=target, **more)
    return out.read_text("utf-8")


def body(html: str) -> str:
    return html.partition("<main>")[2].partition("</main>")[0].strip()


def test_a_table_is_escaped_counted_and_aligned():
    html = show_table(FRAME, "Spellings & records").html
    assert "<caption>Spellings &amp; records</caption>" in html
    assert '<th class="n" scope="col">Records</th>' in html
    assert '<td>Delta Dntl &lt;b&gt;</td><td class="n">12,345</td><td class="n">0.50</td>' in html
    assert '<td>–</td><td class="n">2</td><td class="n">1</td>' in html


def test_a_long_text_keeps_its_room_on_the_page(tmp_path: Path):
    frame = pl.DataFrame({"mapping": ["notes"], "why": ["moves to a real target only under a signed agreement"]})
    html = page(tmp_path, code(shown(show_table(frame, "Mappings"))))
    assert '<td>notes</td><td class="long">moves to a real target' in html


def test_a_table_says_how_many_rows_it_leaves_out():
    frame = pl.DataFrame({"records": list(range(1_241))})
    assert "… and 1,201 more rows" in show_table(frame, "All").html
    assert "… and 1 more row<" in show_table(frame.head(41), "All").html
    assert "more row" not in show_table(frame.head(40), "All").html


@pytest.mark.parametrize(
    ("what", "plain"),
    [
        pytest.param(show_table(FRAME, "Spellings"), "Spellings: 2 rows", id="table"),
        pytest.param(show_facts({"Patients": 1}, "The snapshot"), "The snapshot: 1 fact", id="facts"),
        pytest.param(show_list(["Marisol Reyes"], "People"), "People: 1 item", id="list"),
        pytest.param(show_note("Marisol Reyes", "warn"), "Look here (see the page)", id="note"),
    ],
)
def test_the_plain_text_of_what_is_shown_holds_no_values(what, plain):
    assert what._repr_mimebundle_()["text/plain"] == repr(what) == plain


@pytest.mark.parametrize(
    "what",
    [
        pytest.param(show_table(FRAME, "Spellings"), id="table"),
        pytest.param(show_table(FRAME.clear(), "Nothing"), id="empty table"),
        pytest.param(show_facts({"Patients": 1, "Approved": True, "Since": None}, "The snapshot"), id="facts"),
        pytest.param(show_list(["one", 2, "<i>"], "Next"), id="list"),
        pytest.param(show_note("first\nsecond", "stop"), id="note"),
    ],
)
def test_what_we_show_comes_onto_the_page_unchanged(tmp_path, what):
    assert what.html in body(page(tmp_path, code(shown(what))))


def test_prose_keeps_its_words_and_loses_html_and_links(tmp_path):
    text = "## Next\n\nSee [the next](31_map.ipynb), ![x](http://example.com/x.png) <script>x</script>."
    html = body(page(tmp_path, markdown(text)))
    assert html.splitlines() == ["<h2>Next</h2>", "<p>See the next, x &lt;script&gt;x&lt;/script&gt;.</p>"]


def test_how_a_page_was_made_stands_at_its_end_without_the_title(tmp_path):
    first = markdown("# Profile carriers\n\n**Reads** `raw`.\n**Decides** nobody.\nAnd more.")
    html = page(tmp_path, first, code(shown(show_note("Found.", "done"))))
    assert "Reads" not in body(html)
    made = html.partition("<h2>How this page was made</h2>")[2].partition("</aside>")[0].strip()
    assert made == ("<p><strong>Reads</strong> <code>raw</code>.<br>\n<strong>Decides</strong> nobody.\nAnd more.</p>")


def order(html: str, *texts: str) -> list[str]:
    return sorted(texts, key=body(html).index)


def test_what_leads_comes_first_and_of_it_the_verdict(tmp_path):
    html = page(
        tmp_path,
        markdown("## Numbers"),
        markdown("## What was not checked") | LEADS,
        code(shown(show_note("Found nothing.", "done")), tags=("lead",)),
        headline="3 spellings",
    )
    assert order(html, "Found nothing.", "What was not checked", "Numbers") == [
        "Found nothing.",
        "What was not checked",
        "Numbers",
    ]
    assert "3 spellings" not in html, "a cell gave the verdict"


def test_the_headline_is_the_verdict_where_no_cell_gives_one(tmp_path):
    html = page(tmp_path, markdown("## Numbers"), markdown("## What was not checked") | LEADS, headline="3 spellings")
    assert body(html).startswith(
        '<section class="verdict" aria-label="In short">\n<p class="word">3 spellings</p>\n</section>'
    )


def test_what_stopped_a_step_comes_before_all_else(tmp_path):
    error = {"output_type": "error", "ename": "MappingProblem", "evalue": "", "traceback": []}
    found = code(shown(show_note("Found.", "done")), tags=("lead",))
    html = page(tmp_path, found, code(error), headline="3 spellings", sign="I have read it.")
    assert order(html, "This step stopped here", "Found.") == ["This step stopped here", "Found."]
    assert "I have read it." not in html, "nobody signs what stopped"
    assert "3 spellings" not in html


def test_a_page_names_what_it_is_bound_to_and_has_room_for_a_signature(tmp_path):
    html = page(tmp_path, bound={"Snapshot": "f234cc1c", "Signed: mapping": "Ana, 2026-11-26"}, sign="I have read it.")
    assert '<tr><th scope="row">Snapshot</th><td>f234cc1c</td></tr>' in html
    sign = html.partition('<section class="sign"')[2].partition("</section>")[0]
    assert "<p>I have read it.</p>" in sign
    assert re.findall("<li>(.*?)</li>", sign) == ["Name", "Role", "Date", "Signature"]
    assert "A rehearsal: sign here to practise" in sign
    real = page(tmp_path, target="freshsales", sign="I have read it.")
    assert "<code>workbench approve --by NAME</code> is what opens a step" in real
    assert 'class="sign"' not in page(tmp_path)


def test_words_of_the_glossary_are_explained_where_they_stand_and_no_others(tmp_path):
    html = page(tmp_path, markdown("Spellings that no mapping knows; a held row waits."))
    told = re.findall("<dt>(.*?)</dt><dd>(.*?)</dd>", html.partition("<aside")[2])
    assert [word for word, _ in told] == ["mapping", "spelling", "held"]
    assert dict(told)["held"] == "not sent, with a reason a person can act on"
    assert "<aside" not in page(tmp_path, markdown("Nothing."))


def test_the_run_links_to_its_first_page_also_from_the_folder_of_a_delta(tmp_path):
    assert '<a href="index.html">Run r-17: all pages</a>' in page(tmp_path)
    assert '<a href="../../index.html">Run r-17: all pages</a>' in page(tmp_path, index="../../index.html")


@pytest.mark.parametrize(
    "cell",
    [
        pytest.param(code(display(text__plain=SECRET)), id="plain text"),
        pytest.param(code(display(text__html=f"<table><td>{SECRET}</table>")), id="the table of a data frame"),
        pytest.param(code(display(image__png="iVBOR" + SECRET)), id="a bitmap"),
        pytest.param(code(display(**{"image__svg+xml": f"<svg><text>{SECRET}</text></svg>"})), id="a foreign picture"),
        pytest.param(code(display(**{"application__vnd.jupyter.widget-view+json": SECRET})), id="a widget"),
        pytest.param(code({"output_type": "stream", "name": "stdout", "text": SECRET}), id="stdout"),
        pytest.param(
            code({"output_type": "stream", "name": "stderr", "text": SECRET}, tags=("show-text",)), id="stderr"
        ),
        pytest.param(code(shown(show_note(SECRET)), tags=("parameters",)), id="parameters"),
        pytest.param(code(shown(show_note(SECRET)), tags=("injected-parameters",)), id="injected parameters"),
        pytest.param(
            markdown(f"# {SECRET}") | {"metadata": {"tags": ["papermill-error-cell-tag"]}}, id="papermill's banner"
        ),
        pytest.param({"cell_type": "raw", "source": SECRET, "metadata": {}}, id="a raw cell"),
    ],
)
def test_nothing_else_of_a_notebook_reaches_the_page(tmp_path, cell):
    html = page(tmp_path, cell)
    assert SECRET not in html
    assert "This step has nothing to show." in html


def test_an_error_is_named_and_its_text_stays_out(tmp_path):
    error = {"output_type": "error", "ename": "MappingProblem", "evalue": SECRET, "traceback": [SECRET]}
    html = page(tmp_path, code(error))
    assert "This step stopped here: MappingProblem." in html
    assert SECRET not in html


def test_plain_text_stands_on_the_page_where_its_cell_says_so(tmp_path):
    cell = code(
        display(text__plain="a < b"),
        {"output_type": "stream", "name": "stdout", "text": ["c\n", "d"]},
        tags=("show-text",),
    )
    assert (
        body(page(tmp_path, cell))
        == '<pre class="text" tabindex="0">a &lt; b</pre>\n<pre class="text" tabindex="0">c\nd</pre>'
    )


def test_html_that_feigns_to_be_ours_is_cleaned(tmp_path):
    feigned = '<figure data-workbench="note"><script>x</script><p onclick="x">text</p><img src="http://e.com"></figure>'
    assert (
        body(page(tmp_path, code(display(text__html=feigned)))) == '<figure data-workbench="note"><p>text</p></figure>'
    )


def test_a_picture_that_feigns_to_be_ours_is_cleaned(tmp_path):
    feigned = (
        '<svg data-workbench="picture" onload="x" xmlns="http://www.w3.org/2000/svg"><script>x</script><style>x</style>'
        '<foreignObject/><g fill="url(http://example.com)" style="x">'
        '<path id="a" d="M0,0" clip-path="url(#b)"/></g></svg>'
    )
    html = body(page(tmp_path, code(shown(Picture(feigned, "t")))))
    assert html == (
        '<figure class="picture"><svg data-workbench="picture"><g>'
        '<path id="p0o0-a" d="M0,0" clip-path="url(#p0o0-b)" /></g></svg></figure>'
    )


def test_a_page_loads_nothing_and_runs_nothing(tmp_path):
    html = page(tmp_path, markdown("## A"), code(shown(show_table(FRAME, "Spellings"))))
    assert not re.search(r"<script|<link|<img|<iframe|https?:|\ssrc=|\son\w+=|\sstyle=", html)
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"content=\"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'\"" in html
    assert not re.search(r"url\(|@import", style)


def test_a_page_says_what_it_is(tmp_path):
    html = page(tmp_path)
    assert '<html lang="en">' in html
    assert "<title>Profile carriers</title>" in html
    assert "<h1>Profile carriers</h1>" in html
    assert (html.count("<main>"), html.count("<header>"), html.count("<footer>")) == (1, 1, 1)
    assert "Run r-17" in html


def test_a_rehearsal_is_marked_and_a_real_run_is_not(tmp_path):
    assert '<span class="badge">REHEARSAL</span>' in page(tmp_path)
    real = page(tmp_path, target="freshsales")
    assert '<span class="badge">FRESHSALES</span>' in real
    assert "A rehearsal:" not in real


def test_rendering_twice_gives_the_same_bytes(tmp_path):
    cells = [markdown("## A"), code(shown(show_table(FRAME, "Spellings")))]
    assert page(tmp_path, *cells) == page(tmp_path, *cells)
