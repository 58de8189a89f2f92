from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
import uv as uv_package

from layer_constructs.building import uv
from layer_constructs.building.process import Completed, clean_environment, mask, run
from layer_constructs.building.target import Target
from layer_constructs.errors import ToolFailedError
from tests.support.private_index import PrivateIndex
from tests.support.wheels import make_wheel

# Each changes what uv or pip resolves, installs or trusts, or how; none may reach them.
HOSTILE = {
    "UV_CONSTRAINT": "constraints.txt",
    "UV_OVERRIDE": "constraints.txt",
    "UV_RESOLUTION": "lowest",
    "UV_EXCLUDE_NEWER": "2001-01-01",
    "UV_PRERELEASE": "allow",
    "UV_CONFIG_FILE": "uv.toml",
    "UV_INDEX_STRATEGY": "unsafe-best-match",
    "UV_DEFAULT_INDEX": "http://127.0.0.1:1/simple",
    "UV_INDEX_URL": "http://127.0.0.1:1/simple",
    "UV_INDEX": "http://127.0.0.1:1/simple",
    "UV_EXTRA_INDEX_URL": "http://127.0.0.1:1/simple",
    "UV_FIND_LINKS": "http://127.0.0.1:1/links",
    "UV_NO_INDEX": "1",
    "UV_NO_BINARY": "1",
    "UV_NO_BUILD_ISOLATION": "1",
    "UV_LINK_MODE": "symlink",
    "UV_COMPILE_BYTECODE": "1",
    "UV_REQUIRE_HASHES": "1",
    "UV_NO_VERIFY_HASHES": "1",
    "UV_PYTHON": "/nonexistent/python",
    "UV_PROJECT": "/nonexistent",
    "UV_WORKING_DIRECTORY": "/nonexistent",
    "UV_NO_CACHE": "1",
    "UV_CUSTOM_COMPILE_COMMAND": "make lock",
    "UV_TORCH_BACKEND": "cu128",
    "PIP_INDEX_URL": "http://127.0.0.1:1/simple",
    "PIP_EXTRA_INDEX_URL": "http://127.0.0.1:1/simple",
    "PIP_FIND_LINKS": "http://127.0.0.1:1/links",
    "PIP_NO_INDEX": "1",
    "PIP_CONSTRAINT": "constraints.txt",
    "PIP_CONFIG_FILE": "pip.conf",
    "PIP_TARGET": "/nonexistent",
    "PIP_USER": "1",
    "PYTHONPATH": "/nonexistent",
    "PYTHONHOME": "/nonexistent",
    "PYTHONSTARTUP": "/nonexistent",
    "VIRTUAL_ENV": "/nonexistent",
    "CONDA_PREFIX": "/nonexistent",
    "LD_PRELOAD": "/nonexistent.so",
    "POETRY_VIRTUALENVS_CREATE": "true",
    "PIPENV_PYPI_MIRROR": "http://127.0.0.1:1/simple",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "GITHUB_TOKEN": "secret",
}

KEPT = {
    "PATH": "/bin",
    "HOME": "/home/somebody",
    "https_proxy": "http://proxy:3128",
    "HTTPS_PROXY": "http://proxy:3128",
    "No_Proxy": "localhost",
    "SSL_CERT_FILE": "/etc/ca.pem",
    "NETRC": "/home/somebody/.netrc",
    "UV_CACHE_DIR": "/var/cache/uv",
    "UV_OFFLINE": "1",
    "UV_HTTP_TIMEOUT": "300",
    "UV_KEYRING_PROVIDER": "subprocess",
}


# --- the environment


def test_keeps_what_a_tool_needs_and_nothing_that_changes_its_result() -> None:
    assert clean_environment({**HOSTILE, **KEPT}) == KEPT


@pytest.mark.parametrize("name", HOSTILE)
def test_drops_each_variable_in_any_case(name: str) -> None:
    assert clean_environment({name: "x", name.lower(): "x", name.title(): "x"}) == {}


@pytest.mark.parametrize(
    ("environment", "bundle"),
    [
        ({"PIP_CERT": "/pip.pem"}, "/pip.pem"),
        ({"REQUESTS_CA_BUNDLE": "/requests.pem"}, "/requests.pem"),
        ({"CURL_CA_BUNDLE": "/curl.pem"}, "/curl.pem"),
        ({"PIP_CERT": "/pip.pem", "CURL_CA_BUNDLE": "/curl.pem"}, "/pip.pem"),
        ({"SSL_CERT_FILE": "/ssl.pem", "PIP_CERT": "/pip.pem"}, "/ssl.pem"),
        ({}, None),
    ],
)
def test_a_companys_ca_bundle_reaches_uv_however_it_is_named(
    environment: Mapping[str, str], bundle: str | None
) -> None:
    assert clean_environment(environment).get("SSL_CERT_FILE") == bundle


