"""Owners by e-mail: what the tenant itself answers, kept beside the target's ledger under every decision."""

from __future__ import annotations

from workbench.mapping.value_map import Decided, ValueMap, save_value_map
from workbench.settings import Settings
from workbench.vocabulary import Decision
from workbench.warehouse import open_warehouse

BY = "same e-mail"


def match_owners(settings: Settings) -> int:
    """Write the users of the export whose e-mail is an active tenant user's; a decision of a person stands above it.

    An address that two users of the export share names nobody.
    """
    if not settings.warehouse.exists():
        return 0
    with open_warehouse(settings.warehouse) as warehouse:
        if not (warehouse.has("raw.users") and warehouse.has("destination.users")):
            return 0
        rows = warehouse.run(
            "SELECT u.user_id, d.email FROM raw.users u"
            " JOIN destination.users d ON lower(trim(d.email)) = lower(trim(u.email)) AND d.is_active"
            " WHERE lower(trim(u.email)) IN (SELECT lower(trim(email)) FROM raw.users GROUP BY 1 HAVING count(*) = 1)"
        )
    found = {user: Decided(user, Decision.MAP, email.strip().lower(), BY) for user, email in rows}
    save_value_map(settings.matches, ValueMap("owner", found))
    return len(found)
