"""The warehouse is opened briefly, locked down for reviewed SQL, and its lock error is one sentence."""

from __future__ import annotations

import subprocess
import sys

import duckdb
import polars as pl
import pytest

from workbench.errors import StoreProblem
from workbench.warehouse import SCHEMAS, identifier, open_warehouse

PEOPLE = pl.DataFrame({"id": ["C1", "C2"], "name": ["Lund", None]})


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "data" / "warehouse.duckdb"
    with open_warehouse(path, write=True) as warehouse:
        warehouse.write("raw.people", PEOPLE)
    return path


def test_a_table_is_replaced_or_appended_by_name(path):
    with open_warehouse(path, write=True) as warehouse:
        warehouse.write("raw.people", pl.DataFrame({"name": ["Reyes"], "id": ["C3"]}), append=True)
        assert warehouse.run("SELECT id, name FROM raw.people ORDER BY id") == [
            ("C1", "Lund"),
            ("C2", None),
            ("C3", "Reyes"),
        ]
        warehouse.write("raw.people", PEOPLE)
        assert warehouse.frame("SELECT * FROM raw.people ORDER BY id").equals(PEOPLE)
        warehouse.write("raw.new", PEOPLE, append=True)
        assert (warehouse.has("raw.new"), warehouse.has("raw.old")) == (True, False)
        assert (warehouse.tables("raw"), warehouse.columns("raw.people")) == (["new", "people"], ["id", "name"])


def test_every_schema_is_there_and_values_are_bound(path):
    with open_warehouse(path) as warehouse:
        found = {row[0] for row in warehouse.run("SELECT schema_name FROM information_schema.schemata")}
        assert set(SCHEMAS) <= found
        assert warehouse.run("SELECT id FROM raw.people WHERE name = ?", ["Lund"]) == [("C1",)]
        assert warehouse.frame("SELECT id FROM raw.people WHERE name = ?", ["x' OR true --"]).height == 0


def test_a_query_streams_while_its_rows_are_written_elsewhere(path):
    with open_warehouse(path, write=True) as warehouse:
        warehouse.run("CREATE TABLE raw.many AS SELECT i::VARCHAR AS id FROM range(10000) t(i)")
        heights = []
        for frame in warehouse.frames("SELECT * FROM raw.many", 3000):
            warehouse.write("staged.many", frame, append=True)
            heights.append(frame.height)
        assert (sum(heights), max(heights) <= 3000) == (10000, True)
        assert warehouse.run("SELECT count(*) FROM staged.many") == [(10000,)]


def test_a_stream_on_the_connection_sees_its_temporary_tables(path):
    with open_warehouse(path) as warehouse:
        warehouse.run("CREATE TEMP TABLE passing AS SELECT 1 AS one")
        assert [frame.height for frame in warehouse.frames("SELECT * FROM passing", with_temporary=True)] == [1]
        with pytest.raises(duckdb.CatalogException):
            list(warehouse.frames("SELECT * FROM passing"))


def test_reading_writes_nothing(path):
    with open_warehouse(path) as warehouse, pytest.raises(duckdb.InvalidInputException):
        warehouse.write("raw.people", PEOPLE)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM glob('/*')",
        "COPY raw.people TO '/tmp/people.csv'",
        "ATTACH '/tmp/other.duckdb'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
    ],
)
def test_locked_down_neither_reads_files_nor_reaches_out_nor_unlocks_itself(path, sql):
    with open_warehouse(path, write=True, locked_down=True) as warehouse:
        with pytest.raises(duckdb.Error):
            warehouse.run(sql)
        assert warehouse.run("SELECT count(*) FROM raw.people") == [(2,)]


def test_locked_down_still_spills_beside_the_warehouse(path):
    with open_warehouse(path, write=True) as warehouse:
        warehouse.run("SET memory_limit = '60MB'")
        warehouse.run("SET enable_external_access = false")
        big = "SELECT i, row_number() OVER (ORDER BY md5(i::VARCHAR)) AS n FROM range(1000000) t(i)"
        assert warehouse.run(f"SELECT count(*) FROM ({big}) WHERE n > 1") == [(999_999,)]


def test_a_missing_warehouse_names_the_notebook_that_makes_it(tmp_path):
    with pytest.raises(StoreProblem, match=r"There is no warehouse yet\. Run notebooks/10_take_snapshot\.ipynb"):
        open_warehouse(tmp_path / "warehouse.duckdb").__enter__()


def test_a_broken_warehouse_can_be_rebuilt(path):
    path.write_bytes(b"not a database")
    with pytest.raises(StoreProblem, match=r"The warehouse warehouse\.duckdb cannot be read\. It can be rebuilt"):
        open_warehouse(path).__enter__()


def test_a_warehouse_in_use_is_one_sentence(path):
    holder = (
        "import sys, duckdb; connection = duckdb.connect(sys.argv[1]); connection.execute('BEGIN'); print('open', flush=True);"
        " sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout and process.stdout.readline() == "open\n"
        with pytest.raises(
            StoreProblem, match=r"Another process holds the warehouse\. Close the notebook that is writing"
        ):
            open_warehouse(path).__enter__()
        process.communicate("")


@pytest.mark.parametrize("name", ["cf_x", "_x", "A1"])
def test_a_plain_name_is_quoted(name):
    assert identifier(name) == f'"{name}"'


@pytest.mark.parametrize("name", ["", 'a"b', "a b", "1a", "a;b", "a.b", "x" * 200, "naïve\n", "a\n"])
def test_anything_else_is_refused(name):
    with pytest.raises(StoreProblem, match="cannot be a table or column name"):
        identifier(name)


def test_an_encrypted_warehouse_could_be_written_in_a_weak_mode_only(tmp_path):
    """What `[privacy] encrypt = true` is refused for: when this turns red, DuckDB can, and the setting may be built."""
    alone = duckdb.connect(config={"autoinstall_known_extensions": "false"})
    with alone as connection, pytest.raises(duckdb.Error, match="crypto"):
        connection.execute(f"ATTACH '{tmp_path / 'sealed.duckdb'}' AS sealed (ENCRYPTION_KEY 'a key')")
