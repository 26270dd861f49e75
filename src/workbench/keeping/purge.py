"""Delete what holds patients' values and can be rebuilt; a certificate says what was destroyed, and what remains."""

from __future__ import annotations

import hashlib
import html
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench.clock import WallClock, as_text
from workbench.errors import StoreProblem
from workbench.keeping.archive import note_everywhere
from workbench.keeping.contents import LEDGER_COPY, NAMED
from workbench.keeping.retention import MAY_GO, RESTS_ON, retentions
from workbench.ledger.audit import audit_head, person
from workbench.ledger.images import count_images
from workbench.ledger.store import open_ledger
from workbench.privacy import keep_private, private_folder
from workbench.settings import Settings
from workbench.vocabulary import Target

REBUILDABLE = (
    "data/warehouse.duckdb",
    "data/warehouse.duckdb.wal",
    "data/spill",
    "data/unpacked",
    "data/runs",
    "data/sample",
    "data/lab",
    "data/suggest",
    LEDGER_COPY,
)
CERTIFICATES = "data/purged"
REMAINS = {
    "data/exports": "exports as received; patients' values in clear",
    NAMED: "exports as received; patients' values in clear",
    "data/freshsales": "the ledger, never deleted: ids, states, hashes; images are sealed",
    "data/rehearsal": "the rehearsal's tenant, in clear what was rehearsed; `workbench rehearse --fresh` deletes it with its ledger",
    "data/spellings.key": "the key of the tokens in value maps",
    "mappings": "decisions: spellings as typed, or as keyed tokens",
    "expectations": "decisions",
    "migration.toml": "decisions",
}
METHOD = (
    "Each file was read, hashed and unlinked. Copies, backups, archives and snapshots of the disk are not reached, nor blocks that a"
    " disk may still hold: keep data/ on an encrypted disk. The images in a ledger are unreadable for everybody once its"
    " key is destroyed (WORKBENCH_KEY, in a rehearsal data/rehearsal/key); its audit log stays verifiable."
)


def purge(settings: Settings, *, confirm: bool) -> dict[str, Any]:
    """Delete what can be rebuilt and certify it, or say what would be deleted; ledgers, exports and decisions stay."""
    there = [name for name in REBUILDABLE if os.path.lexists(settings.folder / name)]
    listed = {name: sorted(_files(settings.folder / name)) for name in there}
    count = sum(map(len, listed.values()))
    size = sum(path.lstat().st_size for paths in listed.values() for path in paths)
    told = f"{', '.join(there) or 'nothing'}{f' ({count:,} files, {size:,} bytes)' if there else ''}"
    sentences = [one.sentence for one in retentions(settings)]
    kept = [*sentences, RESTS_ON] if sentences else []
    answer = {"paths": there, "files": count, "bytes": size, "deleted": confirm, "kept": kept}
    if not confirm:
        text = f"Would delete (add --confirm): {told}. Ledgers and decisions stay."
        return {**answer, "text": "\n".join([text, *kept, MAY_GO] if kept else [text])}
    lines = {name: [_line(settings.folder, path) for path in paths] for name, paths in listed.items()}
    digest = _list_digest(one for name in there for one in lines[name])
    note_everywhere(settings, "purge begun", paths=there, files=count, sha256=digest)
    left = [name for name in there if not _is_deleted(settings.folder / name)]
    note_everywhere(settings, "warehouse and runs purged", paths=there, files=count, sha256=digest, left=left)
    destroyed = [
        {
            "path": name,
            "files": len(lines[name]),
            "bytes": sum(one["bytes"] for one in lines[name]),
            "sha256": _list_digest(lines[name]),
        }
        for name in there
        if name not in left
    ]
    certificate = {
        "certificate": "What was destroyed",
        "migration": settings["migration.id"],
        "practice": settings["practice.name"],
        "purged_at": as_text(WallClock().now()),
        "purged_by": person(),
        "destroyed": destroyed,
        "left": left,
        "list_sha256": digest,
        "remains": _remains(settings),
        "kept": kept,
        "audit": _heads(settings),
        "method": METHOD,
        "list": [one for name in there for one in lines[name]],
    }
    path = _write(settings, certificate)
    named = path.relative_to(settings.folder).as_posix()
    if left:
        raise StoreProblem(
            f"{len(left)} of {len(there)} could not be deleted whole: {', '.join(left)}. End what uses them, then purge"
            f" again. {named} says what is gone."
        )
    text = f"Deleted: {told}. Ledgers and decisions stay. The certificate: {named}"
    return {**answer, "certificate": named, "text": "\n".join([text, *kept])}


