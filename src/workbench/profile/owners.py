"""Profile the owners of records: who owns how many, who is active, who can be matched by e-mail."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from workbench.profile.source import LIVES, open_snapshot
from workbench.warehouse import open_warehouse

OWNED = ("companies", "contacts", "cases", "appointments", "tasks")


def profile_owners(warehouse: Path) -> pl.DataFrame:
    """Return one row a user and one a stray or blank owner id, with the live records of each; write profile.owners.

    No e-mail is shown, only whether there is one and whether several users share it.
    """
    owned = " UNION ALL ".join(
        f"SELECT '{name}' AS object, owner_user_id AS user_id FROM raw.{name} WHERE {LIVES}" for name in OWNED
    )
    counts = ", ".join(f"count(*) FILTER (object = '{name}') AS {name}" for name in OWNED)
    kept = ", ".join(f"coalesce(o.{name}, 0) AS {name}" for name in OWNED)
    with open_snapshot(warehouse) as store:
        frame = store.frame(
            f"WITH owned AS (SELECT user_id, {counts}, count(*) AS records FROM ({owned}) GROUP BY 1),"
            " mails AS (SELECT lower(trim(email)) AS mail, count(*) AS users FROM raw.users"
            " WHERE trim(coalesce(email, '')) <> '' GROUP BY 1)"
            " SELECT coalesce(u.user_id, o.user_id) AS user_id, u.user_id IS NOT NULL AS is_known,"
            " coalesce(upper(trim(u.is_active)) = 'Y', false) AS is_active, m.mail IS NOT NULL AS has_email,"
            f" coalesce(m.users > 1, false) AS email_shared, {kept}, coalesce(o.records, 0) AS records"
            " FROM raw.users u FULL JOIN owned o ON o.user_id = u.user_id"
            " LEFT JOIN mails m ON m.mail = lower(trim(u.email))"
            " ORDER BY records DESC, user_id"
        )
        frame = frame.with_columns(
            (pl.col("is_known") & pl.col("is_active") & pl.col("has_email") & ~pl.col("email_shared")).alias(
                "can_match"
            )
        )
        store.write("profile.owners", frame)
    return frame


def match_owners(warehouse: Path) -> dict[str, str]:
    """Return the e-mail of the active tenant user that has a user's e-mail, by user id of the export.

    An address that two users of the export share names nobody. Before both sides are read there is no match.
    """
    with open_warehouse(warehouse) as store:
        if not (store.has("raw.users") and store.has("destination.users")):
            return {}
        return dict(
            store.run(
                "SELECT u.user_id, lower(trim(d.email)) FROM raw.users u"
                " JOIN destination.users d ON lower(trim(d.email)) = lower(trim(u.email)) AND d.is_active"
                " WHERE lower(trim(u.email)) IN (SELECT lower(trim(email)) FROM raw.users GROUP BY 1 HAVING count(*) = 1)"
            )
        )
