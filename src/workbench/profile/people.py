"""Profile the people of an export: who owns records, who shares an e-mail or a phone, whose drug flag is recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl

from workbench.privacy import shown_id
from workbench.profile.source import LIVES, as_read, open_snapshot
from workbench.suppression import hide_small
from workbench.warehouse import Warehouse, open_warehouse

OWNED = ("companies", "contacts", "cases", "appointments", "tasks")
MANY_HOUSEHOLDS = 10
PLACEHOLDER = r"^(?:none|no-?e?-?mail|noreply|na|n/a|no|declined|refused|unknown|test|x+|abc)@|@(?:none|noe?mail|test)\.(?:com|org|net)$"
"""Addresses that front desks type for none (export reference §4.3)."""
MAILS = ("email", "email2")
PHONES = ("phone_mobile", "phone_home", "phone_work", "phone_other")
YES, NO = "('Y', 'YES', 'T', 'TRUE', '1', '-1', 'X', 'CHECKED')", "('N', 'NO', 'F', 'FALSE', '0')"
FLAGS = ("yes", "no", "not_recorded", "unreadable")


def profile_owners(warehouse: Path) -> pl.DataFrame:
    """Return one row a user and one a stray or blank owner id, with the live records of each; write profile.owners.

    No e-mail is shown, only whether there is one and whether several users share it; what looks like no id stands as its shape.
    """
    counts = ", ".join(f"count(*) FILTER (object = '{name}') AS {name}" for name in OWNED)
    kept = ", ".join(f"coalesce(o.{name}, 0) AS {name}" for name in OWNED)
    with open_snapshot(warehouse) as store:
        users = as_read(store, "users")
        owned = " UNION ALL ".join(
            f"SELECT '{name}' AS object, owner_user_id AS user_id FROM {as_read(store, name)} WHERE {LIVES}"
            for name in OWNED
        )
        frame = store.frame(
            f"WITH owned AS (SELECT user_id, {counts}, count(*) AS records FROM ({owned}) GROUP BY 1),"
            f" mails AS (SELECT lower(trim(email)) AS mail, count(*) AS users FROM {users}"
            " WHERE trim(coalesce(email, '')) <> '' GROUP BY 1)"
            " SELECT coalesce(u.user_id, o.user_id) AS user_id, u.user_id IS NOT NULL AS is_known,"
            " coalesce(upper(trim(u.is_active)) = 'Y', false) AS is_active, m.mail IS NOT NULL AS has_email,"
            f" coalesce(m.users > 1, false) AS email_shared, {kept}, coalesce(o.records, 0) AS records"
            f" FROM {users} u FULL JOIN owned o ON o.user_id = u.user_id"
            " LEFT JOIN mails m ON m.mail = lower(trim(u.email))"
            " ORDER BY records DESC, user_id"
        )
        frame = frame.with_columns(
            (pl.col("is_known") & pl.col("is_active") & pl.col("has_email") & ~pl.col("email_shared")).alias(
                "can_match"
            )
        )
        store.write("profile.owners", frame)
    return frame.with_columns(pl.col("user_id").map_elements(shown_id, return_dtype=pl.String))


def match_owners(warehouse: Path) -> dict[str, str]:
    """Return the e-mail of the active tenant user that has a user's e-mail, by user id of the export.

    An address that two users of the export share names nobody. Before both sides are read there is no match.
    """
    with open_warehouse(warehouse) as store:
        if not (store.has("raw.users") and store.has("destination.users")):
            return {}
        users = as_read(store, "users")
        return dict(
            store.run(
                f"SELECT u.user_id, lower(trim(d.email)) FROM {users} u"
                " JOIN destination.users d ON lower(trim(d.email)) = lower(trim(u.email)) AND d.is_active"
                f" WHERE lower(trim(u.email)) IN (SELECT lower(trim(email)) FROM {users} GROUP BY 1 HAVING count(*) = 1)"
            )
        )


def profile_families(warehouse: Path) -> pl.DataFrame:
    """Return one row a shared e-mail or phone, largest first, named by its lowest contact id; write profile.families.

    A guarantor is a member whom another member names; several of them leave the choice to age and id. `shared_by` tells
    a family from the practice's own address or phone, and from one that at least ten households have.
    """
    with open_snapshot(warehouse) as store:
        contacts = as_read(store, "contacts")
        points = " UNION ".join(  # one contact counts once, in however many columns the same phone stands
            f"SELECT '{channel}' AS channel, contact_id, guarantor_contact_id,"
            f" coalesce(household_id, guarantor_contact_id, contact_id) AS household, {read(column)} AS point"
            f" FROM {contacts} WHERE {LIVES}"
            for channel, column, read in _points()
        )
        frame = store.frame(
            f"WITH points AS (SELECT * FROM ({points}) WHERE point IS NOT NULL"
            " AND NOT regexp_matches(point, '^(2{10}|3{10}|4{10}|5{10}|6{10}|7{10}|8{10}|9{10})$')),"
            " shared AS (SELECT channel, point, min(contact_id) AS contact_id, count(*) AS members,"
            " count(DISTINCT household) AS households FROM points GROUP BY 1, 2 HAVING count(*) > 1),"
            " people AS (SELECT p.* FROM points p SEMI JOIN shared s ON s.channel = p.channel AND s.point = p.point),"
            " named AS (SELECT DISTINCT p.channel, p.point, p.contact_id FROM people p"
            " JOIN people o ON o.channel = p.channel AND o.point = p.point AND o.guarantor_contact_id = p.contact_id"
            " AND o.contact_id <> p.contact_id),"
            f" own AS ({_own_points(store)})"
            " SELECT s.channel, s.contact_id, s.members, s.households, count(n.contact_id) AS guarantors,"
            " count(n.contact_id) > 0 AS has_guarantor,"
            " CASE WHEN count(n.contact_id) = 1 THEN min(n.contact_id) END AS guarantor_contact_id,"
            " CASE WHEN bool_or(w.point IS NOT NULL) THEN 'the practice itself'"
            " WHEN regexp_matches(s.point, $placeholder) THEN 'a placeholder'"
            f" WHEN s.households >= {MANY_HOUSEHOLDS} THEN 'many households' ELSE 'a family' END AS shared_by"
            " FROM shared s LEFT JOIN named n ON n.channel = s.channel AND n.point = s.point"
            " LEFT JOIN own w ON w.channel = s.channel AND w.point = s.point"
            " GROUP BY s.channel, s.point, s.contact_id, s.members, s.households"
            " ORDER BY members DESC, s.channel, s.contact_id",
            {"placeholder": PLACEHOLDER},
        )
        store.write("profile.families", frame)
    return frame


def count_families(families: pl.DataFrame) -> pl.DataFrame:
    """Count shared contact points by channel and by who shares them, and the contacts on them."""
    return (
        families.group_by("channel", "shared_by")
        .agg(
            pl.len().cast(pl.Int64).alias("shared"),
            pl.col("members").sum().alias("contacts"),
            pl.col("members").max().alias("largest"),
            pl.col("has_guarantor").sum().cast(pl.Int64).alias("guarantor_known"),
        )
        .sort("channel", "shared_by")
    )


def profile_drug_flags(warehouse: Path) -> pl.DataFrame:
    """Count the drug-interaction flag of live contacts by practice: yes, no, not recorded; write profile.drug_flags.

    A blank is not recorded, never no. The frame for pages hides counts below eleven, and what would give them away.
    """
    flag = "upper(trim(cf_drug_interaction_flag))"
    with open_snapshot(warehouse) as store:
        frame = store.frame(
            "SELECT company_id,"
            f" count(*) FILTER ({flag} IN {YES}) AS yes, count(*) FILTER ({flag} IN {NO}) AS no,"
            f" count(*) FILTER (coalesce({flag}, '') = '') AS not_recorded,"
            f" count(*) FILTER ({flag} <> '' AND {flag} NOT IN {YES} AND {flag} NOT IN {NO}) AS unreadable"
            f" FROM {as_read(store, 'contacts')} WHERE {LIVES} GROUP BY 1 ORDER BY 1 NULLS LAST"
        )
        store.write("profile.drug_flags", frame)
    named = frame.with_columns(pl.col("company_id").map_elements(shown_id, return_dtype=pl.String))
    return hide_small(named, FLAGS)


def _points() -> Iterator[tuple[str, str, Callable[[str], str]]]:
    yield from (("e-mail", column, _mail) for column in MAILS)
    yield from (("phone", column, _phone) for column in PHONES)


def _mail(column: str) -> str:
    """Return the SQL of an e-mail without case; a word that stands for nothing is none."""
    return f"CASE WHEN contains({column}, '@') THEN lower(trim({column})) END"


def _phone(column: str) -> str:
    """Return the SQL of a phone's ten digits: no punctuation, no leading 1, no extension or label behind it."""
    digits = f"regexp_replace(regexp_replace(lower({column}), '(x|ext|;|#).*$', ''), '\\D', '', 'g')"
    return f"nullif(regexp_extract({digits}, '^1?([2-9]\\d{{9}})$', 1), '')"


def _own_points(store: Warehouse) -> str:
    """Return the query of the e-mails and phones of the practice and its users."""
    companies, users = as_read(store, "companies"), as_read(store, "users")
    parts = (
        ("e-mail", _mail("email"), companies),
        ("e-mail", _mail("email"), users),
        ("phone", _phone("phone"), companies),
        ("phone", _phone("fax"), companies),
    )
    return " UNION ".join(
        f"SELECT '{channel}' AS channel, {point} AS point FROM {table}" for channel, point, table in parts
    )