def _files(root: Path) -> Iterator[Path]:
    """Yield the files below a root, sorted; a link is itself, not what it leads to."""
    if root.is_symlink() or root.is_file():
        yield root
        return
    for folder, folders, names in os.walk(root):
        folders.sort()
        links = [one for one in folders if Path(folder, one).is_symlink()]
        yield from (Path(folder, name) for name in sorted([*names, *links]))


def _line(folder: Path, path: Path) -> dict[str, Any]:
    """Return path, bytes and SHA-256 of one file; of a link or what cannot be read no hash."""
    digest = ""
    if not path.is_symlink() and path.is_file():
        with suppress(OSError), path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"path": path.relative_to(folder).as_posix(), "bytes": path.lstat().st_size, "sha256": digest}


def _list_digest(lines: Any) -> str:
    """Return the SHA-256 of lines as sha256sum writes them: hash, two blanks, path."""
    return hashlib.sha256(
        "".join(f"{one['sha256']}  {one['path']}\n" for one in lines).encode("utf-8", "surrogateescape")
    ).hexdigest()


def _is_deleted(path: Path) -> bool:
    """Delete and say whether that is gone; a link is left, since what it leads to would stay and be thought gone."""
    try:
        if path.is_symlink():
            return False
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    except OSError:
        return not os.path.lexists(path)
    return True


def _remains(settings: Settings) -> list[dict[str, Any]]:
    """Return what holds records or decisions still, with how many files and bytes."""
    places = {settings.folder / name: what for name, what in REMAINS.items()}
    if not settings.is_sample:
        places.setdefault(settings.exports, "exports as received; patients' values in clear")
    made = []
    for place, what in places.items():
        if place.exists():
            paths = list(_files(place))
            inside = place.is_relative_to(settings.folder)
            name = place.relative_to(settings.folder).as_posix() if inside else str(place)
            made.append(
                {"path": name, "files": len(paths), "bytes": sum(one.lstat().st_size for one in paths), "what": what}
            )
    return made


def _heads(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return of each ledger how far its audit chain goes, and how many sealed images it holds."""
    found = {}
    for one in (replace(settings, target=target) for target in Target):
        if one.ledger.is_file():
            ledger = open_ledger(one.ledger, b"")
            entries, head = audit_head(ledger)
            found[str(one.target)] = {"entries": entries, "head": head, "sealed_images": count_images(ledger)}
            ledger.engine.dispose()
    return found


def _write(settings: Settings, certificate: dict[str, Any]) -> Path:
    """Write the certificate as JSON and as a page, under a name that is not taken, and return the page."""
    folder = private_folder(settings.folder / CERTIFICATES)
    stamp = certificate["purged_at"].replace(":", "").replace("-", "")
    number, name = 1, stamp
    while (folder / f"{name}.json").exists():
        number += 1
        name = f"{stamp}-{number}"
    page = folder / f"{name}.html"
    for path, text in ((folder / f"{name}.json", json.dumps(certificate, indent=1)), (page, _page(certificate, name))):
        path.write_text(text + "\n", "utf-8")
        keep_private(path)
    return page


def _page(certificate: dict[str, Any], name: str) -> str:
    """Return the certificate as one page of plain HTML."""

    def table(caption: str, columns: tuple[str, ...], rows: list[dict[str, Any]]) -> str:
        head = "".join(f"<th scope='col'>{column}</th>" for column in columns)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(_shown(row[column]))}</td>" for column in columns) + "</tr>"
            for row in rows
        )
        return f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    audit = [{"target": target, **facts} for target, facts in certificate["audit"].items()]
    facts = [
        f"Migration {certificate['migration']} of {certificate['practice']}.",
        f"Destroyed at {certificate['purged_at']} by {certificate['purged_by']}.",
        f"Could not be deleted: {', '.join(certificate['left']) or 'nothing'}.",
        f"SHA-256 of the list of files: {certificate['list_sha256']}. The audit log holds it, too; {name}.json has the list.",
    ]
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>What was destroyed</title><style>"
        "body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}td,th{text-align:left;padding:.2rem .8rem"
        " .2rem 0;overflow-wrap:anywhere}caption{text-align:left;font-weight:bold;margin-top:1rem}</style></head><body><main>"
        "<h1>What was destroyed</h1>",
        *(f"<p>{html.escape(one)}</p>" for one in facts),
        table(
            "Destroyed; the SHA-256 is of the list of its files",
            ("path", "files", "bytes", "sha256"),
            certificate["destroyed"],
        ),
        table("What remains", ("path", "files", "bytes", "what"), certificate["remains"]),
        "<h2>Until when the rest is kept</h2>",
        *(f"<p>{html.escape(one)}</p>" for one in certificate["kept"]),
        table("Audit chain after it", ("target", "entries", "head", "sealed_images"), audit),
        f"<p>{html.escape(certificate['method'])}</p><p>Signature: ____________________</p></main></body></html>",
    ]
    return "\n".join(parts)


def _shown(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
