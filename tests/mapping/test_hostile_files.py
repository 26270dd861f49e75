"""A mapping file written by somebody with bad intent reads no file, writes no table and leaves the folder alone."""

from __future__ import annotations

import pytest
from little import OBJECTS, Little

from workbench.errors import MappingProblem, WorkbenchError

PERSON = OBJECTS["person"]
WHERE = 'from = "people"\n'


def unharmed(little: Little) -> bool:
    """Say whether both people are there still, and no table of a stranger."""
    tables = little.rows("SELECT count(*) FROM information_schema.tables WHERE table_name LIKE 'x%'")
    return little.rows("SELECT count(*) FROM raw.people") == [(2,)] and tables == [(0,)]


@pytest.mark.parametrize(
    "where",
    [
        pytest.param("true); DROP TABLE raw.people; --", id="ends the statement"),
        pytest.param("true) FROM raw.people; CREATE TABLE xs AS (SELECT 1", id="makes a table"),
        pytest.param("(SELECT count(*) FROM read_text('/etc/passwd')) > 0", id="reads a file"),
        pytest.param("(SELECT count(*) FROM '/etc/passwd.csv') > 0", id="reads a table from a file"),
        pytest.param("(SELECT count(*) FROM read_csv('https://example.com/x')) > 0", id="reaches out"),
        pytest.param("getenv('HOME') <> ''", id="asks the environment"),
    ],
)
def test_a_filter_is_one_condition_over_its_rows(little: Little, where: str) -> None:
    little.mapping("person", PERSON.replace(WHERE, f"{WHERE}where = {where!r}\n"))
    with pytest.raises(MappingProblem):
        little.stage()
    assert unharmed(little)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param('from = "people"', 'from = "people; DROP TABLE raw.people"', id="source"),
        pytest.param('from = "last_name"', 'from = "last_name\\" FROM raw.people; --"', id="column"),
        pytest.param("last_name = {", '"last_name; DROP TABLE raw.people" = {', id="field"),
        pytest.param('to = "practices"', 'to = "../practices"', id="target"),
        pytest.param('destination = "contact"', 'destination = "contact/../deals"', id="destination"),
    ],
)
def test_a_name_is_a_name(little: Little, old: str, new: str) -> None:
    assert old in PERSON
    little.mapping("person", PERSON.replace(old, new, 1))
    with pytest.raises(WorkbenchError):
        little.stage()
    assert unharmed(little)


@pytest.mark.parametrize("name", ["../../secret", "/etc/passwd", "..\\..\\secret", "a/b"])
def test_a_value_map_lies_in_its_folder(little: Little, name: str) -> None:
    little.values("carrier", "Delta,ask,")  # the folder is there
    little.write("secret.csv", "source_value,decision,destination_value,decided_by,decided_on,note\nLund,map,read,,,\n")
    assert little.mappings.values(name).rows == {}


def test_a_mapping_file_is_named_plainly(little: Little) -> None:
    little.mapping('x"; DROP TABLE raw.people; --', PERSON)
    with pytest.raises(MappingProblem, match="the file cannot be named"):
        little.stage()
    assert unharmed(little)
