"""Proposals for every value map that the snapshot asks, and accepting those above a confidence."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

import polars as pl

from workbench.dental.claims import suggest_claim_status
from workbench.dental.payers import OWN_PAYERS, extended
from workbench.dental.roles import route_of
from workbench.errors import StoreProblem
from workbench.mapping.budget import has_one_pipeline
from workbench.mapping.custom_fields import FOLDED
from workbench.mapping.files import Mappings, read_mappings
from workbench.mapping.setup import accept_folds, prefixed
from workbench.mapping.spellings import Asked, asked_spellings
from workbench.mapping.value_map import EXISTING, HMAC, Decided, ValueMap, bare, read_value_map, save_value_map
from workbench.settings import Settings
from workbench.suggest.carriers import suggest_carriers
from workbench.suggest.names import suggest_names
from workbench.suggest.opinions import carrier_opinions
from workbench.suggest.stages import suggest_stages
from workbench.suggest.suggestion import NEVER, NOT_SURE, Candidate, Suggestion, is_by_machine
from workbench.vocabulary import Decision, Target
from workbench.warehouse import open_warehouse

ROUTE_SURE = 0.97
LIKELY = 0.5
Proposer = Callable[[Settings, Asked], list[Suggestion]]


@dataclass(frozen=True)
class Proposal:
    """What is proposed for one value map."""

    asked: Asked
    suggestions: dict[str, Suggestion]
    told: str = ""
    """What came of asking the language model; empty where none is ever asked."""

    def frame(self) -> pl.DataFrame:
        """Return one row a spelling without an answer, most records first."""
        rows = []
        for spelling in self.asked.open:
            suggestion = self.suggestions.get(spelling)
            best = suggestion.best if suggestion else None
            rows.append(
                (
                    spelling,
                    self.asked.records[spelling],
                    best.value if best else None,
                    best.confidence if best else None,
                    best.reason if best else "no proposal",
                )
            )
        return pl.DataFrame(
            rows,
            orient="row",
            schema={
                "spelling": pl.String,
                "records": pl.Int64,
                "proposal": pl.String,
                "confidence": pl.Float64,
                "reason": pl.String,
            },
        ).sort(["records", "spelling"], descending=[True, False])


def propose(settings: Settings, mappings: Mappings) -> list[Proposal]:
    """Return proposals for every value map, by name."""
    made = []
    for asked in asked_spellings(settings, mappings):
        proposer = PROPOSERS.get(asked.name.partition(".")[0], _same_name)
        found, told = proposer(settings, asked), ""
        if proposer is _carriers:
            found, told = carrier_opinions(settings, asked, found, extended(settings.mappings / OWN_PAYERS))
        # What may hold personal data is for a person to see, however sure the proposal.
        found = [replace(one, threshold=NEVER) if asked.decided.hides(one.source_value) else one for one in found]
        made.append(Proposal(asked, {one.source_value: one for one in found}, told))
    return made


def best_answers(settings: Settings, mappings: Mappings) -> dict[str, dict[str, str]]:
    """Return the best proposal of each open spelling, by value map, where it is likelier than not: what an editor fills in."""
    return {
        one.asked.name: {
            spelling: found.best.value
            for spelling in one.asked.open
            if (found := one.suggestions.get(spelling)) and found.best and found.best.confidence >= LIKELY
        }
        for one in propose(settings, mappings)
    }


def accept(settings: Settings, mappings: Mappings, *, above: float, by: str, on: str, own: bool) -> pl.DataFrame:
    """Write `map` rows for proposals at or above a confidence and `ask` rows for all that stay open.

    What a person asks about stays as it is, and is counted (`asked`) among what is open. `own` writes beside the target's
    ledger: a rehearsal's decisions stay its own. What is written into mappings/values is proposed and judged as for a real
    target, so that no decision of a rehearsal answers it, covers it or is copied there.
    """
    folder = settings.own_decisions if own else settings.mappings / "values"
    if not own:
        mappings = read_mappings(replace(settings, target=Target.FRESHSALES))
    rows = []
    for proposal in propose(settings, mappings):
        asked = proposal.asked
        if asked.name == EXISTING and settings.is_rehearsal and not own:
            continue  # its answers are numbers of the rehearsal tenant's records; in a real tenant they are others
        written = read_value_map(asked.name, [folder], asked.decided.key)
        # What the tenant itself answers is no row of a person's.
        known = {one: row for one in asked.records if (row := (asked.decided if own else written).find(one))}
        still_open = [one for one in asked.records if one not in known or known[one].is_open]
        made = accept_open(proposal, written, still_open, above=above, by=by, on=on, known=known)
        accepted = sum(made.rows.get(one) != written.rows.get(one) and not made.rows[one].is_open for one in still_open)
        if made.rows != written.rows:
            save_value_map(folder, made)
        asks = len(asked_by_people(asked, written, still_open))
        rows.append((asked.name, len(asked.records), accepted, len(still_open) - accepted, asks))
    if folded := accept_folds(mappings.settings, above=above, by=by, on=on, folder=folder):
        rows.append((FOLDED, folded, folded, 0, 0))
    return pl.DataFrame(
        rows,
        orient="row",
        schema={
            "value_map": pl.String,
            "spellings": pl.Int64,
            "accepted": pl.Int64,
            "open": pl.Int64,
            "asked": pl.Int64,
        },
    )


def turned_down_note(answer: str) -> str:
    """Return the words of a note that say that an answer was proposed, and a person turned it down."""
    return f"not {answer or 'blank'}"


def accept_open(
    proposal: Proposal,
    written: ValueMap,
    still_open: Collection[str],
    *,
    above: float,
    by: str,
    on: str,
    known: Collection[str],
) -> ValueMap:
    """Return a map with the proposals of open spellings at or above a confidence decided, and all the rest asked.

    `known` are the spellings that have a row, if only `ask`: it stays as it is. What a person asks about is not taken,
    however sure its proposal.
    """
    asked, rows = proposal.asked, dict(written.rows)
    left = asked_by_people(asked, written, still_open)
    for spelling in still_open:
        suggestion = proposal.suggestions.get(spelling)
        best = suggestion.best if suggestion else None
        may = suggestion is not None and suggestion.threshold < NEVER and spelling not in left
        if suggestion and best and may and best.confidence >= above and not asked.decided.hides(spelling):
            note = f"suggested {best.confidence:.2f}: {best.reason}"
            rows[spelling] = Decided(spelling, suggestion.decision, best.value, by, on, note)
        elif spelling not in known:
            note = suggestion.hint if suggestion else ""
            rows[spelling] = Decided(spelling, Decision.ASK, "", by, on, note or NOT_SURE)
    return replace(written, rows=rows)


def asked_by_people(asked: Asked, written: ValueMap, spellings: Collection[str]) -> set[str]:
    """Return the spellings whose `ask` row a person left: with no note, or with one that accepting does not write."""
    found = ((one, row) for one in spellings for row in (asked.decided.find(one), written.find(one)))
    return {one for one, row in found if row and row.is_open and not is_by_machine(bare(row, one).note)}


def _carriers(settings: Settings, asked: Asked) -> list[Suggestion]:
    """A payer of the shipped list and of the practice's own, or what people answered for the same spelling before."""
    rows = asked.decided.rows.items()
    decided = {one: row.answer for one, row in rows if row.answer and not one.startswith(HMAC)}
    return suggest_carriers(asked.records, payers=extended(settings.mappings / OWN_PAYERS), decided=decided)


