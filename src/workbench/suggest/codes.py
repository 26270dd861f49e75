"""Read ADA codes out of free texts: which codes, whether they stand right, and by which rules."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from workbench.dental.ada_codes import Verdict, read_codes


def suggest_ada(values: Iterable[str]) -> list[dict[str, Any]]:
    """Return one object a value: the codes to keep, the verdict, and the rules or the reason behind it."""
    return [_suggest(value) for value in values]


def _suggest(value: str) -> dict[str, Any]:
    reading = read_codes(value)
    reason = reading.reason or ", ".join(reading.rules) or "right as it stands"
    return {
        "source_value": value,
        "codes": list(reading.codes),
        "verdict": str(reading.verdict),
        "reason": reason,
        "auto": reading.verdict is not Verdict.INVALID and not reading.is_doubtful,
    }
