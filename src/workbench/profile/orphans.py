"""Find links that point at no record."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from workbench.dental_exec.contract import read_contract
from workbench.profile.source import LIVES, open_snapshot

POINTED = {
    "contact": "contacts",
    "case": "cases",
    "company": "companies",
    "appointment": "appointments",
}
"""The words of related_object and the objects they mean."""


def profile_orphans(warehouse: Path) -> pl.DataFrame:
    """Count the links of live rows that point at nothing, by object, column and target.

    Writes profile.orphans, and profile.orphan_keys with the keys of both ends.
    """
    with open_snapshot(warehouse) as store:
        store.run(
            "CREATE OR REPLACE TABLE profile.orphan_keys"
            " (object VARCHAR, source_id VARCHAR, link VARCHAR, target VARCHAR, target_id VARCHAR)"
        )
        for name, column, target, chosen in _links():
            objects = read_contract().objects
            key, target_key = objects[name].key[0], objects[target].key[0]
            store.run(
                f"INSERT INTO profile.orphan_keys SELECT '{name}', \"{key}\", '{column}', '{target}', \"{column}\""
                f' FROM raw.{name} s WHERE "{column}" IS NOT NULL AND {LIVES} AND {chosen}'
                f' AND NOT EXISTS (SELECT 1 FROM raw.{target} t WHERE t."{target_key}" = s."{column}")'
            )
        frame = store.frame(
            "SELECT object, link AS column, target, count(*) AS records, count(DISTINCT target_id) AS targets"
            " FROM profile.orphan_keys GROUP BY ALL ORDER BY records DESC, object, link, target"
        )
        store.write("profile.orphans", frame)
    return frame


def _links() -> Iterator[tuple[str, str, str, str]]:
    for name, said in read_contract().objects.items():
        for column, target in said.links.items():
            if not target.startswith("by:"):
                yield name, column, target, "true"
                continue
            by = target.removeprefix("by:")
            for word, pointed in POINTED.items():
                yield name, column, pointed, f"lower(trim(\"{by}\")) = '{word}'"
