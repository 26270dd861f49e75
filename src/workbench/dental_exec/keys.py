"""Judge the keys of an object's landed records: a record without a usable key, or with another's, does not stay."""

from __future__ import annotations

from collections.abc import Iterable

from workbench.dental_exec.contract import ExportObject, damaged_sql, id_sql, key_sql
from workbench.dental_exec.records import Rejection
from workbench.warehouse import Warehouse


def quoted(columns: Iterable[str]) -> str:
    """Return column names as SQL lists them."""
    return ", ".join(f'"{column}"' for column in columns)


def _are_plain(warehouse: Warehouse, table: str, said: ExportObject) -> bool:
    """Say whether keys are distinct and need no second look: plain letters in one case, digits, a few marks."""
    key = " || '.' || ".join(f'"{column}"' for column in said.key)
    plain = f"regexp_full_match({key}, '[A-Z0-9_.:/-]+') AND NOT contains({key}, 'E-')"
    [(total, distinct, odd)] = warehouse.run(
        f"SELECT count(*), count(DISTINCT {key}), count(*) FILTER (({plain}) IS NOT TRUE) FROM {table}"
    )
    return bool(total == distinct and not odd)


def judge_keys(warehouse: Warehouse, table: str, said: ExportObject, columns: list[str]) -> list[str]:
    """Keep one of several equal records; reject records without a usable key, and all of a key that differ.

    What people should know of the keys that stay is returned.
    """
    if not said.key or _are_plain(warehouse, table, said):
        return []
    key = id_sql(said)
    damaged = f"({' OR '.join(damaged_sql(column) for column in said.key)})"
    [(total, distinct, plain, bad)] = warehouse.run(
        f"SELECT count(*), count(DISTINCT k), count(DISTINCT lower(k)), count(*) FILTER (k IS NULL OR k = '' OR damaged)"
        f" FROM (SELECT {key} AS k, {damaged} AS damaged FROM {table})"
    )
    findings = []
    if plain < distinct:
        findings = [f"{said.name}: {distinct - plain} keys differ from another only in case; they stay apart."]
    if total == distinct and not bad:
        return findings
    blank = " OR ".join(f"{key_sql(column)} IS NULL OR {key_sql(column)} = ''" for column in said.key)
    content = quoted([column for column in columns if column not in said.key])
    warehouse.run(
        f"CREATE OR REPLACE TEMP TABLE keyed AS SELECT rowid AS place, {key} AS k, source_file, source_row,"
        f" CASE WHEN {blank} THEN $blank WHEN {damaged} THEN $damaged END AS reason FROM {table}",
        {"blank": Rejection.BLANK_KEY, "damaged": Rejection.DAMAGED_KEY},
    )
    warehouse.run(
        "CREATE OR REPLACE TEMP TABLE aside AS SELECT place, k, reason FROM keyed WHERE reason IS NOT NULL UNION ALL"
        " SELECT place, k, CASE WHEN least_content = greatest_content THEN $again ELSE $several END FROM"
        " (SELECT place, k, min(content) OVER one AS least_content, max(content) OVER one AS greatest_content,"
        " row_number() OVER (PARTITION BY k ORDER BY source_file, source_row) AS turn FROM"
        f" (SELECT place, k, d.source_file, d.source_row, to_json([{content}])::VARCHAR AS content FROM keyed d"
        f" JOIN {table} t ON t.rowid = place WHERE reason IS NULL AND k IN"
        " (SELECT k FROM keyed WHERE reason IS NULL GROUP BY k HAVING count(*) > 1))"
        " WINDOW one AS (PARTITION BY k)) WHERE turn > 1 OR least_content <> greatest_content",
        {"again": Rejection.AGAIN, "several": Rejection.SEVERAL},
    )
    warehouse.run(
        f"INSERT INTO raw.rejected SELECT source_file, '{said.name}', NULL, NULL, reason, source_row,"
        " CASE WHEN reason <> $damaged THEN nullif(k, '') END"
        f" FROM {table} t JOIN aside ON place = t.rowid ORDER BY 1, 6",
        {"damaged": Rejection.DAMAGED_KEY},
    )
    warehouse.run(f"DELETE FROM {table} WHERE rowid IN (SELECT place FROM aside)")
    warehouse.run("DROP TABLE aside")
    warehouse.run("DROP TABLE keyed")
    return findings
