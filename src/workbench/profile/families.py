"""Find contacts that share an e-mail, and whether their guarantor is known."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from workbench.profile.source import LIVES, open_snapshot


def profile_families(warehouse: Path) -> pl.DataFrame:
    """Return one row a shared e-mail, largest first, named by its lowest contact id; write profile.families.

    A guarantor is a member whom another member names; several of them leave the choice to age and id.
    """
    with open_snapshot(warehouse) as store:
        frame = store.frame(
            f"WITH people AS (SELECT contact_id, guarantor_contact_id, lower(trim(email)) AS mail FROM raw.contacts"
            f" WHERE trim(coalesce(email, '')) <> '' AND {LIVES}),"
            " shared AS (SELECT mail, min(contact_id) AS contact_id, count(*) AS members FROM people"
            " GROUP BY 1 HAVING count(*) > 1),"
            " named AS (SELECT p.mail, p.contact_id FROM people p"
            " WHERE EXISTS (SELECT 1 FROM people o WHERE o.mail = p.mail AND o.guarantor_contact_id = p.contact_id"
            " AND o.contact_id <> p.contact_id))"
            " SELECT s.contact_id, s.members, count(n.contact_id) AS guarantors,"
            " count(n.contact_id) > 0 AS has_guarantor,"
            " CASE WHEN count(n.contact_id) = 1 THEN min(n.contact_id) END AS guarantor_contact_id"
            " FROM shared s LEFT JOIN named n ON n.mail = s.mail GROUP BY s.mail, s.contact_id, s.members"
            " ORDER BY members DESC, s.contact_id"
        )
        store.write("profile.families", frame)
    return frame
