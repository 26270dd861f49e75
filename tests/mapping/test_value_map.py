"""Value maps: one row a spelling, sorted, and the same bytes when saved twice."""

from __future__ import annotations

import pytest

from workbench.errors import MappingProblem
from workbench.mapping.value_map import Decided, ValueMap, decide, decided_conflicts, read_value_map, save_value_map
from workbench.vocabulary import Decision

HEADER = "source_value,decision,destination_value,decided_by,decided_on,note\n"
DELTA = Decided("Delta Dntl", Decision.MAP, "Delta Dental of California", "Dana", "2026-11-24")


def write(folder, text, *, encoding="utf-8"):
    (folder / "carrier.csv").write_bytes((HEADER + text).encode(encoding))
    return folder


def test_a_map_is_saved_sorted_and_twice_gives_the_same_bytes(tmp_path):
    rows = {
        one: Decided(one, Decision.KEEP, "", "Dana", "2026-11-24", 'says "x", y')
        for one in ("b", "a", 'c "d"', "e,f", "g\nh")
    }
    path = save_value_map(tmp_path, ValueMap("carrier", rows))
    first = path.read_bytes()
    assert [line.partition(b",")[0] for line in first.splitlines()[1:3]] == [b"a", b"b"]
    save_value_map(tmp_path, read_value_map("carrier", [tmp_path]))
    assert path.read_bytes() == first
    assert read_value_map("carrier", [tmp_path]).rows == rows
    assert [one.name for one in tmp_path.iterdir()] == ["carrier.csv"]


def test_a_line_end_of_any_kind_inside_of_a_spelling_comes_back(tmp_path):
    spellings = ["a\rb", "a\nb", "a\r\nb", "\rb"]
    saved = save_value_map(tmp_path, ValueMap("carrier", {one: Decided(one, Decision.ASK) for one in spellings}))
    assert [*read_value_map("carrier", [tmp_path]).rows] == sorted(spellings)
    assert saved.read_bytes().startswith(b"source_value,decision,destination_value,decided_by,decided_on,note\n")


@pytest.mark.parametrize(
    ("row", "answer", "is_open"),
    [
        pytest.param(DELTA, "Delta Dental of California", False, id="map"),
        pytest.param(Decided("Aetna", Decision.KEEP), "Aetna", False, id="keep"),
        pytest.param(Decided("none", Decision.BLANK), None, False, id="blank"),
        pytest.param(Decided("?", Decision.ASK), None, True, id="ask"),
    ],
)
def test_each_decision_gives_its_answer(row, answer, is_open):
    assert (row.answer, row.is_open) == (answer, is_open)


def test_a_spelling_without_a_row_is_missing_and_one_that_is_asked_is_not():
    made = decide(ValueMap("carrier", {}), {"?": (Decision.ASK, "")}, by="Dana", on="2026-11-24")
    assert made.missing(["?", "Delta", "Aetna"]) == ["Aetna", "Delta"]
    assert made.rows["?"] == Decided("?", Decision.ASK, "", "Dana", "2026-11-24")


def test_the_later_folder_goes_over_the_earlier(tmp_path):
    shared, own = tmp_path / "values", tmp_path / "decisions"
    save_value_map(shared, ValueMap("carrier", {"a": Decided("a", Decision.ASK), "b": Decided("b", Decision.KEEP)}))
    save_value_map(own, ValueMap("carrier", {"a": Decided("a", Decision.MAP, "A")}))
    assert [row.answer for row in read_value_map("carrier", [shared, own]).rows.values()] == ["A", "b"]


def test_every_bad_row_is_named_by_line(tmp_path):
    folder = tmp_path / "values"
    folder.mkdir()
    write(folder, "a,mapp,,,,\nb,map,,,,\nc,keep\nd,keep,,,,\nd,ask,,,,\n  ,keep,,,,\n")
    with pytest.raises(MappingProblem) as stopped:
        read_value_map("carrier", [folder])
    assert str(stopped.value).splitlines() == [
        "mappings/values/carrier.csv has 5 problems:",
        "  line 2: decision is one of map, keep, blank, ask",
        "  line 3: map needs a destination_value",
        "  line 4: 2 cells where 6 belong",
        "  line 6: the spelling stands twice",
        "  line 7: the spelling is empty; a blank value asks no map",
    ]


def test_what_a_spreadsheet_does_to_a_file_is_read_or_named(tmp_path):
    write(tmp_path, "Café,keep,,,,\n", encoding="utf-8-sig")
    assert set(read_value_map("carrier", [tmp_path]).rows) == {"Café"}
    write(tmp_path, "Café,keep,,,,\n", encoding="cp1252")
    with pytest.raises(MappingProblem, match=r"carrier\.csv: is not UTF-8; save it as CSV UTF-8"):
        read_value_map("carrier", [tmp_path])
    write(tmp_path, '"Café,keep,,,,\n')
    with pytest.raises(MappingProblem, match=r"carrier\.csv: line 2: unexpected end of data"):
        read_value_map("carrier", [tmp_path])
    (tmp_path / "carrier.csv").write_text("spelling;answer\n")
    with pytest.raises(MappingProblem, match=r"carrier\.csv: the header has to be source_value,decision"):
        read_value_map("carrier", [tmp_path])


def test_a_name_out_of_a_value_of_the_export_leaves_the_folder_alone(tmp_path):
    write(tmp_path, "a,keep,,,,\n")
    (tmp_path / "values").mkdir()
    assert read_value_map("../carrier", [tmp_path / "values"]).rows == {}
    with pytest.raises(MappingProblem):
        save_value_map(tmp_path / "values", ValueMap("../carrier", {}))


def test_answers_to_conflicts_are_read_by_row_and_field_and_open_ones_say_nothing():
    said = {"contacts/C1/city": Decision.MAP, "contacts/C1/state": Decision.KEEP, "contacts/a/b/city": Decision.ASK}
    rows = {name: Decided(name, decision, "source") for name, decision in said.items()}
    assert decided_conflicts(ValueMap("conflicts", rows)) == {
        "contacts/C1": {"city": Decision.MAP, "state": Decision.KEEP}
    }


def test_a_line_that_answers_no_conflict_is_named():
    said = {"contacts/C1": Decision.MAP, "contacts/C1/city": Decision.BLANK}
    with pytest.raises(MappingProblem) as stopped:
        decided_conflicts(ValueMap("conflicts", {name: Decided(name, one, "source") for name, one in said.items()}))
    assert str(stopped.value).splitlines() == [
        "mappings/values/conflicts.csv has 2 problems:",
        "  contacts/C1: is no object/id/field, such as contacts/C1042/city",
        "  contacts/C1/city: blank means nothing here; map takes the source's value, keep theirs, ask waits",
    ]
