"""`workbench …`: argument parsing, one call a verb; exit 0 done, 1 stopped with a reason, 2 wrong usage."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from traceback import extract_tb
from typing import Any

from workbench import __version__
from workbench.errors import WorkbenchError
from workbench.journey.steps import APART, READ_FOR, STEPS

Answer = dict[str, Any] | list[Any]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = _parser().parse_args(argv)
    umask = os.umask(0o077)  # what a command and its notebooks write is their owner's alone
    try:
        answer = arguments.verb(arguments)
    except WorkbenchError as problem:
        return _stop(arguments, type(problem).__name__, str(problem))
    except KeyboardInterrupt:
        return _stop(arguments, "Interrupted", "stopped. Nothing is lost: run it again to go on.")
    except Exception as fault:
        places = [f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in extract_tb(fault.__traceback__)]
        return _stop(arguments, type(fault).__name__, "\n".join([f"failed with {type(fault).__name__}", *places]))
    finally:
        os.umask(umask)
    code = int(answer.pop("exit", 0)) if isinstance(answer, dict) else 0
    text = answer.pop("text", None) if isinstance(answer, dict) else None
    if arguments.json:
        print(json.dumps(answer, default=str, ensure_ascii=False))
    elif text:
        print(text)
    return code


def _stop(arguments: argparse.Namespace, name: str, reason: str) -> int:
    print(f"workbench {arguments.command}: {reason}", file=sys.stderr)
    if arguments.json:
        print(json.dumps({"stopped": name, "reason": reason}, ensure_ascii=False))
    return 1


def _share(text: str) -> float:
    if not 0 <= (share := float(text) if text.replace(".", "", 1).isdecimal() else -1.0) <= 1:
        raise argparse.ArgumentTypeError("it is a share between 0 and 1, such as 0.95")
    return share


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("workbench", description="Move a dental practice from Dental-Exec to Freshsales.")
    parser.add_argument("--version", action="version", version=__version__)
    verbs = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def verb(name: str, does: Callable[[argparse.Namespace], Answer], text: str) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=text, description=text)
        made.add_argument("--migration", default=".", metavar="DIR", help="migration folder (default: found upwards)")
        made.add_argument("--json", action="store_true", help="print one JSON document on stdout")
        made.set_defaults(verb=does)
        return made

    def target(made: argparse.ArgumentParser, default: str | None = "rehearsal") -> None:
        told = f"where to write (default: {default or 'where a run waits'})"
        made.add_argument("--target", choices=["rehearsal", "freshsales"], default=default, help=told)

    one = verb("init", _init, "make a migration folder that runs by itself")
    one.add_argument("folder", metavar="DIR")
    one.add_argument("--exports", metavar="PATH", help="folder, zip or workbook of Dental-Exec exports")
    one = verb("sample", _sample, "write a generated practice: an export and truth.json beside it")
    one.add_argument("--out", required=True, metavar="DIR")
    one.add_argument("--patients", type=int, default=400, metavar="N")
    one.add_argument("--seed", type=int, default=7, metavar="S")
    one.add_argument("--dialect", choices=["clean", "messy"], default="clean")
    one.add_argument("--later", action="store_true", help="write a later delivery, too, with its own truth")
    one.add_argument("--foreign", action="store_true", help="write foreign.json: what stands in the tenant before")
    one = verb("tenant", _tenant, "serve a rehearsal Freshsales tenant")
    one.add_argument("--port", type=int, default=0, metavar="P")
    one.add_argument("--edition", choices=["suite", "classic"], default="suite")
    one.add_argument("--plan", choices=["free", "growth", "pro", "enterprise"], default="enterprise")
    one.add_argument("--setup", metavar="FILE", help="setup.json to begin with")
    one.add_argument("--state", metavar="DIR", help="where its state is kept (default: data/tenant)")
    one.add_argument("--idle", type=float, metavar="SECONDS", help="end after so many seconds without a call")
    one.add_argument("--tls", action="store_true", help="serve https under a private CA")
    one = verb("rehearse", _rehearse, "run every step into the embedded rehearsal tenant")
    one.add_argument("--fresh", action="store_true", help="forget the last rehearsal: its tenant and its ledger")
    one.add_argument("--patients", type=int, default=400, metavar="N", help="size of the generated practice")
    one = verb("run", _run, "run the steps of the journey; an unfinished run goes on where it stopped")
    steps = [*STEPS, *APART]
    one.add_argument("--from", dest="first", metavar="STEP", choices=steps, help=f"first step: {', '.join(steps)}")
    one.add_argument("--to", dest="last", metavar="STEP", choices=steps, help="last step")
    one.add_argument("--exports", metavar="PATH_OR_URL", help="add a delivery to data/exports and take it")
    one.add_argument("--fresh", action="store_true", help="start another run")
    target(one)
    one = verb("suggest", _suggest, "propose values, or accept the proposals that are sure")
    one.add_argument("what", nargs="?", choices=["carriers", "fields", "ada", "stages", "claims"])
    one.add_argument("--values", metavar="FILE", help="CSV of values to propose for")
    one.add_argument("--choices", metavar="FILE", help="CSV of choices to propose out of")
    one.add_argument("--accept-above", type=_share, metavar="P", help="map at or above P (0 to 1), ask for the rest")
    one.add_argument("--by", metavar="NAME", help="who accepts")
    target(one, None)
    one = verb("approve", _approve, "sign the lock that is due")
    one.add_argument("--by", required=True, metavar="NAME")
    one.add_argument("--what", choices=["mapping", "load", "setup"])
    target(one, None)
    target(verb("forecast", _forecast, "say what it takes, and no when that is too much"))
    one = verb("status", _status, "say where the last run stands, and what is held")
    one.add_argument("--held", action="store_true", help="list held rows by cause")
    one.add_argument("--xlsx", metavar="FILE", help="write held rows as a workbook to type decisions into")
    one.add_argument("--read-back", metavar="FILE", help="take what was typed into it, or into premapping.xlsx")
    one.add_argument("--by", metavar="NAME", help="who typed what --read-back takes")
    one.add_argument("--pdf", metavar="DIR", help="print the pages to read and sign there, with a Chromium")
    target(one)
    one = verb("rollback", _rollback, "take back what we created and nobody changed since")
    group = one.add_mutually_exclusive_group(required=True)
    group.add_argument("--preview", action="store_true")
    group.add_argument("--confirm", action="store_true")
    one.add_argument("--keep-unique", action="store_true", help="leave e-mail, name and source id on what is deleted")
    target(one)
    one = verb("explain", _explain, "tell why a record is like this")
    one.add_argument("object")
    one.add_argument("source_id")
    target(one)
    one = verb("verify-log", _verify_log, "check the audit chain")
    one.add_argument("--anchor", metavar="TEXT", help='of a signed report: "1,234 entries: 0f3a9c2b71d4e856"')
    one.add_argument("--out", metavar="DIR", help="write the log there, and the program that checks it alone")
    target(one)
    target(verb("doctor", _doctor, "check settings, mappings, keys, stores and the tenant"))
    verb("lab", _lab, "open the notebooks in JupyterLab")
    one = verb("purge", _purge, "delete the warehouse and the runs; ledger and decisions stay")
    one.add_argument("--confirm", action="store_true")
    one = verb("archive", _archive, "keep exports, decisions, ledgers and pages as one encrypted file, or restore one")
    one.add_argument("--out", required=True, metavar="PATH", help="the new file, or the new folder to restore into")
    one.add_argument("--restore", metavar="FILE", help="restore this archive")
    return parser


def _settings(arguments: argparse.Namespace) -> Any:
    from workbench.settings import read_settings

    target = getattr(arguments, "target", "rehearsal")
    if target is None:  # what is accepted or signed is due where a run waits
        from workbench.journey.locks import target_that_waits

        target = target_that_waits(arguments.migration)
    return read_settings(arguments.migration, target)


def _init(arguments: argparse.Namespace) -> Answer:
    from workbench.journey.starter import init_migration, tell_made

    folder = Path(arguments.folder)
    return tell_made(folder, init_migration(folder, Path(arguments.exports) if arguments.exports else None))


def _sample(arguments: argparse.Namespace) -> Answer:
    from workbench.sample.generation import write_sample

    how = {name: getattr(arguments, name) for name in ("patients", "seed", "dialect", "later", "foreign")}
    made = write_sample(Path(arguments.out), **how)
    text = f"Wrote {sum(made.rows.values()):,} rows to {made.folder / 'exports'}, and truth.json beside them."
    return {"folder": str(made.folder), "rows": made.rows, "text": text}


def _tenant(arguments: argparse.Namespace) -> Answer:
    from workbench.tenant.__main__ import main as serve

    given = {name: getattr(arguments, name) for name in ("edition", "plan", "setup", "idle")}
    given |= {"state": arguments.state or "data/tenant", "port": arguments.port or None}
    words = [word for name, value in given.items() if value is not None for word in (f"--{name}", str(value))]
    return {"exit": serve([*words, *(["--tls"] if arguments.tls else [])]) or 0}


def _rehearse(arguments: argparse.Namespace) -> Answer:
    from workbench.journey.run import rehearse

    summary = rehearse(_settings(arguments), patients=arguments.patients, fresh=arguments.fresh)
    return {**summary, "exit": 0 if summary["reconciled"] else 1}


def _run(arguments: argparse.Namespace) -> Answer:
    from workbench.journey.record import run_report
    from workbench.journey.run import run_steps
    from workbench.journey.starter import add_delivery

    settings = _settings(arguments)
    if arguments.exports:
        add_delivery(settings, arguments.exports)
        settings = _settings(arguments)
    ran = run_steps(settings, first=arguments.first, last=arguments.last, fresh=arguments.fresh)
    return run_report(settings, ran.run.run_id, ran.done, ran.skipped)


def _suggest(arguments: argparse.Namespace) -> Answer:
    if arguments.what:
        from workbench.suggest.value_files import suggest_values, tell_values, wrong_usage

        if problem := wrong_usage(arguments.what, arguments.values, arguments.choices):
            raise SystemExit(_usage(problem))
        found = suggest_values(arguments.what, arguments.values, arguments.choices)
        arguments.json = arguments.json or not sys.stdout.isatty()  # another program gets one array, as with --json
        return found if arguments.json else {"text": tell_values(found)}
    if arguments.accept_above is None or not (by := (arguments.by or "").strip()):
        raise SystemExit(_usage("suggest needs what to suggest and --values FILE, or --accept-above P --by NAME"))
    from workbench.suggest.acceptance import accept_proposals

    return accept_proposals(_settings(arguments), above=arguments.accept_above, by=by, on=date.today().isoformat())


def _approve(arguments: argparse.Namespace) -> Answer:
    from workbench.journey.run import sign_built

    return sign_built(_settings(arguments), by=arguments.by, what=arguments.what)


def _forecast(arguments: argparse.Namespace) -> Answer:
    from workbench.journey.loading import tell_forecast

    return tell_forecast(_settings(arguments))


def _status(arguments: argparse.Namespace) -> Answer:
    from workbench.audiences.paper import print_run
    from workbench.journey.status import held_workbook, status

    settings = _settings(arguments)
    if arguments.read_back:
        return _read_back(arguments, settings)
    if arguments.pdf:
        return print_run(settings, READ_FOR, Path(arguments.pdf))
    return held_workbook(settings, Path(arguments.xlsx)) if arguments.xlsx else status(settings, held=arguments.held)


def _read_back(arguments: argparse.Namespace, settings: Any) -> Answer:
    if not (by := (arguments.by or "").strip()):
        raise SystemExit(_usage("status --read-back FILE needs --by NAME"))
    from workbench.editors.comments import read_back
    from workbench.mapping.files import read_mappings

    return read_back(settings, read_mappings(settings), Path(arguments.read_back), by=by, on=date.today().isoformat())


def _rollback(arguments: argparse.Namespace) -> Answer:
    from workbench.journey.loading import rollback

    return rollback(_settings(arguments), confirm=arguments.confirm, release=not arguments.keep_unique)


def _explain(arguments: argparse.Namespace) -> Answer:
    from workbench.journey.record import explain

    return explain(_settings(arguments), arguments.object, arguments.source_id)


def _verify_log(arguments: argparse.Namespace) -> Answer:
    from workbench.journey.status import verify_log

    return verify_log(_settings(arguments), anchor=arguments.anchor, out=arguments.out)


def _doctor(arguments: argparse.Namespace) -> Answer:
    from workbench.journey.status import examine

    return examine(_settings(arguments))


def _lab(arguments: argparse.Namespace) -> Answer:
    from workbench.journey.jupyter import open_lab

    return {"exit": open_lab(_settings(arguments))}


def _purge(arguments: argparse.Namespace) -> Answer:
    from workbench.keeping.purge import purge

    return purge(_settings(arguments), confirm=arguments.confirm)


def _archive(arguments: argparse.Namespace) -> Answer:
    from workbench.keeping.archive import archive, restore

    out, restored = Path(arguments.out), arguments.restore
    return restore(Path(restored), out) if restored else archive(_settings(arguments), out)


def _usage(text: str) -> int:
    print(f"workbench: {text}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
