"""The closed vocabularies of the workbench, one word each (docs/glossary.md)."""

from __future__ import annotations

from enum import StrEnum


class Target(StrEnum):
    """Where a run writes to."""

    REHEARSAL = "rehearsal"
    FRESHSALES = "freshsales"


class Kind(StrEnum):
    """What a mapping does with the rows it claims."""

    RECORD = "record"
    MATCH = "match"
    SETUP = "setup"
    FILE = "file"
    LEFT_OUT = "left_out"


class Decision(StrEnum):
    """What a person decided for one spelling."""

    MAP = "map"
    KEEP = "keep"
    BLANK = "blank"
    ASK = "ask"


class Severity(StrEnum):
    """What a check does with the rows that fail it."""

    WARN = "warn"
    HOLD = "hold"
    STOP = "stop"


class Operation(StrEnum):
    """What the plan does with a row."""

    CREATE = "create"
    UPDATE = "update"
    UNCHANGED = "unchanged"
    DEFER = "defer"


class State(StrEnum):
    """Where an operation stands in the ledger."""

    INTENDED = "intended"
    SENT = "sent"
    APPLIED = "applied"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    ABSENT = "absent"
    VERIFIED = "verified"


class Fate(StrEnum):
    """How one source row ended; the fates of a mapping add up to its source rows."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    HELD = "held"
    REJECTED = "rejected"
    EXCLUDED = "excluded"
    DEFERRED = "deferred"


class Edition(StrEnum):
    """The two Freshsales products."""

    SUITE = "suite"
    CLASSIC = "classic"


class Plan(StrEnum):
    """The plan tiers of Freshsales."""

    FREE = "free"
    GROWTH = "growth"
    PRO = "pro"
    ENTERPRISE = "enterprise"


class Lock(StrEnum):
    """What a signature opens."""

    MAPPING = "mapping"
    LOAD = "load"
    SETUP = "setup"


class Sensitivity(StrEnum):
    """What a source column tells of a patient: nothing, a hint at who it is, who it is, or something about health."""

    NONE = "none"
    QUASI = "quasi"
    DIRECT = "direct"
    HEALTH = "health"


class Policy(StrEnum):
    """Who wins where the source and a person changed one field since the last delivery."""

    DESTINATION = "destination"
    SOURCE = "source"
    ASK = "ask"


class Act(StrEnum):
    """What was done where the source and people disagree."""

    KEPT = "kept"
    WRITTEN = "written"
    ASKED = "asked"
    GONE = "gone"
    MERGED = "merged"
    REMOVED = "removed"


class PlanScope(StrEnum):
    """What a frozen plan is for."""

    SAMPLE = "sample"
    LOAD = "load"
    DELTA = "delta"
    PROOF = "proof"


LOADING = (PlanScope.LOAD, PlanScope.DELTA)
"""The plans that the load approval is asked for."""
LATER_WAVE, OLDER, CONDENSED = "later_wave_", "older_", "condensed_"
"""Claims of rows that no mapping stages now: of another wave, older than the history that moves, lines of a summary note."""
