"""What a vulnerability service says, and that nothing but a whole answer counts as one."""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
from typing_extensions import override

from layer_constructs.building.inventory import service, vulnerabilities
from layer_constructs.building.inventory.components import Component
from layer_constructs.building.inventory.vulnerabilities import Vulnerability, check
from layer_constructs.errors import ArgumentError, LayerError, RequirementsError, VulnerabilityServiceError

JINJA2 = Component(name="jinja2", version="2.4.1")
SAFE = Component(name="safe", version="1.0")

# The shape of real records (https://ossf.github.io/osv-schema/): one vulnerability in two databases, and another.
GHSA: dict[str, Any] = {
    "id": "GHSA-462w-v97r-4m45",
    "aliases": ["CVE-2019-10906", "PYSEC-2019-217"],
    "summary": "Jinja2 sandbox escape via string formatting",
    "modified": "2023-03-10T05:23:41Z",
    "affected": [
        {
            "package": {"name": "Jinja2", "ecosystem": "PyPI", "purl": "pkg:pypi/jinja2"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.10.1"}]}],
        },
        {
            "package": {"name": "jinja2", "ecosystem": "Debian:11"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.9-1"}]}],
        },
        {
            "package": {"name": "other", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "9.9"}]}],
        },
    ],
}
PYSEC: dict[str, Any] = {
    "id": "PYSEC-2019-217",
    "aliases": ["CVE-2019-10906"],
    "details": "In Pallets Jinja before 2.10.1, str.format_map allows a sandbox escape.",
    "affected": [
        {
            "package": {"name": "jinja2", "ecosystem": "PyPI"},
            "ranges": [
                {"type": "GIT", "repo": "https://x", "events": [{"introduced": "0"}, {"fixed": "a2a6c930"}]},
                {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.10.1"}]},
                {"type": "ECOSYSTEM", "events": [{"introduced": "1.0"}, {"fixed": "2.2"}]},
            ],
        }
    ],
}
OPEN: dict[str, Any] = {"id": "PYSEC-2099-1", "details": "Never\x1b[31m fixed.\nMore text.", "affected": []}
RECORDS = {record["id"]: record for record in (GHSA, PYSEC, OPEN)}


def ids(*names: str) -> dict[str, Any]:
    return {"vulns": [{"id": name, "modified": "2023-03-10T05:23:41Z"} for name in names]}


@dataclass
class Answer:
    """What goes over the wire.

    :param length: the announced length, if it isn't that of the body.
    """

    body: object
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class Osv:
    """A service at ``http://127.0.0.1:<free port>`` with the API of OSV; use it in a ``with`` statement.

    :param known: ids by package name, page by page.
    :param records: details by id.
    :param misbehave: what answers in place of the service: it gets path and number of the request, and may pass.
    """

    def __init__(
        self,
        known: Mapping[str, list[list[str]]] | None = None,
        records: Mapping[str, object] = RECORDS,
        misbehave: Callable[[str, int], Answer | None] = lambda path, number: None,
    ) -> None:
        self.known = known or {}
        self.records = records
        self.asked: list[tuple[str, str, Any, str | None]] = []
        osv = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.answer(None)

            def do_POST(self) -> None:
                self.answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            def answer(self, question: Any) -> None:
                osv.asked.append((self.command, self.path, question, self.headers.get("Authorization")))
                answer = misbehave(self.path, len(osv.asked)) or osv.answer(self.path, question)
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                length = len(answer.content) if answer.length is None else answer.length
                self.send_header("Content-Length", str(length))
                self.end_headers()
                self.wfile.write(answer.content)

            @override
            def log_message(self, format: str, *args: object) -> None:
                """Say nothing: a test's output is the test's."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            @override
            def handle_error(self, request: object, client_address: object) -> None:
                """Say nothing: a client that hangs up is what some tests are about."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def answer(self, path: str, question: Any) -> Answer:
        if path == "/v1/querybatch":
            return Answer({"results": [self.result(query) for query in question["queries"]]})
        found = self.records.get(path.removeprefix("/v1/vulns/"))
        return Answer(found) if found is not None else Answer({"code": 5, "message": "Bug not found."}, status=404)

    def result(self, query: dict[str, Any]) -> dict[str, Any]:
        pages = self.known.get(query["package"]["name"])
        if pages is None:
            return {}
        at = int(query.get("page_token", "0"))
        return ids(*pages[at]) | ({"next_page_token": str(at + 1)} if at + 1 < len(pages) else {})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def queries(self) -> list[Any]:
        return [question["queries"] for _, path, question, _ in self.asked if path == "/v1/querybatch"]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_RETRY_AFTER_SECONDS", 0.01)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"NETRC": str(tmp_path / "no-netrc")}


@pytest.fixture
def ask(environ: dict[str, str]) -> Callable[..., tuple[Vulnerability, ...]]:
    def ask(*components: Component, of: str, **more: str) -> tuple[Vulnerability, ...]:
        return check(components or (JINJA2, SAFE), service=of, environ=environ | more, timeout=0.5)

    return ask


Ask = Callable[..., tuple[Vulnerability, ...]]


# What it says


def test_a_vulnerability_in_two_databases_is_one(ask: Ask) -> None:
    with Osv({"jinja2": [["GHSA-462w-v97r-4m45", "PYSEC-2019-217", "PYSEC-2099-1"]]}) as osv:
        found = ask(JINJA2, SAFE, of=osv.url)
    assert [str(each) for each in found] == [
        (
            "jinja2 2.4.1: GHSA-462w-v97r-4m45 (CVE-2019-10906, PYSEC-2019-217), fixed in 2.10.1: "
            "Jinja2 sandbox escape via string formatting"
        ),
        "jinja2 2.4.1: PYSEC-2099-1, no fix known: Never[31m fixed.",
    ]


def test_nothing_known_is_an_empty_answer(ask: Ask) -> None:
    with Osv() as osv:
        assert ask(JINJA2, SAFE, of=f"{osv.url}/") == ()
        assert osv.queries == [
            [
                {"package": {"name": "jinja2", "ecosystem": "PyPI"}, "version": "2.4.1"},
                {"package": {"name": "safe", "ecosystem": "PyPI"}, "version": "1.0"},
            ]
        ]


def test_no_components_need_no_service(environ: dict[str, str]) -> None:
    assert check([], service="http://127.0.0.1:1", environ=environ) == ()


def test_every_page_is_read(ask: Ask) -> None:
    pages = [["PYSEC-2099-1"], [], ["GHSA-462w-v97r-4m45"]]
    with Osv({"jinja2": pages, "b": [["PYSEC-2099-1"], ["PYSEC-2019-217"]]}) as osv:
        found = ask(JINJA2, Component(name="b", version="1"), SAFE, of=osv.url)
        assert [(each.package, each.id) for each in found] == [
            ("b", "PYSEC-2019-217"), ("b", "PYSEC-2099-1"),
            ("jinja2", "GHSA-462w-v97r-4m45"), ("jinja2", "PYSEC-2099-1"),
        ]  # fmt: skip
        assert [[query["package"]["name"] for query in queries] for queries in osv.queries] == [
            ["b", "jinja2", "safe"], ["b", "jinja2"], ["jinja2"],
        ]  # fmt: skip
        assert sum(path.startswith("/v1/vulns/") for _, path, _, _ in osv.asked) == 3


def test_more_packages_than_a_batch_takes_are_asked_for_in_several(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vulnerabilities, "_MOST_QUERIES", 2)
    with Osv({"p4": [["PYSEC-2099-1"], ["PYSEC-2019-217"]]}) as osv:
        found = ask(*(Component(name=f"p{number}", version="1") for number in range(5)), of=osv.url)
        assert [len(queries) for queries in osv.queries] == [2, 2, 1, 1]
    assert {each.package for each in found} == {"p4"}


def test_a_local_version_is_asked_for_as_the_one_it_was_made_of(ask: Ask) -> None:
    with Osv({"torch": [["PYSEC-2099-1"]], "strange": [[]]}) as osv:
        found = ask(Component(name="torch", version="2.1.0+cpu"), Component(name="strange", version=""), of=osv.url)
        assert [query.get("version") for query in osv.queries[0]] == [None, "2.1.0"]
    assert [each.version for each in found] == ["2.1.0+cpu"]


def test_a_withdrawn_record_is_none(ask: Ask) -> None:
    withdrawn = PYSEC | {"withdrawn": "2024-01-01T00:00:00Z"}
    with Osv({"jinja2": [["PYSEC-2019-217"]]}, {"PYSEC-2019-217": withdrawn}) as osv:
        assert ask(JINJA2, of=osv.url) == ()


def test_records_are_joined_over_an_alias_that_a_third_one_brings(ask: Ask) -> None:
    records = {
        "A-1": {"id": "A-1", "aliases": ["CVE-1"]},
        "B-1": {"id": "B-1", "aliases": ["CVE-2"]},
        "C-1": {"id": "C-1", "aliases": ["CVE-1", "CVE-2"], "summary": "s"},
    }
    with Osv({"jinja2": [[*records]]}, records) as osv:
        (found,) = ask(JINJA2, of=osv.url)
    assert (found.id, found.aliases, found.summary) == ("A-1", ("B-1", "C-1", "CVE-1", "CVE-2"), "s")


def test_credentials_reach_a_mirror_and_no_message(ask: Ask, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login reader password from-netrc\n")
    with Osv(misbehave=lambda path, number: Answer({}, status=403) if number == 3 else None) as osv:
        ask(of=osv.url, NETRC=str(netrc))
        with_login = osv.url.replace("://", "://reader:${MIRROR_PASSWORD}@")
        ask(of=with_login, MIRROR_PASSWORD="s3cret")
        with pytest.raises(VulnerabilityServiceError) as caught:
            ask(of=with_login, MIRROR_PASSWORD="s3cret")
        sent = [base64.b64decode((login or "").removeprefix("Basic ")) for *_, login in osv.asked]
    assert sent == [b"reader:from-netrc", b"reader:s3cret", b"reader:s3cret"]
    assert "s3cret" not in str(caught.value)


# What is no answer

Misbehaviour = Callable[[str, int], Answer | None]


def batch(body: object, **more: Any) -> Misbehaviour:
    return lambda path, number: Answer(body, **more) if path == "/v1/querybatch" else None


def details(body: object, **more: Any) -> Misbehaviour:
    return lambda path, number: Answer(body, **more) if path.startswith("/v1/vulns/") else None


@pytest.mark.parametrize(
    ("misbehave", "says"),
    [
        (batch({}), "no results for 2 packages"),
        (batch({"results": None}), "no results for 2 packages"),
        (batch({"results": {}}), "no results for 2 packages"),
        (batch({"results": []}), "0 results for 2 packages"),
        (batch({"results": [{}]}), "1 results for 2 packages"),
        (batch({"results": [{}, {}, {}]}), "3 results for 2 packages"),
        (batch({"results": [{}, None]}), "no list of vulnerabilities"),
        (batch({"results": [{}, {"error": "try later"}]}), "no list of vulnerabilities"),
        (batch({"results": [{}, {"vulns": None}]}), "no list of vulnerabilities"),
        (batch({"results": [{}, {"vulns": {}}]}), "no list of vulnerabilities"),
        (batch({"results": [{}, {"next_page_token": 7}]}), "no list of vulnerabilities"),
        (batch({"results": [{}, {"vulns": [{}]}]}), "has no id"),
        (batch({"results": [{}, {"vulns": ["PYSEC-1"]}]}), "has no id"),
        (batch({"results": [{}, {"vulns": [{"id": "../query"}]}]}), "has no id"),
        (batch({"results": [{}, {"next_page_token": "again"}]} ), "results for 1 packages"),
        (batch([]), "not a JSON object"),
        (batch(b""), "not a JSON object"),
        (batch(b'{"results": [{}, {'), "not a JSON object"),
        (batch(b"[" * 100_000), "not a JSON object"),
        (batch(b"<html>please log in</html>"), "not a JSON object"),
        (batch(b"\xff\xfe\x00"), "not a JSON object"),
        (batch({"results": [{}, {}]}, length=500), "broke off in the middle"),
        (batch({"results": [{}, {}]}, status=201), "answered 201 Created"),
        (batch({"results": [{}, {}]}, status=206), "answered 206 Partial Content"),
        (batch({"results": [{}, {}]}, status=302, headers={"Location": "/v1/other"}), "answered 302 Found"),
        (batch({"results": [{}, {}]}, status=307, headers={"Location": "/v1/other"}), "answered 307"),
        (batch({"results": [{}, {}]}, status=400), "answered 400 Bad Request"),
        (batch({"results": [{}, {}]}, status=401), "answered 401 Unauthorized"),
        (batch({"results": [{}, {}]}, status=404), "answered 404 Not Found"),
        (batch({"results": [{}, {}]}, status=429), "answered 429 Too Many Requests"),
        (batch({"results": [{}, {}]}, status=500), "answered 500 Internal Server Error"),
        (batch({"results": [{}, {}]}, status=503), "answered 503 Service Unavailable"),
        (details({}), "about something else"),
        (details({"id": "PYSEC-2099-1"}), "about something else"),
        (details(GHSA | {"aliases": "CVE-1"}), "not a record of the OSV schema"),
        (details(GHSA | {"aliases": [1]}), "not a record of the OSV schema"),
        (details(GHSA | {"affected": None}), "not a record of the OSV schema"),
        (details(GHSA | {"affected": [{"package": None}]}), "not a record of the OSV schema"),
        (details(GHSA | {"affected": [{"package": {"ecosystem": "PyPI"}, "ranges": [{}]}]}), "not a record of the OSV"),
        (details([]), "not a JSON object"),
        (details(GHSA, status=404), "answered 404 Not Found to v1/vulns/GHSA-462w-v97r-4m45"),
        (details(GHSA, status=502), "answered 502 Bad Gateway"),
        (details(GHSA, length=5000), "broke off in the middle"),
    ],
)  # fmt: skip
def test_an_answer_that_is_not_whole_is_an_error(ask: Ask, misbehave: Misbehaviour, says: str) -> None:
    with (
        Osv({"jinja2": [["GHSA-462w-v97r-4m45"]]}, misbehave=misbehave) as osv,
        pytest.raises(VulnerabilityServiceError) as caught,
    ):
        ask(JINJA2, SAFE, of=osv.url)
    text = str(caught.value)
    assert says in text.splitlines()[0]
    assert osv.url in text
    assert "it is not known whether the packages have vulnerabilities" in text
    assert "  fix: " in text


def test_pages_without_end_are_an_error(ask: Ask) -> None:
    endless = batch({"results": [{"next_page_token": "again"}]})
    with Osv(misbehave=endless) as osv, pytest.raises(VulnerabilityServiceError, match="more than 100 pages"):
        ask(SAFE, of=osv.url)


def test_a_later_page_that_does_not_come_is_an_error(ask: Ask) -> None:
    def third(path: str, number: int) -> Answer | None:
        return Answer({}, status=503) if number >= 2 else None

    with (
        Osv({"jinja2": [["PYSEC-2099-1"], ["PYSEC-2019-217"]]}, misbehave=third) as osv,
        pytest.raises(VulnerabilityServiceError, match="503"),
    ):
        ask(JINJA2, of=osv.url)


def test_an_answer_without_end_is_an_error(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_MOST_BYTES", 100_000)
    with (
        Osv(misbehave=batch(b" " * 300_000)) as osv,
        pytest.raises(VulnerabilityServiceError, match="more than 100,000"),
    ):
        ask(of=osv.url)


def test_a_failure_that_passes_is_none(ask: Ask) -> None:
    def first(path: str, number: int) -> Answer | None:
        return Answer({}, status=503) if number == 1 else None

    with Osv({"jinja2": [["PYSEC-2099-1"]]}, misbehave=first) as osv:
        assert len(ask(of=osv.url)) == 1


@pytest.fixture
def mute() -> Iterator[Callable[[bytes, float], str]]:
    """A server that says ``text`` every so many seconds, and nothing else."""
    running = threading.Event()
    running.set()
    sockets: list[socket.socket] = []

    def start(text: bytes, every: float) -> str:
        def speak(connection: socket.socket) -> None:
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" if text else b"")
                while running.is_set():
                    time.sleep(every)
                    try:
                        connection.sendall(text)
                    except OSError:
                        return

        def listen() -> None:
            while running.is_set():
                try:
                    connection = listening.accept()[0]
                except OSError:
                    return
                threading.Thread(target=speak, args=(connection,), daemon=True).start()

        listening = socket.create_server(("127.0.0.1", 0))
        sockets.append(listening)
        threading.Thread(target=listen, daemon=True).start()
        return f"http://127.0.0.1:{listening.getsockname()[1]}"

    yield start
    running.clear()
    for each in sockets:
        each.shutdown(socket.SHUT_RDWR)
        each.close()


@pytest.mark.parametrize("text", [b"", b" "])
def test_a_service_that_is_silent_or_dribbles_is_an_error(
    mute: Callable[[bytes, float], str], text: bytes, environ: dict[str, str]
) -> None:
    started = time.monotonic()
    with pytest.raises(VulnerabilityServiceError, match="timed out"):
        check([SAFE], service=mute(text, 0.05), environ=environ, timeout=0.2)
    assert time.monotonic() - started < 10


def test_no_service_at_all_is_an_error(environ: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(VulnerabilityServiceError, match=f"127.0.0.1:{port} can't be reached: Connection refused"):
        check([SAFE], service=f"http://127.0.0.1:{port}", environ=environ, timeout=0.5)
    with pytest.raises(VulnerabilityServiceError, match="can't be reached"):
        check([SAFE], service="http://nowhere.invalid", environ=environ, timeout=0.5)


def test_a_server_that_hangs_up_or_speaks_no_http_is_an_error(environ: dict[str, str]) -> None:
    for reply in (b"", b"hello\r\n", b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"res'):
        with socket.create_server(("127.0.0.1", 0)) as listening:

            def answer(listening: socket.socket = listening, reply: bytes = reply) -> None:
                for _ in range(2):
                    connection = listening.accept()[0]
                    with connection:
                        connection.recv(65536)
                        connection.sendall(reply)

            thread = threading.Thread(target=answer, daemon=True)
            thread.start()
            with pytest.raises(VulnerabilityServiceError, match="can't be reached"):
                check([SAFE], service=f"http://127.0.0.1:{listening.getsockname()[1]}", environ=environ, timeout=1)
            thread.join(5)


def test_the_network_stays_off_where_uv_is_told_so(ask: Ask) -> None:
    with Osv() as osv:
        with pytest.raises(VulnerabilityServiceError, match="network is disabled"):
            ask(of=osv.url, UV_OFFLINE="1")
        assert osv.asked == []


def test_the_proxy_of_the_environment_is_used(ask: Ask) -> None:
    with Osv(misbehave=lambda path, number: Answer({"results": [{}, {}]})) as proxy:
        assert ask(of="http://osv.example", HTTP_PROXY=proxy.url) == ()
        assert proxy.asked[0][1] == "http://osv.example/v1/querybatch"


@pytest.mark.parametrize("url", ["ftp://osv.example", "not a url", ".", "https://${NOT_SET}@osv.example", ""])
def test_a_service_that_is_no_url_is_refused(ask: Ask, url: str) -> None:
    with pytest.raises((RequirementsError, ArgumentError)) as caught:
        ask(of=url)
    assert isinstance(caught.value, LayerError)
    assert "the vulnerability service" in str(caught.value)
