"""Package indexes: how they are read, kept secret and told to uv, which one a name comes from, and how they fail."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layer_constructs.building import process, uv
from layer_constructs.building.indexes import origins
from layer_constructs.building.indexes.failures import describe_uv_failure
from layer_constructs.building.indexes.index import Index, Indexes, read_indexes
from layer_constructs.building.indexes.probe import HttpProbe
from layer_constructs.building.indexes.url import public_url
from layer_constructs.building.process import Completed
from layer_constructs.building.reading.requirements import IndexOption, RequirementsFile
from layer_constructs.building.target import Target
from layer_constructs.errors import AmbiguousIndexError, IndexUnavailableError, LayerError, RequirementsError, Where
from tests.support.private_index import PrivateIndex
from tests.support.wheels import make_wheel

PASSWORD = "p@ss:w/rd%"
TARGET = Target("python3.13", "arm64")


def a_file(
    *extra: str,
    index_url: str | None = None,
    find_links: tuple[str, ...] = (),
    no_index: bool = False,
    path: Path = Path("req.txt"),
) -> RequirementsFile:
    def option(value: str, line: int) -> IndexOption:
        return IndexOption(value=value, where=Where(path, line))

    return RequirementsFile(
        path=path,
        requirements=(),
        index_url=option(index_url, 1) if index_url else None,
        extra_index_urls=tuple(option(value, 2 + number) for number, value in enumerate(extra)),
        find_links=tuple(option(value, 9) for value in find_links),
        no_index=no_index,
    )


def only(url: str, **environ: str) -> Indexes:
    return read_indexes(a_file(index_url=url), environ)


def urls(indexes: Indexes) -> list[str]:
    return [index.url for index in indexes.indexes]


@dataclass
class Uv:
    """The real uv with a cache and a home of its own."""

    folder: Path
    seen: list[str] = field(default_factory=list)

    def __call__(self, arguments: list[str], indexes: Indexes, **more: str) -> Completed:
        # The secrets are not passed on: uv by itself must not show them.
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "UV_CACHE_DIR": str(self.folder / "cache"),
            "UV_HTTP_RETRIES": "0",
            "UV_HTTP_TIMEOUT": "2",
            "UV_PYTHON_DOWNLOADS": "never",
            **indexes.uv_environment(),
            **more,
        }
        done = process.run([uv.binary(), *arguments], env=env, cwd=self.folder)
        self.seen += [*arguments, done.stdout, done.stderr]
        return done

    def compile(self, requirements: str, indexes: Indexes, **more: str) -> Completed:
        (self.folder / "x.in").write_text(requirements)
        return self.compile_path(self.folder / "x.in", indexes, **more)

    def compile_path(self, path: Path, indexes: Indexes, **more: str) -> Completed:
        arguments = [
            "pip", "compile", "--no-config", "--no-build", "--python-version", TARGET.python, "--python-platform",
            TARGET.uv_platform, "--format", "pylock.toml", "--no-header", "-q", str(path), *indexes.uv_arguments(),
        ]  # fmt: skip
        return self(arguments, indexes, **more)

    def install(self, pylock: str, indexes: Indexes, **more: str) -> Completed:
        lines = [line for line in pylock.splitlines() if not line.startswith("requires-python")]
        (self.folder / "pylock.x.toml").write_text("\n".join(lines))
        arguments = [
            "pip", "install", "--no-config", "--preview-features", "pylock", "-q", "--target", "site",
            "-r", "pylock.x.toml", "--python-version", TARGET.python, "--python-platform", TARGET.uv_platform,
        ]  # fmt: skip
        return self(arguments, indexes, **more)


@pytest.fixture
def real_uv(tmp_path: Path) -> Uv:
    (tmp_path / "uv").mkdir()
    return Uv(tmp_path / "uv")


@pytest.fixture
def wheels(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "wheels"
    return [make_wheel(folder, "alpha", "1.0", requires=["beta"]), make_wheel(folder, "beta", "1.0")]


@pytest.fixture
def probe(tmp_path: Path) -> HttpProbe:
    return HttpProbe({"NETRC": str(tmp_path / "no-netrc")}, timeout=1)


# Reading


def test_without_any_word_of_an_index_it_is_pypi() -> None:
    assert urls(read_indexes(a_file(), {})) == ["https://pypi.org/simple"]


def test_the_default_index_stands_last() -> None:
    indexes = read_indexes(a_file("https://b/simple", "https://c/simple", index_url="https://a/simple/"), {})
    assert urls(indexes) == ["https://b/simple", "https://c/simple", "https://a/simple"]
    assert indexes.uv_environment() == {
        "UV_DEFAULT_INDEX": "lc2=https://a/simple",
        "UV_INDEX": "lc0=https://b/simple lc1=https://c/simple",
    }


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"PIP_INDEX_URL": "https://pip/s"}, ["https://pip/s"]),
        ({"PIP_INDEX_URL": "https://pip/s", "UV_INDEX_URL": "https://old/s"}, ["https://old/s"]),
        ({"UV_INDEX_URL": "https://old/s", "UV_DEFAULT_INDEX": "mine=https://new/s"}, ["https://new/s"]),
        (
            {"UV_INDEX": "a=https://a/s https://b/s", "PIP_EXTRA_INDEX_URL": "https://b/s/ https://c/s"},
            ["https://a/s", "https://b/s", "https://c/s", "https://pypi.org/simple"],
        ),
    ],
)
def test_the_environment_names_indexes_where_the_file_does_not(environ: Mapping[str, str], expected: list[str]) -> None:
    assert urls(read_indexes(a_file(), environ)) == expected


def test_extra_indexes_of_the_environment_do_not_join_those_of_the_file() -> None:
    environ = {"UV_INDEX": "https://env/s", "UV_DEFAULT_INDEX": "https://mirror/s"}
    assert urls(read_indexes(a_file(index_url="https://file/s"), environ)) == ["https://file/s"]
    assert urls(read_indexes(a_file("https://file/s"), environ)) == ["https://file/s", "https://mirror/s"]


@pytest.mark.parametrize(
    ("written", "clean"),
    [
        ("https://user:secret@Host.Example:443/simple/", "https://host.example/simple"),
        ("http://host:8080/a b%20c".replace(" ", "%20"), "http://host:8080/a%20b%20c"),
        ("https://[::1]:8443/simple", "https://[::1]:8443/simple"),
        ("https://host/org/feed@Local/simple/", "https://host/org/feed@Local/simple"),
        ("https://user:a@b@host/simple", "https://host/simple"),
    ],
)
def test_an_index_url_is_shown_without_credentials_and_in_one_form(written: str, clean: str) -> None:
    assert urls(only(written)) == [clean]


@pytest.mark.parametrize(
    ("value", "username", "password"),
    [
        ("https://u:p%40ss%3Aw%2Frd%25@host/s", "u", PASSWORD),
        ("https://u:${PW}@host/s", "u", PASSWORD),
        ("https://${TOKEN}@host/s", "t0ken", None),
        ("https://${TOKEN}:@host/s", "t0ken", None),
        ("https://:${PW}@host/s", None, PASSWORD),
        ("${WHOLE_URL}", "u", "p@ss"),
        ("https://u:$PW@host/s", "u", "$PW"),
    ],
)
def test_credentials_are_read_from_urls_and_variables(value: str, username: str | None, password: str | None) -> None:
    index = only(value, PW=PASSWORD, TOKEN="t0ken", WHOLE_URL="https://u:p%40ss@host/s").indexes[0]
    assert (index.url, index.username, index.password) == ("https://host/s", username, password)


def test_credentials_of_a_named_index_in_the_environment_are_taken_for_its_url() -> None:
    environ = {
        "UV_INDEX": "my-own.index=https://priv/simple/",
        "UV_INDEX_MY_OWN_INDEX_USERNAME": "u",
        "UV_INDEX_MY_OWN_INDEX_PASSWORD": PASSWORD,
    }
    for file in (a_file(), a_file(index_url="https://priv/simple")):
        index = read_indexes(file, environ).indexes[0]
        assert (index.url, index.username, index.password) == ("https://priv/simple", "u", PASSWORD)


def test_an_explicit_index_is_not_one_that_uv_searches() -> None:
    option = IndexOption(value="https://u:pw@x/simple", where=Where(Path("pyproject.toml"), 4), explicit=True)
    file = RequirementsFile(path=Path("pyproject.toml"), requirements=(), extra_index_urls=(option,))
    environment = read_indexes(file, {}).uv_environment()
    assert "UV_INDEX" not in environment
    assert environment["UV_INDEX_LC0_PASSWORD"] == "pw"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("https://u:${MISSING}@host/s", "req.txt:1: the index URL uses the variable MISSING"),
        ("https://u:${EMPTY}@host/s", "req.txt:1: the index URL uses the variable EMPTY"),
        ("ftp://u:hunter2@host/s", "req.txt:1: the index URL is a ftp: URL"),
        ("https://u:hunter2/x@host/s", "req.txt:1: the index URL has no valid host and port"),
        ("https://host/s?token=hunter2", "req.txt:1: the index URL has a query"),
        ("https://host/${MY_TOKEN}/s", "req.txt:1: the index URL has MY_TOKEN in its path"),
        ("https:///simple", "req.txt:1: the index URL has no host"),
        ("https://ho st/hunter2", "req.txt:1: the index URL has a blank"),
        ("file:///no/such/folder", "req.txt:1: the index URL is neither a URL nor a folder: /no/such/folder"),
        ("nowhere/simple", "req.txt:1: the index URL is neither a URL nor a folder"),
        ("u:hunter2@host/simple", "req.txt:1: the index URL is neither a URL nor a folder"),
        ("https://[::1/hunter2", "req.txt:1: the index URL has no valid host and port"),
    ],
)
def test_refuses_a_bad_index_url_with_file_and_line_and_without_the_password(value: str, said: str) -> None:
    with pytest.raises(RequirementsError) as error:
        only(value, EMPTY="", MY_TOKEN="hunter2")
    assert str(error.value).startswith(said)
    assert "hunter2" not in str(error.value)
    assert error.value.__cause__ is None


@given(st.text(alphabet="https:/@[]${}AB%2?#. \x00-_\\é", max_size=30))
def test_whatever_is_written_is_an_index_or_an_error_without_its_password(rest: str) -> None:
    for value in (rest, f"https://{rest}", f"https://u:hunter-pw@{rest}", f"file://{rest}"):
        shown = [public_url(value)]
        try:
            shown += urls(only(value, A="x", B="é@:/"))
        except LayerError as error:
            shown.append(str(error))
        assert "hunter-pw" not in "".join(shown)


def test_a_bad_index_url_in_the_environment_is_named_by_its_variable() -> None:
    with pytest.raises(RequirementsError, match="an index URL in PIP_INDEX_URL is a gopher: URL"):
        read_indexes(a_file(), {"PIP_INDEX_URL": "gopher://x"})


def test_secrets_are_not_in_the_representation_of_an_index() -> None:
    assert "hunter2" not in repr(only("https://u:hunter2@host/s", X="hunter2"))
    assert "hunter2" not in repr(read_indexes(a_file(find_links=("https://u:hunter2@host/links",)), {}))


def test_every_form_of_a_secret_is_masked() -> None:
    indexes = read_indexes(
        a_file("https://${TOKEN}@host/s", index_url="https://user:${PW}@other/s", find_links=("https://a:fl-pw@h/l",)),
        {"TOKEN": "t0ken/+", "PW": PASSWORD},
    )
    text = "t0ken/+ t0ken%2F%2B t0ken%2f%2b p@ss:w/rd% p%40ss%3Aw%2Frd%25 fl-pw dXNlcjpwQHNzOncvcmQl user"
    assert process.mask(text, indexes.secrets) == "**** **** **** **** **** **** **** user"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("https://u:p@host/simple/", "https://host/simple"),
        ("https://${U}:${P}@${HOST}/simple", "https://${HOST}/simple"),
        ("https://u:p/w@host/simple", "https://host/simple"),
        ("https://host:8080/feed@Local/", "https://host:8080/feed@Local"),
        ("https://${HOST}:${PORT}/feed@Local/", "https://${HOST}:${PORT}/feed@Local"),
        ("https://host/s?token=x", "https://host/s"),
    ],
)
def test_a_url_as_written_is_shown_without_what_is_secret(written: str, shown: str) -> None:
    assert public_url(written) == shown


# What uv makes of it


@pytest.mark.parametrize(
    ("login", "value"),
    [
        (("u", PASSWORD), "http://u:${PW}@{host}/simple"),
        (("u", PASSWORD), "http://u:p%40ss%3Aw%2Frd%25@{host}/simple/"),
        (("t0ken-in-the-user", ""), "http://${TOKEN}@{host}/simple"),
        (("t0ken-in-the-user", ""), "http://${TOKEN}:@{host}/simple"),
        (("", "t0ken-in-the-user"), "http://:${TOKEN}@{host}/simple"),
    ],
)
@pytest.mark.parametrize("extra", [False, True])
def test_uv_gets_in_with_the_credentials_and_shows_them_nowhere(
    real_uv: Uv, wheels: list[Path], login: tuple[str, str], value: str, extra: bool
) -> None:
    environ = {"PW": PASSWORD, "TOKEN": "t0ken-in-the-user"}
    with PrivateIndex(wheels, username=login[0], password=login[1]) as private, PrivateIndex() as other:
        value = value.replace("{host}", private.host)
        file = a_file(value, index_url=other.url) if extra else a_file(index_url=value)
        indexes = read_indexes(file, environ)
        compiled = real_uv.compile("alpha\n", indexes)
        assert compiled.returncode == 0, compiled.stderr
        assert f"{private.host}/files/beta-1.0-py3-none-any.whl" in compiled.stdout
        installed = real_uv.install(compiled.stdout, indexes)
        assert installed.returncode == 0, installed.stderr
        wrong = read_indexes(a_file(index_url=f"http://u:wr0ng-secret@{private.host}/simple"), {})
        assert real_uv.compile("alpha\n", wrong, UV_CACHE_DIR=str(real_uv.folder / "other")).returncode != 0
    shown = "\n".join(real_uv.seen)
    for secret in (*indexes.secrets, *wrong.secrets):
        assert secret not in shown


def test_uv_reads_a_folder_that_is_an_index(real_uv: Uv, wheels: list[Path], tmp_path: Path) -> None:
    folder = tmp_path / "my, index é"
    for wheel in wheels:
        project = folder / wheel.name.split("-")[0]
        project.mkdir(parents=True)
        (project / wheel.name).write_bytes(wheel.read_bytes())
        (project / "index.html").write_text(f'<a href="{wheel.name}">{wheel.name}</a>')
    for value in (str(folder), folder.as_uri(), "my, index é"):
        indexes = read_indexes(a_file(index_url=value, path=tmp_path / "req.txt"), {})
        assert urls(indexes) == [folder.as_uri()]
        assert real_uv.compile("alpha\n", indexes).returncode == 0


def test_uv_takes_wheels_from_find_links_alone(real_uv: Uv, wheels: list[Path], tmp_path: Path) -> None:
    folder = tmp_path / "a, folder"
    folder.mkdir()
    (folder / wheels[1].name).write_bytes(wheels[1].read_bytes())
    with PrivateIndex(wheels, username="u", password=PASSWORD) as private:
        page = private.url_with("u", PASSWORD) + "/alpha/"
        indexes = read_indexes(a_file(find_links=(str(folder), page), no_index=True), {})
        compiled = real_uv.compile("alpha\n", indexes)
    assert compiled.returncode == 0, compiled.stderr
    assert "beta-1.0" in compiled.stdout
    for secret in indexes.secrets:
        assert secret not in "\n".join(real_uv.seen)


# Origins


def test_a_name_that_two_indexes_offer_is_refused_with_its_line(probe: HttpProbe, wheels: list[Path]) -> None:
    with PrivateIndex(wheels) as one, PrivateIndex(wheels[:1]) as two:
        indexes = read_indexes(a_file(one.url, index_url=two.url), {})
        where = {"Alpha": Where(Path("req.txt"), 7)}
        with pytest.raises(AmbiguousIndexError) as error:
            origins.find(["beta", "Alpha"], indexes, named={}, where=where, probe=probe)
        assert origins.find(["beta"], indexes, named={}, probe=probe) == {"beta": one.url}
    assert str(error.value).startswith("req.txt:7: alpha is offered by 2 indexes")
    assert one.url in str(error.value)
    assert two.url in str(error.value)


def test_the_index_that_a_requirement_names_wins_without_a_question(probe: HttpProbe, wheels: list[Path]) -> None:
    with PrivateIndex(wheels) as one, PrivateIndex(wheels) as two:
        indexes = read_indexes(a_file(f"http://u:pw@{one.host}/simple/", index_url=two.url), {})
        found = origins.find(["alpha"], indexes, named={"ALPHA": two.url + "/"}, probe=probe)
        again = origins.find(["alpha"], indexes, named={"alpha": f"http://${{U}}@{one.host}/simple"}, probe=probe)
        assert (one.requests, two.requests) == ([], [])
    assert (found, again) == ({"alpha": two.url}, {"alpha": one.url})


def test_uv_takes_a_name_from_the_index_that_is_named_for_it(real_uv: Uv, wheels: list[Path], tmp_path: Path) -> None:
    newer = make_wheel(tmp_path / "newer", "alpha", "9.0")
    gamma = make_wheel(tmp_path / "newer", "gamma", "2.0")
    with PrivateIndex(wheels) as one, PrivateIndex([newer, gamma], username="u", password=PASSWORD) as two:
        indexes = read_indexes(a_file(one.url, index_url=two.url_with("u", PASSWORD)), {})
        index = indexes.named(two.url)
        (tmp_path / "pyproject.toml").write_text(
            '[project]\nname = "x"\nversion = "0"\ndependencies = ["alpha", "gamma"]\n'
            f'[tool.uv.sources]\nalpha = {{ index = "{index.name}" }}\n'
            f'[[tool.uv.index]]\nname = "{index.name}"\nurl = "{index.url}"\nexplicit = true\n'
        )
        compiled = real_uv.compile_path(tmp_path / "pyproject.toml", indexes)
    assert compiled.returncode == 0, compiled.stderr
    assert f"{two.host}/files/alpha-9.0" in compiled.stdout
    assert f"{two.host}/files/gamma-2.0" in compiled.stdout


def test_refuses_a_named_index_that_is_not_listed_and_shows_those_that_are() -> None:
    with pytest.raises(RequirementsError) as error:
        only("https://a/simple").named("https://u:hunter2@b/simple", where=Where(Path("req.txt"), 3))
    assert str(error.value).startswith("req.txt:3: a requirement asks for the index https://b/simple")
    assert "listed: https://a/simple" in str(error.value)
    assert "hunter2" not in str(error.value)


def test_one_index_is_asked_nothing() -> None:
    def no_probe(index: Index, name: str) -> bool:
        raise AssertionError((index, name))

    found = origins.find(["Alpha_X"], only("https://a/simple"), named={}, probe=no_probe)
    assert found == {"alpha-x": "https://a/simple"}


def test_what_only_a_folder_has_comes_from_there(wheels: list[Path]) -> None:
    file = a_file("https://a/s", index_url="https://b/s", find_links=(str(wheels[0].parent),))

    def nobody(index: Index, name: str) -> bool:
        del index, name
        return False

    found = origins.find(["alpha", "gone"], read_indexes(file, {}), named={}, probe=nobody)
    assert found == {"alpha": wheels[0].parent.as_uri()}


def test_an_index_that_does_not_say_is_no_reason_to_trust_the_other() -> None:
    def half(index: Index, name: str) -> bool:
        if index.name == "lc0":
            raise IndexUnavailableError(f"{name} unknown")
        return True

    indexes = read_indexes(a_file("https://a/s", index_url="https://b/s"), {})
    with pytest.raises(IndexUnavailableError):
        origins.find(["alpha"], indexes, named={}, probe=half)


# The probe


def test_a_page_without_a_file_is_no_offer(probe: HttpProbe, wheels: list[Path]) -> None:
    with PrivateIndex(wheels, empty=["ghost"], hashes=False) as private:
        index = only(private.url).indexes[0]
        assert [probe(index, name) for name in ("alpha", "ghost", "nothing")] == [True, False, False]
        assert "application/vnd.pypi.simple.v1+json" in (private.requests[0].accept or "")


def test_a_big_page_is_read_only_to_its_first_file(probe: HttpProbe, tmp_path: Path) -> None:
    folder = tmp_path / "simple" / "alpha"
    folder.mkdir(parents=True)
    (folder / "index.html").write_text("<a href='alpha-1.0.tar.gz#sha256=0'>alpha</a>")
    (tmp_path / "simple" / "json").mkdir()
    (tmp_path / "simple" / "json" / "index.html").write_text(json.dumps({"files": [{"filename": "x"}]}))
    (tmp_path / "simple" / "none").mkdir()
    (tmp_path / "simple" / "none" / "index.html").write_text(json.dumps({"files": []}) + "<a href='../'>up</a>")
    index = only(str(tmp_path / "simple")).indexes[0]
    assert [probe(index, name) for name in ("alpha", "json", "none", "other")] == [True, True, False, False]


@pytest.mark.parametrize(
    ("username", "password", "value"),
    [
        ("u", PASSWORD, "http://u:p%40ss%3Aw%2Frd%25@{host}/simple"),
        ("tok", "", "http://tok@{host}/simple"),
        ("n", "from netrc", "http://{host}/simple"),
        ("n", "from netrc", "http://n@{host}/simple"),
    ],
)
def test_the_probe_gets_in_with_credentials(
    wheels: list[Path], tmp_path: Path, username: str, password: str, value: str
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text('machine 127.0.0.1 login n password "from netrc"\n')
    with PrivateIndex(wheels, username=username, password=password) as private:
        index = only(value.replace("{host}", private.host)).indexes[0]
        assert HttpProbe({"NETRC": str(netrc)})(index, "alpha")


@pytest.mark.parametrize(
    ("status", "said", "fix", "asked"),
    [
        (401, "answered 401 Unauthorized", "give credentials", 1),
        (403, "answered 403 Forbidden", "give credentials", 1),
        (503, "answered 503 Service Unavailable", "try again later", 2),
        (429, "answered 429 Too Many Requests", "try again later", 2),
        (418, "answered 418 I'm a Teapot", "check the URL", 1),
    ],
)
def test_an_index_that_refuses_is_named_with_its_status(
    probe: HttpProbe, status: int, said: str, fix: str, asked: int
) -> None:
    with PrivateIndex(status=status) as private:
        index = only(f"http://u:hunter2@{private.host}/simple").indexes[0]
        with pytest.raises(IndexUnavailableError) as error:
            probe(index, "alpha")
        assert len(private.requests) == asked
    assert str(error.value).startswith(f"req.txt:1: the package index {private.url} {said}")
    assert fix in str(error.value)
    assert "hunter2" not in str(error.value)


def test_an_index_that_does_not_answer_is_named_after_two_attempts(probe: HttpProbe) -> None:
    with PrivateIndex(silent=True) as private:
        started = time.monotonic()
        with pytest.raises(IndexUnavailableError, match="can't be reached: timed out"):
            probe(only(private.url).indexes[0], "alpha")
        assert len(private.requests) == 2
    assert time.monotonic() - started < 10
    with pytest.raises(IndexUnavailableError, match="can't be reached: Connection refused"):
        probe(only(private.url).indexes[0], "alpha")


def test_an_https_index_that_speaks_http_is_an_error_about_tls(probe: HttpProbe) -> None:
    with (
        PrivateIndex() as private,
        pytest.raises(IndexUnavailableError, match=r"(?s)can't be reached: TLS: .*SSL_CERT_FILE"),
    ):
        probe(only(private.url.replace("http", "https")).indexes[0], "alpha")


def test_nothing_is_asked_while_the_network_is_disabled() -> None:
    with PrivateIndex() as private:
        with pytest.raises(IndexUnavailableError, match="network is disabled"):
            HttpProbe({"UV_OFFLINE": "1"})(only(private.url).indexes[0], "alpha")
        assert private.requests == []


def test_a_redirect_takes_no_credentials_to_another_port(probe: HttpProbe, wheels: list[Path]) -> None:
    with PrivateIndex(wheels) as target, PrivateIndex(redirect_to=f"http://{target.host}") as source:
        assert probe(only(f"http://u:pw@{source.host}/simple").indexes[0], "alpha")
        assert source.requests[0].authorization is not None
        assert [request.authorization for request in target.requests] == [None]


def test_a_redirect_to_a_page_elsewhere_without_files_is_not_an_answer(probe: HttpProbe) -> None:
    with (
        PrivateIndex(empty=["alpha"]) as login_page,
        PrivateIndex(redirect_to=f"http://localhost:{login_page.port}") as source,
        pytest.raises(IndexUnavailableError, match="redirect to localhost"),
    ):
        probe(only(source.url).indexes[0], "alpha")


def test_a_redirect_in_a_circle_or_to_a_file_is_an_error(probe: HttpProbe) -> None:
    for target in ("", "file:///etc"):
        with (
            PrivateIndex(redirect_to=target) as source,
            pytest.raises(IndexUnavailableError, match="redirects that lead nowhere"),
        ):
            probe(only(source.url).indexes[0], "alpha")


def test_the_probe_goes_through_the_proxy_of_the_environment(wheels: list[Path]) -> None:
    with PrivateIndex(wheels) as proxy:
        index = only("http://index.invalid/simple").indexes[0]
        probe = HttpProbe({"HTTP_PROXY": f"http://{proxy.host}", "NO_PROXY": "other.invalid"}, timeout=1)
        assert probe(index, "alpha")
        assert proxy.paths() == ["http://index.invalid/simple/alpha/"]
        bypassing = HttpProbe({"HTTP_PROXY": f"http://{proxy.host}", "no_proxy": "index.invalid"}, timeout=1)
        with pytest.raises(IndexUnavailableError):
            bypassing(index, "alpha")
        assert len(proxy.requests) == 1


# What uv says when an index fails


def the_lock_of(real_uv: Uv, wheels: list[Path], host: str) -> str:
    with PrivateIndex(wheels) as working:
        done = real_uv.compile("alpha\n", only(working.url))
        assert done.returncode == 0
        return done.stdout.replace(working.host, host)


def fresh(real_uv: Uv) -> dict[str, str]:
    return {"UV_CACHE_DIR": str(real_uv.folder / "fresh-cache")}


def checked(failure: LayerError | None, url: str) -> str:
    assert isinstance(failure, IndexUnavailableError)
    assert str(failure).startswith(f"req.txt:1: the package index {url} ")
    assert "hunter2" not in str(failure)
    return str(failure)


@pytest.mark.parametrize(
    ("status", "said", "fix"),
    [
        (401, "answered 401 Unauthorized", "give credentials"),
        (403, "answered 403 Forbidden", "give credentials"),
        (429, "answered 429 Too Many Requests", "try again later"),
        (503, "answered 503 Service Unavailable", "try again later"),
    ],
)
def test_what_uv_says_of_a_refusal_becomes_an_error_about_the_index(
    real_uv: Uv, wheels: list[Path], status: int, said: str, fix: str
) -> None:
    with PrivateIndex(status=status) as private:
        indexes = only(f"http://u:hunter2@{private.host}/simple")
        compiled = real_uv.compile("alpha\n", indexes)
        installed = real_uv.install(the_lock_of(real_uv, wheels, private.host), indexes, **fresh(real_uv))
    for done in (compiled, installed):
        assert done.returncode != 0
        text = checked(describe_uv_failure(done.stderr, indexes), private.url)
        assert said in text
        assert fix in text


def test_what_uv_says_of_a_silent_or_dead_index_becomes_an_error_about_it(real_uv: Uv, wheels: list[Path]) -> None:
    with PrivateIndex(silent=True) as private:
        indexes = only(f"http://u:hunter2@{private.host}/simple")
        lock = the_lock_of(real_uv, wheels, private.host)
        silent = [real_uv.compile("alpha\n", indexes), real_uv.install(lock, indexes, **fresh(real_uv))]
    dead = [real_uv.compile("alpha\n", indexes), real_uv.install(lock, indexes, **fresh(real_uv))]
    for done in silent:
        assert "can't be reached: operation timed out" in checked(
            describe_uv_failure(done.stderr, indexes), private.url
        )
    for done in dead:
        text = checked(describe_uv_failure(done.stderr, indexes), private.url)
        assert "can't be reached: Connection refused\n" in text
        assert "HTTPS_PROXY" in text


def test_what_uv_says_of_an_unknown_host_or_of_tls_becomes_an_error(real_uv: Uv) -> None:
    nowhere = only("http://index.invalid/simple")
    done = real_uv.compile("alpha\n", nowhere)
    assert "failed to lookup" in checked(describe_uv_failure(done.stderr, nowhere), "http://index.invalid/simple")
    with PrivateIndex() as private:
        secure = only(private.url.replace("http", "https"))
        done = real_uv.compile("alpha\n", secure)
    text = checked(describe_uv_failure(done.stderr, secure), secure.indexes[0].url)
    assert "SSL_CERT_FILE" in text


def test_what_uv_says_of_find_links_that_refuse_becomes_an_error(real_uv: Uv, wheels: list[Path]) -> None:
    with PrivateIndex(wheels, username="u", password=PASSWORD) as private:
        page = f"{private.url_with('u', 'hunter2')}/alpha/"
        indexes = read_indexes(a_file(find_links=(page,), no_index=True), {})
        done = real_uv.compile("alpha\n", indexes)
    failure = describe_uv_failure(done.stderr, indexes)
    assert isinstance(failure, IndexUnavailableError)
    assert str(failure).startswith(f"req.txt:9: the package index {private.url}/alpha/ answered 401 Unauthorized")
    assert "hunter2" not in str(failure)


def test_a_file_that_is_gone_from_the_index_is_an_error_about_it(real_uv: Uv, wheels: list[Path]) -> None:
    with PrivateIndex(wheels[:1]) as private:
        indexes = only(private.url)
        lock = the_lock_of(real_uv, wheels, private.host)
        done = real_uv.install(lock, indexes, **fresh(real_uv))
    text = checked(describe_uv_failure(done.stderr, indexes), private.url)
    assert "answered 404 Not Found" in text
    assert "lock again" in text


def test_uv_without_network_and_without_the_files_is_an_error_about_that(real_uv: Uv) -> None:
    indexes = only("http://127.0.0.1:9/simple")
    done = real_uv.compile("alpha\n", indexes, UV_OFFLINE="1")
    failure = describe_uv_failure(done.stderr, indexes)
    assert isinstance(failure, IndexUnavailableError)
    assert "unset UV_OFFLINE" in str(failure)


def test_a_project_that_no_index_knows_is_not_a_failure_of_the_index(real_uv: Uv) -> None:
    with PrivateIndex() as private:
        indexes = only(private.url)
        done = real_uv.compile("alpha\n", indexes)
    assert "alpha was not found in the package registry" in done.stderr
    assert describe_uv_failure(done.stderr, indexes) is None
    assert describe_uv_failure("", indexes) is None
