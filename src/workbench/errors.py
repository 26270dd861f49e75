"""Every error the workbench raises on purpose.

WorkbenchError
├── Fixable                     a person can fix it; nothing was changed
│   ├── SettingsProblem         migration.toml
│   ├── ExportProblem           the delivery
│   ├── MappingProblem          decision files
│   ├── DecisionMissing         a spelling, owner or route without an answer
│   ├── ApprovalMissing         a lock without a valid signature
│   │   └── PageStale           the page to sign shows other decisions
│   ├── SetupMissing            the tenant lacks what the mapping needs
│   ├── StoreProblem            warehouse or ledger cannot be used
│   └── KeyProblem              API key or image key
└── RunFailed                   the run stopped; what was done is in the ledger
    ├── Transient               trying again may help
    │   └── TenantUnreachable
    └── Terminal                trying again will not
        ├── TenantRefusesKey
        ├── LeaseLost
        └── CountMismatch
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from traceback import extract_tb


class WorkbenchError(Exception):
    """Anything the workbench raises on purpose; the text says what, where, how many and the way out."""

    def _render_traceback_(self) -> list[str]:
        """Return what a notebook shows where it stops: the text and the cell's line; where in our code helps nobody."""
        shell = sys.modules["IPython"].get_ipython()  # it is IPython that asks
        named = [(shell.compile.format_code_name(one.filename), one.lineno) for one in extract_tb(self.__traceback__)]
        places = [f"{found[0]} {found[1]}, line {line}" for found, line in named if found]
        return ["", f"Stopped: {self}", "", *places[:1]]


class Fixable(WorkbenchError):
    """The reader can fix it, and nothing was changed."""


class SettingsProblem(Fixable):
    """migration.toml is missing, malformed, or holds a key or value nobody knows."""


class ExportProblem(Fixable):
    """A delivery cannot be landed."""


class MappingProblem(Fixable):
    """Decision files contradict themselves, the sources or the tenant."""


class DecisionMissing(Fixable):
    """A value has no decision yet."""


class ApprovalMissing(Fixable):
    """A lock has no valid signature."""


class PageStale(ApprovalMissing):
    """The page that a signature is for is not there, or shows other decisions than stand now."""


class SetupMissing(Fixable):
    """The tenant lacks fields, choices, pipelines or users that the mapping needs."""


class StoreProblem(Fixable):
    """The warehouse or the ledger cannot be opened or belongs to something else."""


class KeyProblem(Fixable):
    """The API key or the image key is missing or wrong."""


class RunFailed(WorkbenchError):
    """The run stopped; the ledger knows what was done."""


class Transient(RunFailed):
    """Trying again may help."""


class TenantUnreachable(Transient):
    """No usable answer came from the tenant."""


class Terminal(RunFailed):
    """Trying again will not help."""


class TenantRefusesKey(Terminal):
    """The tenant does not accept the API key, or the key's role may not do this."""


class LeaseLost(Terminal):
    """Another process writes to this tenant now."""


class CountMismatch(Terminal):
    """A count that must add up does not."""


def gather(where: str, problems: Iterable[str], noun: str = "problem") -> str:
    """Write one message out of many problems: a counting head line, then one indented line a problem."""
    lines = list(problems)
    plural = noun if len(lines) == 1 else f"{noun}s"
    return "\n".join([f"{where} has {len(lines)} {plural}:", *(f"  {line}" for line in lines)])