def test_reads_the_environment_of_this_process_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_RESOLUTION", "lowest")
    monkeypatch.setenv("NO_PROXY", "internal.example")

    cleaned = clean_environment()

    assert "UV_RESOLUTION" not in cleaned
    assert cleaned["NO_PROXY"] == "internal.example"
    assert cleaned["PATH"] == os.environ["PATH"]


def _surround(folder: Path, index: PrivateIndex) -> None:
    """Configuration of uv and pip that would make `tiny` 1.0 of what is 2.0, or fail."""
    (folder / "constraints.txt").write_text("tiny<2\n", encoding="utf-8")
    (folder / "uv.toml").write_text('resolution = "lowest"\n[pip]\nresolution = "lowest"\n', encoding="utf-8")
    (folder / ".python-version").write_text("3.8.0\n", encoding="utf-8")
    (folder / "pip.conf").write_text("[global]\nno-index = true\n", encoding="utf-8")
    for home in ("config/uv", "config/pip", "etc/uv"):
        (folder / home).mkdir(parents=True)
        for name in ("uv.toml", "pip.conf"):
            (folder / home / name).write_bytes((folder / name).read_bytes())


def _manifest(*, requirements: str = "") -> str:
    return f'[project]\nname = "layer"\nversion = "0"\ndependencies = ["tiny"]\n{requirements}'


