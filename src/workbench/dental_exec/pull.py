"""Pull one delivery by URL into a folder: resumable, checksummed, and never with a credential in a name or message."""

from __future__ import annotations

import ipaddress
import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

import fsspec

from workbench.dental_exec.encodings import hash_file
from workbench.errors import ExportProblem, StoreProblem
from workbench.privacy import private_folder

CHUNK = 4 * 1024 * 1024
ENDINGS = (".zip", ".xlsx", ".xlsm")
MAGIC = (b"PK", b"\xd0\xcf\x11\xe0")
"""How zips and workbooks begin; the second are those with a password, which opening them will tell."""
SCHEMES = ("", "file", "https", "http", "sftp")
TRIES = 5
MARKS = ("ETag", "Last-Modified", "mtime")
"""What file systems say of a file that changes with its bytes."""

Opener = Callable[[str], tuple[Any, str]]
Progress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Remote:
    """An opened file elsewhere, what to call it, and whom to tell of the bytes."""

    files: Any
    path: str
    size: int | None
    told: str
    progress: Progress | None


def is_url(text: str) -> bool:
    """Say whether a text is a URL rather than a path."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", text) is not None


def pull(url: str, into: Path, *, opener: Opener | None = None, progress: Progress | None = None) -> Path:
    """Return the zip or workbook that a URL or path names, copied into a folder with its sha256 beside it.

    A pull that was cut goes on where it stopped. The same bytes again change nothing; other bytes under a name that is
    taken are an error. `progress` is told the bytes so far and in all.
    """
    name = _file_name(url)
    told = f"{name} at {urlsplit(url).hostname}" if urlsplit(url).hostname else name
    _require_safe(url, told)
    try:
        files, path = (opener or _open)(url)
        facts = files.info(path)
    except ImportError:
        raise ExportProblem(
            f"{told} comes by sftp, which needs paramiko: install the workbench with its extra [sftp],"
            " or fetch the file by hand."
        ) from None
    except ExportProblem:
        raise
    except Exception as problem:  # each file system has errors of its own, and some of them carry the URL
        raise ExportProblem(f"{told} cannot be opened ({type(problem).__name__}): not there, or not for you.") from None
    _require_safe(str(facts.get("url", "")), told)
    if facts.get("type") == "directory":
        raise ExportProblem(f"{told} is a folder. Name one zip or workbook.")
    mark = {key: str(facts[key]) for key in ("size", *MARKS) if facts.get(key) is not None}
    standing = _standing(into, name)
    if standing and len(mark) > 1 and _read(into / f".{name}.source") == mark:
        return standing
    private_folder(into)
    part, source = into / f".{name}.part", into / f".{name}.part.source"
    if _read(source) != mark or len(mark) < 2:
        part.unlink(missing_ok=True)
    source.write_text(json.dumps(mark), "utf-8")
    try:
        _fetch(Remote(files, path, facts.get("size"), told, progress), part)
        target = _settle(part, name, standing, told)
    except OSError as problem:
        raise StoreProblem(f"{told} could not be written ({problem.strerror}). Make room, then run again.") from None
    finally:
        if not part.exists():
            source.unlink(missing_ok=True)
    (into / f".{name}.source").write_text(json.dumps(mark), "utf-8")
    return target


def _fetch(remote: Remote, part: Path) -> None:
    """Bring a part to its full size from where it stands, by ranges, or whole from a server that knows none."""
    size = remote.size
    whole = size is None
    for _ in range(TRIES):
        begun = part.stat().st_size if part.exists() and not whole else 0
        if begun and begun == size:
            return
        with part.open("r+b" if begun and begun < (size or 0) else "wb") as file:
            problem = _copy(remote, file, 0 if whole else CHUNK)
        if problem is None and size in (None, part.stat().st_size):
            return
        whole = whole or isinstance(problem, ValueError)
    done = part.stat().st_size
    raise ExportProblem(
        f"{remote.told}: the connection was lost {TRIES} times; {done:,} of {size or 0:,} bytes are kept."
        " Run it again to go on."
    )


def _copy(remote: Remote, file: BinaryIO, block: int) -> Exception | None:
    """Append what can be read, and return what cut it short; a ValueError means that the server knows no ranges."""
    done = file.seek(0, 2)
    try:
        source = remote.files.open(remote.path, "rb", block_size=block, cache_type="none")
        source.seek(done)
    except Exception as problem:
        return problem
    with source:
        while True:
            try:
                chunk = source.read(CHUNK)
            except Exception as problem:
                return problem
            if not chunk:
                return None
            file.write(chunk)
            done += len(chunk)
            if remote.progress:
                remote.progress(done, remote.size)


def _settle(part: Path, name: str, standing: Path | None, told: str) -> Path:
    """Give a whole part its name, unless it is no delivery or the name stands for other bytes."""
    with part.open("rb") as file:
        head = file.read(4)
    if not head.startswith(MAGIC):
        part.unlink()
        raise ExportProblem(f"{told} is no zip and no workbook (a page that asks to sign in?). Nothing was added.")
    digest = hash_file(part).sha256
    if standing:
        same = digest == hash_file(standing).sha256
        part.unlink()
        if not same:
            raise ExportProblem(
                f"{told} has other bytes than the delivery {standing.name} that is here already. Rename one of them."
                " Nothing was changed."
            )
        target = standing
    else:
        target = part.with_name(name if Path(name).suffix.lower() in ENDINGS else f"{name}{_ending(part)}")
    target.with_name(f"{target.name}.sha256").write_text(f"{digest}  {target.name}\n", "utf-8")
    if part.exists():
        part.rename(target)
    return target


def _ending(part: Path) -> str:
    try:
        with zipfile.ZipFile(part) as bundle:
            return ".xlsx" if "xl/workbook.xml" in bundle.namelist() else ".zip"
    except zipfile.BadZipFile:
        return ".zip"  # unpacking it will say what is wrong


def _standing(into: Path, name: str) -> Path | None:
    """Return the file that a name stands for already; it must be what was pulled."""
    found = next((path for end in ("", *ENDINGS) if (path := into / f"{name}{end}").is_file()), None)
    if found is None:
        return None
    said = found.with_name(f"{found.name}.sha256")
    if said.is_file() and said.read_text("utf-8").split()[:1] != [hash_file(found).sha256]:
        raise ExportProblem(
            f"{found.name} is not what was pulled: its sha256 is not that of {said.name}. Move both away and pull again."
        )
    return found


def _read(source: Path) -> dict[str, str] | None:
    try:
        return dict(json.loads(source.read_text("utf-8")))
    except (OSError, ValueError):
        return None


def _file_name(url: str) -> str:
    """Return the last part of a path as a plain file name; query and user are never part of it."""
    last = Path(unquote(urlsplit(url).path if is_url(url) else url)).name
    return re.sub(r"[^\w .()+-]+", "_", last).strip(" .") or "delivery"


def _require_safe(url: str, told: str) -> None:
    parts = urlsplit(url) if is_url(url) else urlsplit("")
    if parts.scheme.lower() not in SCHEMES:
        raise ExportProblem(f"{told}: deliveries come by https, sftp or from a disk, not by {parts.scheme}.")
    if parts.scheme.lower() == "http" and not _is_local(parts.hostname or ""):
        raise ExportProblem(f"{told} comes over plain http, where anybody can read it on its way. Use https.")


def _is_local(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _open(url: str) -> tuple[Any, str]:
    scheme = urlsplit(url).scheme.lower() if is_url(url) else ""
    options: dict[str, Any] = {}
    if scheme in ("http", "https"):
        from aiohttp import ClientTimeout  # noqa: PLC0415 - slow to import, and few deliveries come by URL

        # The library's own limit of five minutes in all would end a large file on a slow line.
        options = {"client_kwargs": {"timeout": ClientTimeout(total=None, sock_connect=30, sock_read=60)}}
    elif scheme == "sftp":
        options = {"host_key_policy": _known_hosts_only()}
    elif scheme == "file":
        url = unquote(urlsplit(url).path)
    files, path = fsspec.url_to_fs(url, skip_instance_cache=True, **options)
    return files, str(path)


def _known_hosts_only() -> Any:
    """Return a policy that trusts the hosts of ~/.ssh/known_hosts; the library's own trusts any."""
    import paramiko  # noqa: PLC0415 - an extra

    class KnownHostsOnly(paramiko.MissingHostKeyPolicy):  # type: ignore[misc]
        def missing_host_key(self, client: Any, hostname: str, key: Any) -> None:
            del client
            file = Path.home() / ".ssh" / "known_hosts"
            known = paramiko.HostKeys(str(file) if file.is_file() else None)
            if not known.check(hostname, key):
                raise ExportProblem(
                    f"~/.ssh/known_hosts does not name the host {hostname} with the key it shows. Connect to it once"
                    " by ssh, compare its key with the one that the practice names, then pull again."
                )

    return KnownHostsOnly()
