"""Runs and their steps: what a run pinned at its start, and which steps are green."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, insert, or_, select, update

from workbench.clock import WallClock, as_text
from workbench.errors import SettingsProblem
from workbench.ledger.audit import note
from workbench.ledger.store import Ledger
from workbench.ledger.tables import facts, runs, steps

ROLLED_BACK = "rolled_back_at"


@dataclass(frozen=True)
class Run:
    """One run of the journey and what it is pinned to."""

    run_id: str
    target: str
    snapshot: str | None
    decisions: str | None
    finished_at: str | None


def start_run(ledger: Ledger, run_id: str, target: str) -> Run:
    """Write a new run."""
    with ledger.commit() as connection:
        connection.execute(insert(runs).values(run_id=run_id, target=target, started_at=as_text(WallClock().now())))
    return Run(run_id, target, None, None, None)


def last_run(ledger: Ledger) -> Run | None:
    """Return the newest run."""
    query = select(runs).order_by(runs.c.started_at.desc(), runs.c.run_id.desc()).limit(1)
    with ledger.read() as connection:
        row = connection.execute(query).first()
    return Run(row.run_id, row.target, row.snapshot, row.decisions, row.finished_at) if row else None


def loaded_snapshot(ledger: Ledger) -> str | None:
    """Return the snapshot that the newest loading run delivered."""
    query = select(runs.c.snapshot).where(runs.c.snapshot.is_not(None)).order_by(runs.c.started_at.desc()).limit(1)
    with ledger.read() as connection:
        return connection.scalar(query)


def pin(ledger: Ledger, run_id: str, *, snapshot: str | None = None, decisions: str | None = None) -> None:
    """Pin a run to a snapshot or to a decision hash."""
    values = {name: value for name, value in (("snapshot", snapshot), ("decisions", decisions)) if value}
    with ledger.commit() as connection:
        connection.execute(update(runs).where(runs.c.run_id == run_id).values(**values))


def finish_run(ledger: Ledger, run_id: str) -> None:
    """Mark a run as finished."""
    with ledger.commit() as connection:
        connection.execute(update(runs).where(runs.c.run_id == run_id).values(finished_at=as_text(WallClock().now())))


def reopen_run(ledger: Ledger, run_id: str) -> None:
    """Mark a finished run as unfinished: a delta goes on with it."""
    with ledger.commit() as connection:
        connection.execute(update(runs).where(runs.c.run_id == run_id).values(finished_at=None))


def note_step(ledger: Ledger, run_id: str, step: str, state: str, message: str = "") -> None:
    """Append a step's state: started, green or red."""
    with ledger.commit() as connection:
        connection.execute(
            insert(steps).values(run_id=run_id, step=step, state=state, at=as_text(WallClock().now()), message=message)
        )


def step_in_progress(ledger: Ledger, run_id: str, step: str) -> str | None:
    """Return the message that a step of a run was started with last, while it has not ended."""
    query = select(steps).where(steps.c.run_id == run_id, steps.c.step == step).order_by(steps.c.seq.desc()).limit(1)
    with ledger.read() as connection:
        row = connection.execute(query).first()
    return str(row.message) if row and row.state == "started" else None


def was_cut_short(ledger: Ledger, run_id: str, step: str) -> bool:
    """Say whether a step of a run began a piece of work, named in its message, and did not end green."""
    said = steps.c.message != "", steps.c.state != "started"
    query = select(steps.c.state).where(steps.c.run_id == run_id, steps.c.step == step, or_(*said))
    with ledger.read() as connection:
        return connection.scalar(query.order_by(steps.c.seq.desc()).limit(1)) not in (None, "green")


def step_states(ledger: Ledger, run_id: str) -> dict[str, str]:
    """Return the newest state of every step of a run."""
    query = select(steps).where(steps.c.run_id == run_id).order_by(steps.c.seq)
    with ledger.read() as connection:
        return {row.step: row.state for row in connection.execute(query)}


def went_live_at(ledger: Ledger) -> str | None:
    """Return when a reconciliation was green the first time, since the last rollback if there was one; None before that."""
    green = select(func.min(steps.c.at)).where(steps.c.step == "reconcile", steps.c.state == "green")
    with ledger.read() as connection:
        since = connection.scalar(select(facts.c.value).where(facts.c.name == ROLLED_BACK))
        live: str | None = connection.scalar(green if since is None else green.where(steps.c.at > since))
    return live


def begin_rollback(ledger: Ledger, *, hours: int, now: float, actor: str) -> None:
    """Note that a rollback begins at a moment of the wall's clock, or refuse it so many hours after going live.

    From now on nothing is live, so that what was begun in time may be finished at any time.
    """
    if (live := went_live_at(ledger)) and now > (until := datetime.fromisoformat(live).timestamp() + hours * 3600):
        note(ledger, "rollback refused", "tenant", actor=actor, closed=as_text(until))
        raise SettingsProblem(
            f"The rollback closed at {as_text(until)}, {hours} h after the first green reconciliation. Nothing was changed."
            " See what it would do with workbench rollback --preview; whoever may decide it then raises rollback_hours"
            " under [policy] in migration.toml and confirms again."
        )
    note(ledger, "rollback begun", "tenant", actor=actor)
    with ledger.commit() as connection:
        connection.execute(delete(facts).where(facts.c.name == ROLLED_BACK))
        connection.execute(insert(facts).values(name=ROLLED_BACK, value=as_text(now)))
