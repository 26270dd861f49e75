"""Take back what we did: delete what we made and nobody touched, restore what we changed, keep and list the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from workbench.clock import Clock, WallClock
from workbench.errors import TenantUnreachable
from workbench.freshsales.endpoints import endpoint
from workbench.freshsales.records import UNIQUE, delete_record, hold_unique, release_unique, update_record
from workbench.freshsales.refusals import OutcomeUnknown, Refused
from workbench.freshsales.shapes import flatten
from workbench.ledger.identities import Identity, find_identity
from workbench.ledger.images import last_image
from workbench.ledger.operations import (
    DELETE,
    RESTORE,
    UNDONE,
    Intent,
    Outcome,
    intend,
    keep_before,
    open_operations,
    record_outcomes,
)
from workbench.ledger.plans import Plan
from workbench.ledger.runs import begin_rollback
from workbench.load.conflicts import read_now
from workbench.load.requests import Sending
from workbench.load.session import Resolver, Session
from workbench.load.survey import Case, Known, Survey, Verdict, edited_fields
from workbench.load.unknowns import settle_open
from workbench.pacing import HOUR, agreed_pacing
from workbench.vocabulary import State

WALL = WallClock()
TAKEN = "it keeps its unique values in the recycle bin; empty the bin before a new load"
UNSURE = "whether its unique values were freed is not known; empty the recycle bin before a new load"
TRIES = (30.0, 300.0, 900.0)
"""Seconds between tries of a write without an answer: a deletion or a release may be repeated, it changes nothing twice."""


@dataclass(frozen=True)
class RollbackPreview:
    """What a rollback would do, or did; `window` is the longest time, in seconds, from reading a record to its fate."""

    verdicts: list[Verdict]
    calls: int
    hours: float
    window: float = 0.0

    @property
    def counts(self) -> pl.DataFrame:
        """Return rows by mapping and case."""
        found = Counter((one.identity.mapping, str(one.case)) for one in self.verdicts)
        rows = [(mapping, case, count) for (mapping, case), count in sorted(found.items())]
        return pl.DataFrame(rows, orient="row", schema={"mapping": pl.String, "case": pl.String, "rows": pl.Int64})

    @property
    def told(self) -> pl.DataFrame:
        """Return (source key, case) of every record."""
        rows = [(f"{one.identity.source_object}/{one.identity.source_id}", str(one.case)) for one in self.verdicts]
        return pl.DataFrame(rows, orient="row", schema={"key": pl.String, "told": pl.String})

    @property
    def kept(self) -> pl.DataFrame:
        """Return every record that stays, with the reason, for a person to look at: ids and names of fields."""
        names = ("mapping", "source_object", "source_id", "destination", "destination_id")
        rows = [
            (*(getattr(one.identity, name) for name in names), str(one.case), one.why)
            for one in self.verdicts
            if one.case in (Case.EDITED, Case.HANGING, Case.FILE, Case.REFUSED, Case.MERGED)
        ]
        schema = {name: pl.Int64 if name == "destination_id" else pl.String for name in (*names, "case", "why")}
        return pl.DataFrame(rows, orient="row", schema=schema)

    @property
    def advice(self) -> list[str]:
        """Return what a person has to do before a new load."""
        taken = [one.identity for one in self.verdicts if one.case is Case.DELETED and one.why]
        named = ", ".join(f"{one.source_object}/{one.source_id}" for one in taken[:5])
        more = f" and {len(taken) - 5} more" if len(taken) > 5 else ""
        text = f"Empty the recycle bin first, before a new load: {len(taken)} deleted records keep unique values there"
        return [f"{text} ({named}{more})."] if taken else []

    @property
    def caution(self) -> list[str]:
        """Return what could not be held, since Freshsales takes no condition with a write."""
        text = "s passed between reading and taking back a record; an edit then would be lost."
        return [f"Up to {self.window:.1f} {text}"] if self.window else []


def plan_rollback(session: Session) -> RollbackPreview:
    """Return what a rollback would do now, and about how many calls it would take; nothing is written."""
    survey = Survey(session)
    for parent in survey.parents:
        survey.read_children(parent)
    verdicts = [survey.judge(one) for one in survey.in_order()]
    edition = session.settings.edition
    calls = sum(
        (5 if endpoint(one.identity.destination, edition).has_custom_fields else 2)
        for one in verdicts
        if one.case in (Case.DELETED, Case.RESTORED, Case.EDITED)
    )
    return RollbackPreview(verdicts, calls, calls * agreed_pacing(session.settings).interval / HOUR)


def roll_back(session: Session, *, release: bool = True, clock: Clock = WALL) -> RollbackPreview:
    """Take back what can be taken back, each record by an operation of the ledger; killed, the next call goes on.

    Every record is read again right before it is deleted or restored. `release` first frees e-mail, name and source id,
    which the recycle bin would keep taken, so that a later load can use them again. By `clock`, the wall's, it is refused
    when `[policy] rollback_hours` have gone since the first green reconciliation; what was begun in time may be finished.
    """
    hours = int(session.settings["policy.rollback_hours"])
    begin_rollback(session.ledger, hours=hours, now=clock.now(), actor=session.actor)
    before = session.tenant.calls
    settle_open(Sending(session, Plan(0, "", "", "rollback", {}), Resolver(session.schema, {})))
    settle_undoing(session, release=release)
    survey = Survey(session)
    # What hung on a record that is gone may hang on another one now.
    for parent in survey.parents if survey.lost else ():
        survey.read_children(parent)
    undoing = Undoing(session, survey, release)
    verdicts = [undoing.undo(one) for one in survey.in_order()]
    calls = session.tenant.calls - before
    took = calls * agreed_pacing(session.settings).interval / HOUR
    return RollbackPreview(verdicts, calls, took, undoing.window)


def settle_undoing(session: Session, *, release: bool) -> None:
    """Finish the deletions that a killed rollback had begun; a record that a person changed meanwhile stays after all."""
    for one in open_operations(session.ledger):
        if one.action not in UNDONE:
            continue
        identity = find_identity(session.ledger, one.source_object, one.source_id)
        before = last_image(session.ledger, one.operation_id, "before")
        if identity is None or one.action == RESTORE or before is None:
            _record(session, Outcome(one.operation_id, State.ABSENT, reason="nothing was written yet"))
            continue
        sent = last_image(session.ledger, identity.operation_id, "sent") or {}
        now = read_now(session.tenant, identity.destination, identity.destination_id, sent.get("target"))
        if now is None:
            stays = "" if release else TAKEN
            _record(session, Outcome(one.operation_id, State.APPLIED, identity.destination_id, reason=stays))
        elif _is_untouched(identity, sent, before, now):
            _delete(session, identity, one.operation_id, now, release=release)
        else:
            hold_unique(session.tenant, identity.destination, identity.destination_id, before, now)
            _record(session, Outcome(one.operation_id, State.ABSENT, reason="a person changed it meanwhile"))


@dataclass
class Undoing:
    """A rollback in progress."""

    session: Session
    survey: Survey
    release: bool
    parent: tuple[str, int] = ("", 0)
    window: float = 0.0

    def undo(self, identity: Identity) -> Verdict:
        """Read one record again, judge it, and do what the verdict says; an edit in between would be lost."""
        self._read(identity)
        read_at = self.session.tenant.clock.now()
        verdict = self._done(identity)
        if verdict.case in (Case.DELETED, Case.RESTORED):
            self.window = max(self.window, self.session.tenant.clock.now() - read_at)
        return verdict

    def _done(self, identity: Identity) -> Verdict:
        verdict = self.survey.judge(identity)
        place = self.survey.place(identity)
        match verdict.case:
            case Case.DELETED:
                [operation_id] = self._intend(identity, DELETE)
                now = self.survey.now[place]
                keep_before(self.session.ledger, self.session.lease, operation_id, now)
                refused, stays = _delete(self.session, identity, operation_id, now, release=self.release)
                if refused:
                    self.survey.removed.discard(place)
                return Verdict(identity, Case.REFUSED if refused else Case.DELETED, refused or stays)
            case Case.GONE:
                self._forget(identity, DELETE, verdict.case)
            case Case.FILE if self._is_orphan(identity):
                # It hangs on nothing now, so a later load has to upload it again.
                self._forget(identity, DELETE, verdict.case)
            case Case.AS_BEFORE:
                self._forget(identity, RESTORE, verdict.case)
            case Case.RESTORED | Case.EDITED if identity.origin != "created":
                return self._restore(identity, verdict)
        return verdict

    def _read(self, identity: Identity) -> None:
        """Read a record as it is at this moment; the notes of one record are read together."""
        survey, place = self.survey, self.survey.place(identity)
        if identity.destination == "file":
            return
        if identity.destination == "note":
            parent = survey.parent_of(identity)
            if parent != self.parent:
                survey.read_children(parent)
                self.parent = parent
            return
        now = read_now(self.session.tenant, identity.destination, identity.destination_id, None)
        survey.now.pop(place, None)
        if now is not None:
            survey.note(identity.destination, now)
            if endpoint(identity.destination, self.session.settings.edition).has_custom_fields:
                survey.read_children(place)

    def _is_orphan(self, identity: Identity) -> bool:
        """Say whether the record of a file is gone, by us, a moment or a killed rollback ago, or by a person."""
        parent = self.survey.parent_of(identity)
        if parent not in self.survey.now and parent not in self.survey.removed:
            sent = last_image(self.session.ledger, identity.operation_id, "sent") or {}
            if read_now(self.session.tenant, str(sent["target"][0]), parent[1], None) is None:
                self.survey.removed.add(parent)
        return parent in self.survey.removed

    def _intend(self, identity: Identity, action: str) -> list[int]:
        row = (identity.mapping, identity.source_object, identity.source_id, identity.destination)
        intent = Intent(*row, action, action, identity.fingerprint, identity.delivered)
        return intend(self.session.ledger, self.session.lease, self.session.run_id, [intent])

    def _forget(self, identity: Identity, action: str, reason: str) -> None:
        [operation_id] = self._intend(identity, action)
        _record(self.session, Outcome(operation_id, State.APPLIED, identity.destination_id, reason=reason))

    def _restore(self, identity: Identity, verdict: Verdict) -> Verdict:
        """Set back what still is as we wrote it; with an answer that is lost, the next call finds what is left to do."""
        session, (fields, _) = self.session, self.survey.restorable(identity)
        if not fields:
            self._forget(identity, RESTORE, verdict.case)
            return verdict
        [operation_id] = self._intend(identity, RESTORE)
        now = self.survey.now[self.survey.place(identity)]
        keep_before(session.ledger, session.lease, operation_id, now)
        number, reason = identity.destination_id, verdict.case
        try:
            made = update_record(session.tenant, identity.destination, number, fields, before=now)
        except Refused as problem:
            _record(session, Outcome(operation_id, State.REJECTED, reason=problem.public))
            self.survey.note(identity.destination, now)  # it hangs on what it hung on
            return Verdict(identity, Case.REFUSED, problem.public)
        _record(session, Outcome(operation_id, State.APPLIED, number, reason=reason, read_back=made))
        return verdict


def _delete(
    session: Session, identity: Identity, operation_id: int, now: Mapping[str, Any], *, release: bool
) -> tuple[str, str]:
    """Delete one record softly and record it; return why Freshsales refused, and what stays taken in the bin, if so."""
    stays = _stays(session, identity, now, release=release)
    clock = session.tenant.clock
    for wait in TRIES:
        try:
            delete_record(session.tenant, identity.destination, identity.destination_id)
        except OutcomeUnknown:
            clock.wait_until(clock.now() + wait)
            continue
        except Refused as problem:
            hold_unique(session.tenant, identity.destination, identity.destination_id, now, now)
            _record(session, Outcome(operation_id, State.REJECTED, reason=problem.public))
            return problem.public, ""
        _record(session, Outcome(operation_id, State.APPLIED, identity.destination_id, reason=stays))
        return "", stays
    raise TenantUnreachable("Freshsales gave no answer to a deletion for long. Run the rollback again; it goes on.")


def _stays(session: Session, identity: Identity, now: Mapping[str, Any], *, release: bool) -> str:
    """Free the unique values of a record that is about to be deleted; return what a person has to know where they stay."""
    if not endpoint(identity.destination, session.settings.edition).has_custom_fields:
        return ""
    if not release:
        return TAKEN
    try:
        return "" if release_unique(session.tenant, identity.destination, identity.destination_id, now) else TAKEN
    except OutcomeUnknown:
        return UNSURE


def _is_untouched(
    identity: Identity, sent: Mapping[str, Any], before: Mapping[str, Any], now: Mapping[str, Any]
) -> bool:
    """Say whether nothing but the unique values, which we released, changed since a deletion was intended."""
    was = flatten(identity.destination, before)
    known = Known(dict.fromkeys(sent) | was, was, frozenset(), is_complete=True)
    return set(edited_fields(None, known, flatten(identity.destination, now))) <= set(UNIQUE)


def _record(session: Session, outcome: Outcome) -> None:
    record_outcomes(session.ledger, session.lease, session.actor, [outcome])