def suggest_claims(spellings: list[str]) -> list[Suggestion]:
    """Propose one of the five claim statuses, or blank; rejected is not denied."""
    made = []
    for spelling in spellings:
        found = suggest_claim_status(spelling)
        candidates = (
            ()
            if found.decision is Decision.ASK and not found.value
            else (Candidate(found.value or "", found.confidence, found.reason),)
        )
        decision = Decision.BLANK if found.decision is Decision.BLANK else Decision.MAP
        made.append(Suggestion(spelling, candidates, str(found.decision), decision))
    return made


def _claims(_: Settings, asked: Asked) -> list[Suggestion]:
    return suggest_claims(list(asked.records))


def _routes(_: Settings, asked: Asked) -> list[Suggestion]:
    made = []
    for spelling in asked.records:
        role, status, appointment = spelling.split("|")
        found = route_of(role, status, has_appointment=appointment == "y")
        # A route that nobody can tell is no proposal: the people in it are held until somebody decides.
        made.append(
            Suggestion(spelling, () if found.route == "hold" else (Candidate(found.route, ROUTE_SURE, found.reason),))
        )
    return made


def _owners(settings: Settings, asked: Asked) -> list[Suggestion]:
    """An owner is a tenant user with the same e-mail; one that several share, or who left, is for a person to say."""
    with open_warehouse(settings.warehouse) as warehouse:
        if not warehouse.has("destination.users"):
            raise StoreProblem("The tenant's users are not read yet. Run notebooks/30_suggest.ipynb.")
        rows = warehouse.run(
            "SELECT u.user_id, lower(trim(d.email)), upper(coalesce(u.is_active, 'Y')) = 'Y',"
            " count(*) OVER (PARTITION BY lower(trim(u.email)))"
            " FROM profile.read_users u JOIN destination.users d ON lower(trim(d.email)) = lower(trim(u.email)) WHERE d.is_active"
        )
    found = {}
    for user, email, is_active, users in rows:
        if users > 1:
            found[user] = Candidate(email, 0.5, f"same e-mail, and {users} users share it")
        elif not is_active:
            found[user] = Candidate(email, 0.6, "same e-mail, and inactive in Dental-Exec")
        else:
            found[user] = Candidate(email, 1.0, "same e-mail")
    return [Suggestion(user, (found[user],) if user in found else ()) for user in asked.records]