@pytest.mark.parametrize("hostile", [True, False], ids=["hostile surroundings", "nothing around"])
def test_a_real_resolution_is_the_same_in_hostile_surroundings(
    hostile: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels = [make_wheel(tmp_path / "wheels", "tiny", version) for version in ("1.0", "2.0", "3.0rc1")]
    work = tmp_path / "surroundings" / "work"
    work.mkdir(parents=True)
    (work / "pyproject.toml").write_text(_manifest(), encoding="utf-8")
    with PrivateIndex(wheels) as index:
        index_environment = {"UV_DEFAULT_INDEX": index.url}
        if hostile:
            (work.parent / "pyproject.toml").write_text(
                _manifest(requirements='[tool.uv]\nconstraint-dependencies = ["tiny<2"]\n'),
                encoding="utf-8",
            )
            for folder in (work, work.parent):
                _surround(folder, index)
            monkeypatch.chdir(work)
            monkeypatch.setenv("XDG_CONFIG_HOME", str(work / "config"))
            monkeypatch.setenv("XDG_CONFIG_DIRS", str(work / "etc"))
            for name, value in HOSTILE.items():
                if not name.startswith(("LD_", "PYTHON")):
                    monkeypatch.setenv(name, value)

        output = work / "pylock.out.toml"
        arguments = uv.compile_arguments(Target(), project=work / "pyproject.toml", output=output)
        done = uv.call(arguments, run=run, environment=index_environment, secrets=(), cwd=work)

    assert done.returncode == 0, done.stderr
    (package,) = tomllib.loads(output.read_text(encoding="utf-8"))["packages"]
    assert package["version"] == "2.0"


@pytest.mark.parametrize("neighbour", ["variable", "uv.toml", "tool.uv", "user configuration"])
def test_the_hostile_surroundings_do_change_the_result_of_plain_uv(neighbour: str, tmp_path: Path) -> None:
    """So that the test above can fail."""
    wheels = [make_wheel(tmp_path / "wheels", "tiny", version) for version in ("1.0", "2.0")]
    environment = clean_environment()
    extra = ""
    if neighbour == "variable":
        environment["UV_RESOLUTION"] = "lowest"
    elif neighbour == "uv.toml":
        (tmp_path / "uv.toml").write_text('[pip]\nresolution = "lowest"\n', encoding="utf-8")
    elif neighbour == "tool.uv":
        extra = '[tool.uv]\nconstraint-dependencies = ["tiny<2"]\n'
    else:
        (tmp_path / "config" / "uv").mkdir(parents=True)
        (tmp_path / "config" / "uv" / "uv.toml").write_text('[pip]\nresolution = "lowest"\n', encoding="utf-8")
        environment["XDG_CONFIG_HOME"] = str(tmp_path / "config")
    (tmp_path / "pyproject.toml").write_text(_manifest(requirements=extra), encoding="utf-8")
    with PrivateIndex(wheels) as index:
        environment["UV_DEFAULT_INDEX"] = index.url
        done = subprocess.run(
            [uv_package.find_uv_bin(), "pip", "compile", "pyproject.toml", "--python", sys.executable],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    assert "tiny==1.0" in done.stdout


def test_a_real_installation_is_the_same_in_hostile_surroundings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = make_wheel(tmp_path / "wheels", "tiny", "1.0")
    pylock = tmp_path / "pylock.toml"
    pylock.write_text(
        'lock-version = "1.0"\ncreated-by = "test"\n[[packages]]\nname = "tiny"\nversion = "1.0"\n'
        f"wheels = [{{ name = '{wheel.name}', path = '{wheel}', hashes = {{ sha256 = '{_sha256(wheel)}' }} }}]\n",
        encoding="utf-8",
    )
    with PrivateIndex() as index:
        _surround(tmp_path, index)
    for name, value in HOSTILE.items():
        if not name.startswith(("LD_", "PYTHON")):
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)

    arguments = uv.install_arguments(Target(), pylock=pylock, into=tmp_path / "into", offline=True)
    done = uv.call(arguments, run=run, environment={}, secrets=(), cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    module = tmp_path / "into" / "tiny.py"
    assert module.is_file()
    assert not module.is_symlink()
    assert list((tmp_path / "into").rglob("*.pyc")) == []


def _sha256(path: Path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()


# --- secrets


def test_masks_every_secret_the_longest_first() -> None:
    text = "http://user:secret@host and secret-and-more, then se%63ret"

    assert mask(text, ["secret", "secret-and-more", "", "secret"]) == "http://user:****@host and ****, then se%63ret"


def test_masks_what_a_process_says() -> None:
    program = "import sys; print('out pass word'); print('err pass word', file=sys.stderr); sys.exit(3)"

    done = run([sys.executable, "-c", program], env=clean_environment(), secrets=iter(["pass word"]))

    assert done == Completed(3, "out ****\n", "err ****\n")


# --- the process


def test_hands_arguments_over_without_a_shell() -> None:
    words = ["a b", "$HOME", "`id`", "*", "ü;&|", '"', ""]
    program = "import sys; sys.stdout.buffer.write('\\0'.join(sys.argv[1:]).encode())"

    done = run([sys.executable, "-c", program, *words], env={**clean_environment(), "PYTHONUTF8": "1"})

    assert done.stdout.split("\0") == words


def test_gives_a_process_only_the_environment_it_is_to_see(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_PARENT", "1")
    program = "import os; print('SECRET_OF_THE_PARENT' in os.environ, os.environ.get('GIVEN'))"

    done = run([sys.executable, "-c", program], env={**clean_environment(), "GIVEN": "yes"})

    assert done.stdout.split() == ["False", "yes"]


def test_runs_in_the_folder_it_is_told_and_with_nothing_to_read(tmp_path: Path) -> None:
    program = "import os, sys; print(os.getcwd()); print(repr(sys.stdin.read()))"

    done = run([sys.executable, "-c", program], env=clean_environment(), cwd=tmp_path)

    assert done.stdout.splitlines() == [str(tmp_path.resolve()), "''"]


def test_takes_output_that_is_not_text() -> None:
    program = "import sys; sys.stdout.buffer.write(b'a\\xffb')"

    assert run([sys.executable, "-c", program], env=clean_environment()).stdout == "a\ufffdb"


def test_a_missing_program_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ToolFailedError, match=r"no-such-program can't be started: .*No such file") as raised:
        run([str(tmp_path / "no-such-program"), "--version"], env=clean_environment())

    assert isinstance(raised.value.__cause__, FileNotFoundError)


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_a_program_that_is_none_is_a_clear_error(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("no program", encoding="utf-8")

    with pytest.raises(ToolFailedError, match=r"program can't be started: .*Permission denied"):
        run([str(program)], env=clean_environment())


def test_a_missing_folder_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ToolFailedError, match=r"can't be started: .*nowhere"):
        run([sys.executable, "--version"], env=clean_environment(), cwd=tmp_path / "nowhere")


@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals")
@pytest.mark.parametrize(
    ("show_progress", "quiet", "shown"), [(True, "", True), (True, "1", False), (False, "", False)]
)
def test_shows_progress_on_a_terminal_only_where_it_is_wanted(show_progress: bool, quiet: str, shown: bool) -> None:
    import pty

    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from layer_constructs.building.process import run\n"
        "child = 'import sys; print(sys.stderr.isatty(), file=sys.stderr)'\n"
        f"done = run([sys.executable, '-c', child], env={{}}, show_progress={show_progress})\n"
        "print(repr(done.stderr))"
    )
    terminal, theirs = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-c", program, Path(__file__).parents[2]],
            env={**os.environ, "LAYER_CONSTRUCTS_QUIET": quiet},
            stderr=theirs,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        if shown:
            assert done.stdout == "'True\\n'\n"
            assert os.read(terminal, 100).strip() == b"True"
        else:
            assert done.stdout == "'False\\n'\n"
    finally:
        os.close(theirs)
        os.close(terminal)
