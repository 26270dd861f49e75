"""A delivery is pulled by URL: resumed where it was cut, proven by its hash, and without a credential anywhere."""

import hashlib
import io
import random
import ssl
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import pytest

from workbench.dental_exec.pull import CHUNK, pull
from workbench.errors import ExportProblem
from workbench.tenant.__main__ import make_certificate


def delivery(seed: int = 1, size: int = 2 * CHUNK + 12345) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as bundle:
        bundle.writestr("contacts.csv", random.Random(seed).randbytes(size))
    return made.getvalue()


class Server(ThreadingHTTPServer):
    """Serves one file, as well or badly as a test asks."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.data, self.tag = delivery(), "one"
        self.knows_ranges = self.tells_size = True
        self.cut_after: int | None = None
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/exports/export.zip"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.answer(only_head=True)

    def do_GET(self) -> None:
        self.answer(only_head=False)

    def answer(self, *, only_head: bool) -> None:
        server, data, span = self.server, self.server.data, self.headers.get("Range")
        if "missing" in self.path:
            self.send_error(404)
            return
        begin, end = 0, len(data)
        if span and server.knows_ranges:
            first, last = span.removeprefix("bytes=").split("-")
            begin, end = int(first), min(int(last) + 1, len(data))
        if not only_head:
            server.asked.append(f"{begin}-{end}")
        self.send_response(206 if span and server.knows_ranges else 200)
        if span and server.knows_ranges:
            self.send_header("Content-Range", f"bytes {begin}-{end - 1}/{len(data)}")
        if server.tells_size:
            self.send_header("Content-Length", str(end - begin))
        else:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.send_header("ETag", server.tag)
        self.end_headers()
        if only_head:
            return
        if server.cut_after is not None and end > server.cut_after:
            self.wfile.write(data[begin : max(begin, server.cut_after)])
            self.wfile.flush()
            self.connection.close()
            self.close_connection = True
            return
        self.wfile.write(data[begin:end])


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.serve_forever, args=(0.01,))
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


SETTLED = [".export.zip.source", "export.zip", "export.zip.sha256"]


@pytest.mark.parametrize("knows_ranges", [True, False], ids=["ranges", "no ranges"])
@pytest.mark.parametrize("tells_size", [True, False], ids=["size", "no size"])
def test_a_file_is_pulled_whole_with_its_hash_beside_it(tmp_path, server, knows_ranges, tells_size):
    server.knows_ranges, server.tells_size = knows_ranges, tells_size
    told: list[tuple[int, int | None]] = []
    path = pull(server.url, tmp_path / "in", progress=lambda done, size: told.append((done, size)))
    assert path.read_bytes() == server.data
    assert (tmp_path / "in" / "export.zip.sha256").read_text() == (
        f"{hashlib.sha256(server.data).hexdigest()}  export.zip\n"
    )
    assert names(tmp_path / "in") == SETTLED
    assert told[-1] == (len(server.data), len(server.data) if tells_size else None)


def test_a_pull_that_was_cut_goes_on_where_it_stopped(tmp_path, server):
    server.cut_after = CHUNK + 100
    with pytest.raises(ExportProblem) as raised:
        pull(server.url, tmp_path / "in")
    assert str(raised.value) == (
        f"export.zip at 127.0.0.1: the connection was lost 5 times; {CHUNK:,} of {len(server.data):,} bytes are kept."
        " Run it again to go on."
    )
    assert names(tmp_path / "in") == [".export.zip.part", ".export.zip.part.source"]
    server.cut_after, server.asked = None, []
    assert pull(server.url, tmp_path / "in").read_bytes() == server.data
    assert [span.split("-")[0] for span in server.asked] == [str(CHUNK), str(2 * CHUNK)]
    assert names(tmp_path / "in") == SETTLED


def test_a_part_of_other_bytes_is_begun_again(tmp_path, server):
    server.cut_after = CHUNK + 100
    with pytest.raises(ExportProblem):
        pull(server.url, tmp_path / "in")
    server.cut_after, server.data, server.tag = None, delivery(seed=2), "two"
    assert pull(server.url, tmp_path / "in").read_bytes() == server.data


def test_the_same_bytes_again_are_not_pulled(tmp_path, server):
    path = pull(server.url, tmp_path / "in")
    server.asked = []
    assert pull(server.url, tmp_path / "in") == path
    assert server.asked == []
    server.tag = "saved again, the same bytes"
    assert pull(server.url, tmp_path / "in") == path
    assert server.asked
    assert names(tmp_path / "in") == SETTLED


def test_other_bytes_under_a_taken_name_are_an_error(tmp_path, server):
    before = pull(server.url, tmp_path / "in").read_bytes()
    server.data, server.tag = delivery(seed=2), "two"
    with pytest.raises(ExportProblem) as raised:
        pull(server.url, tmp_path / "in")
    assert str(raised.value) == (
        "export.zip at 127.0.0.1 has other bytes than the delivery export.zip that is here already."
        " Rename one of them. Nothing was changed."
    )
    assert (tmp_path / "in" / "export.zip").read_bytes() == before
    assert names(tmp_path / "in") == SETTLED


def test_a_pulled_file_that_changed_since_is_told(tmp_path, server):
    pull(server.url, tmp_path / "in").write_bytes(b"PK edited")
    with pytest.raises(ExportProblem, match=r"export\.zip is not what was pulled: its sha256 is not that of"):
        pull(server.url, tmp_path / "in")


def test_a_page_instead_of_a_file_is_refused(tmp_path, server):
    server.data = b"<html>Sign in</html>"
    with pytest.raises(ExportProblem, match=r"no zip and no workbook \(a page that asks to sign in\?\)"):
        pull(server.url, tmp_path / "in")
    assert names(tmp_path / "in") == []


def test_https_is_pulled_from_a_host_whose_certificate_is_trusted_and_from_no_other(tmp_path, server):
    certificate, key = make_certificate(tmp_path)
    offered = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    offered.load_cert_chain(certificate, key)
    server.socket = offered.wrap_socket(server.socket, server_side=True)
    url = server.url.replace("http://", "https://")
    with pytest.raises(ExportProblem, match=r"export\.zip at 127\.0\.0\.1 cannot be opened"):
        pull(url, tmp_path / "in")
    trusted = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    path = pull(url, tmp_path / "in", opener=lambda text: fsspec.url_to_fs(text, ssl=trusted))
    assert path.read_bytes() == server.data


def test_a_credential_is_in_no_message_and_no_name(tmp_path, server):
    address = server.url.replace("http://", "http://ann:s3cret@")
    for url in (
        f"{address.replace('export.zip', 'missing.zip')}?token=s3cret",
        "sftp://ann:s3cret@example.com/export.zip",
    ):
        with pytest.raises(ExportProblem) as raised:
            pull(url, tmp_path / "in")
        assert "s3cret" not in str(raised.value) + repr(raised.value.__cause__)
        assert raised.value.__suppress_context__
    path = pull(f"{address}?token=s3cret", tmp_path / "in")
    assert path.name == "export.zip"
    assert not any("s3cret" in (file.name + file.read_text("latin-1")) for file in (tmp_path / "in").iterdir())


def test_sftp_without_its_extra_says_what_to_install(tmp_path):
    def opener(url: str):
        raise ImportError("paramiko")

    with pytest.raises(ExportProblem, match=r"export\.zip at example\.com comes by sftp.*its extra \[sftp\]"):
        pull("sftp://example.com/export.zip", tmp_path, opener=opener)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        pytest.param("http://example.com/export.zip", "comes over plain http", id="plain http"),
        pytest.param("s3://bucket/export.zip", "by https, sftp or from a disk, not by s3", id="another way"),
        pytest.param("file:///nowhere/export.zip", r"cannot be opened \(FileNotFoundError\)", id="nothing there"),
    ],
)
def test_a_url_that_may_not_be_is_refused(tmp_path, url, said):
    with pytest.raises(ExportProblem, match=said):
        pull(url, tmp_path / "in")
    assert not (tmp_path / "in").exists()


@pytest.mark.parametrize("form", ["path", "file URL"])
def test_a_file_on_a_disk_is_pulled_the_same_way(tmp_path, form):
    source = tmp_path / "from" / "my export.zip"
    source.parent.mkdir()
    source.write_bytes(delivery(size=10))
    path = pull(str(source) if form == "path" else source.as_uri(), tmp_path / "in")
    assert path == tmp_path / "in" / "my export.zip"
    assert path.read_bytes() == source.read_bytes()
    with pytest.raises(ExportProblem, match="is a folder"):
        pull(str(source.parent), tmp_path / "in")


def test_a_url_that_names_no_ending_is_named_by_what_came(tmp_path, server):
    path = pull(server.url.replace("export.zip", "download?id=7"), tmp_path / "in")
    assert path.name == "download.zip"
    assert pull(server.url.replace("export.zip", "download?id=7"), tmp_path / "in") == path
