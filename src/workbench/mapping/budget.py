"""What each plan tier allows: custom fields by type, file storage, pipelines."""

from __future__ import annotations

import tomllib
from pathlib import Path


def plan_limits(plan: str) -> dict[str, int]:
    """Return the limits of a plan tier (crmsupport.freshworks.com articles 50000002390 and 50000002563)."""
    limits: dict[str, int] = tomllib.loads((Path(__file__).parent / "plan_limits.toml").read_text("utf-8"))[plan]
    return limits