def _stages(settings: Settings, asked: Asked) -> list[Suggestion]:
    """A stage of the export keeps its name where its pipeline lists it; in a shared pipeline it gets a prefix."""
    with open_warehouse(settings.warehouse) as warehouse:
        rows = warehouse.run(
            "SELECT DISTINCT s.stage_name, p.pipeline_name"
            " FROM profile.read_case_stages s JOIN profile.read_case_pipelines p USING (pipeline_id)"
            " WHERE 'stage.' || lower(regexp_replace(trim(p.pipeline_name), '[^A-Za-z0-9]+', '_', 'g')) = ?",
            [asked.name],
        )
    if has_one_pipeline(settings.plan):
        found = suggest_stages(asked.records, {stage: () for stage, _ in rows})
        names = {stage: prefixed(pipeline, stage) for stage, pipeline in rows}
        return [
            replace(one, candidates=tuple(replace(each, value=names[each.value]) for each in one.candidates))
            for one in found
        ]
    return suggest_stages(asked.records, {row[0]: () for row in rows})


def _pipelines(settings: Settings, asked: Asked) -> list[Suggestion]:
    """A treatment keeps a pipeline of its own; on a plan with one, all share the one that the tenant has."""
    if not has_one_pipeline(settings.plan):
        return _treatments(settings, asked)
    with open_warehouse(settings.warehouse) as warehouse:
        if not warehouse.has("destination.choices"):
            raise StoreProblem("The tenant's pipelines are not read yet. Run notebooks/30_suggest.ipynb.")
        there = warehouse.run("SELECT name FROM destination.choices WHERE kind = 'deal_pipelines'")
    if len(there) != 1:
        return []
    shared = Candidate(str(there[0][0]), 1.0, f"the plan {settings.plan} has one pipeline")
    return [Suggestion(one, (shared,)) for one in asked.records]


def _treatments(settings: Settings, asked: Asked) -> list[Suggestion]:
    with open_warehouse(settings.warehouse) as warehouse:
        rows = warehouse.run("SELECT DISTINCT pipeline_name FROM profile.read_case_pipelines")
    return suggest_names(asked.records, {row[0]: () for row in rows})


def _existing(_: Settings, asked: Asked) -> list[Suggestion]:
    """A row that may stand in the tenant already: the records it may be, by number, the surest first."""
    found: dict[str, list[Candidate]] = {}
    for one in asked.matches:
        found.setdefault(one.source_key, []).append(Candidate(str(one.destination_id), one.confidence, one.reason))
    return [Suggestion(key, tuple(candidates), "record") for key, candidates in found.items()]


def _same_name(_: Settings, asked: Asked) -> list[Suggestion]:
    return []


PROPOSERS: dict[str, Proposer] = {
    EXISTING: _existing,
    "insurance_carrier": _carriers,
    "claim_status": _claims,
    "contact_route": _routes,
    "owner": _owners,
    "stage": _stages,
    "case_pipeline": _pipelines,
    "treatment_pipeline": _treatments,
}
