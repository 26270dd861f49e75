"""A few people loaded, one of them over a record that was in the tenant before: what a rollback has to tell apart."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loads import rehearse
from rooms import Practice

from workbench.ledger.identities import Identity, keep_identity

THEIRS = {
    "last_name": "Theirs",
    "job_title": "Owner",
    "city": "Reno",
    "emails": [{"value": "first@theirs.example", "is_primary": True}, {"value": "second@theirs.example"}],
}


@dataclass(frozen=True)
class Written:
    """The practice, the contact that is others', and how it stood before us and after our load."""

    practice: Practice
    number: int
    before: dict[str, Any]
    after: dict[str, Any]


def write_over_theirs(template: Practice, folder: Path) -> Written:
    """Load three people, the first of them over a record of others."""
    with rehearse(template, folder) as made:
        scope = made.few(3, 1)
        source_id = next(key for key in sorted(scope) if key.startswith("contacts/")).removeprefix("contacts/")
        with made.session() as session:
            number = session.tenant.call("POST", "/contacts", json={"contact": THEIRS}).body["contact"]["id"]
            with session.ledger.commit() as connection:
                keep_identity(
                    connection,
                    Identity(
                        *("contacts", source_id, "patient", "contact", number, "", ""),
                        origin="adopted",
                        is_live=True,
                        operation_id=0,
                    ),
                )

        def theirs() -> dict[str, Any]:
            return next(one for one in made.state()["contacts"] if one["id"] == number)

        before = theirs()
        made.load(scope)
        return Written(made.practice, number, before, theirs())
