"""The steps and the notebooks that make each of them."""

from __future__ import annotations

from workbench.errors import SettingsProblem

STEPS: dict[str, tuple[str, ...]] = {
    "snapshot": ("10_take_snapshot",),
    "profile": (
        "20_profile_columns",
        "21_profile_codes",
        "22_profile_carriers",
        "23_profile_tasks",
        "24_fix_at_source",
    ),
    "suggest": ("30_suggest",),
    "map": ("31_map_carriers", "32_map_fields", "33_map_owners", "34_map_stages"),
    "approve": ("35_premapping", "36_approve"),  # a run that waited builds the document anew before anybody signs it
    "setup": ("40_setup",),
    "stage": ("50_stage",),
    "validate": ("60_validate",),
    "sample": ("70_sample",),
    "load": ("71_load",),
    "attachments": ("72_attachments",),
    "reconcile": ("80_reconcile",),
    "rebuild": ("90_rebuild_reference",),
}
"""The journey, in order."""

APART: dict[str, tuple[str, ...]] = {"delta": ("95_delta",), "rollback": ("99_roll_back",)}
"""Steps that are asked for by name."""

AGAIN = (
    *("10_take_snapshot", "23_profile_tasks", "30_suggest", "40_setup", "50_stage", "60_validate"),
    *("95_delta", "71_load", "72_attachments", "80_reconcile"),
)
"""What each newer delivery goes through: the journey's own notebooks, with the delta's where the sample was."""

READ_FOR = {
    "20_profile_columns": "what the export holds; for whoever decides the mapping",
    "35_premapping": "what becomes of every row and field; read it before the mapping approval",
    "60_validate": "what is held, and who can end the reason",
    "70_sample": "what was sent beside what Freshsales holds, and what the load takes; read it before the load approval",
    "80_reconcile": "both sides compared, what differs, and what was not checked",
    "sign_off": "the result in short, and the place to sign it",
    "99_roll_back": "what a rollback would take back, and what it would leave alone",
}
"""The pages that people read who open no notebook, and why each does."""

SIGNATURES = {
    "35_premapping": "I have read what becomes of every row and every field, and agree to apply it to this snapshot.",
    "70_sample": "I have read what the load takes and every field that differs, and agree that the rest is loaded.",
    "80_reconcile": "I have read the verdict, what was not checked, and every exception.",
    "sign_off": "I have read the verdict, what was not checked and what is held, and take the result over as it is.",
    "99_roll_back": "I have read what is deleted, restored and left alone, and agree that it is taken back.",
}
"""What a signature under a page says."""


TITLES = {"35_premapping": "Pre-mapping", "sign_off": "Sign-off"}


def title_of(page: str) -> str:
    """Return the title of a page: what its notebook is called, without the number."""
    return TITLES.get(page) or page.partition("_")[2].replace("_", " ").capitalize()


def steps_between(first: str | None, last: str | None) -> list[str]:
    """Return the steps from `first` to `last`; a step apart stands alone."""
    for name in (first, last):
        if name is not None and name not in STEPS and name not in APART:
            raise SettingsProblem(f"There is no step {name!r}. The steps: {', '.join([*STEPS, *APART])}.")
    if first in APART or last in APART:
        return [first if first in APART else str(last)]
    names = list(STEPS)
    start = names.index(first) if first else 0
    end = names.index(last) + 1 if last else len(names)
    if start >= end:
        raise SettingsProblem(f"The step {first} comes after {last}.")
    return names[start:end]
