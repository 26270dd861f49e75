"""What each cause of a held row is called, what ends it, who does it, and where."""

from __future__ import annotations

from typing import NamedTuple

FRONT_DESK, BILLING, ANALYST, ADMIN = "front desk", "billing", "analyst", "Freshsales admin"


class Advice(NamedTuple):
    """What a cause is called on its sheet, what to do about it, who does it, and where."""

    cause: str
    fix: str
    who: str
    where: str


SOURCE = "Dental-Exec: {place}"
UNKNOWN = Advice(
    "Other checks", "Correct the value, or the check if it is wrong", ANALYST,
    "mappings/objects/{mapping}.toml, expectations/staged/{mapping}.json",
)  # fmt: skip
DECIDE = {
    "open": Advice("Spellings to decide", "Say what the spelling becomes", ANALYST, "mappings/values/{map}.csv, or here"),
    "omitted": Advice(
        "Fields left out", "The row travels without this field. Say what the spelling becomes", ANALYST,
        "mappings/values/{map}.csv, or here",
    ),
    "owner": Advice(
        "Owners to decide", "Name the tenant user who gets the rows; the admin invites a user who is missing",
        f"{ANALYST}, {ADMIN}", "mappings/values/{map}.csv, or here; Freshsales: Admin Settings > Users",
    ),
    "existing": Advice(
        "May stand there already", "Adopt the record, create one beside it, or hold the row", ANALYST,
        "mappings/values/{map}.csv, or here",
    ),
    "required": Advice(
        "Values to decide", "Set the value, such as the date of a repeating task, here or at the source", ANALYST,
        "mappings/values/{map}.csv, or here",
    ),
    "route": Advice("People without a route", "Say which way the person takes", ANALYST, "mappings/values/{map}.csv, or here"),
}  # fmt: skip
"""Causes that a decision ends."""
REPAIR = {
    "owner": Advice(
        "Records without an owner", "Choose who is responsible, or name a fallback owner for all such rows",
        f"{FRONT_DESK}, {ANALYST}", SOURCE + "; migration.toml: [policy] fallback_owner",
    ),
    "route": Advice("Rows that no mapping takes", "Correct the record", FRONT_DESK, SOURCE),
    "required": Advice("Required values missing", "Fill in the value", FRONT_DESK, SOURCE),
    "link": Advice("Links that lead nowhere", "Choose the right record, or delete the entry", FRONT_DESK, SOURCE),
    "too_long": Advice("Texts that are too long", "Shorten the text, or split it", FRONT_DESK, SOURCE),
    "time": Advice("Dates and times", "Enter the date or time again", FRONT_DESK, SOURCE),
    "end_before_start": Advice("Dates and times", "Enter the right start or end", FRONT_DESK, SOURCE),
    "money": Advice("Amounts", "Enter a plain amount", BILLING, SOURCE),
    "ada_codes": Advice("ADA codes", "Split the case, or take out codes that do not belong", BILLING, SOURCE),
    "rtf": Advice("Notes that cannot be read", "Open the note and save it again as plain text", FRONT_DESK, SOURCE),
}  # fmt: skip
"""Causes that end at the source, by the rule that holds the row; any other is an analyst's."""
