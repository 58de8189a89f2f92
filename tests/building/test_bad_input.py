"""What a user gets to read for each mistake: which file and line, the value, what is allowed, what to do."""

from __future__ import annotations

import hashlib
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from layer_constructs.building.dependencies import Dependencies
from layer_constructs.building.planning import make_plan
from layer_constructs.building.target import Target
from layer_constructs.errors import (
    ArgumentError,
    HashMismatchError,
    IndexUnavailableError,
    LayerError,
    LockInvalidError,
    RequirementsError,
    ResolutionError,
    UnsupportedRequirementError,
    UnsupportedTargetError,
    WheelUnavailableError,
)
from tests.support.desk import ARM, X86, Desk, make_desk
from tests.support.private_index import PrivateIndex
from tests.support.wheels import make_wheel

ZEROS = "0" * 64
PASSWORD = "hunter2-s3cr3t"


@pytest.fixture
def pypi(tmp_path: Path) -> Desk:
    """A desk whose packages come from PyPI, through the uv cache that is there."""
    return make_desk(tmp_path)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk whose packages come from servers of the test's own."""
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("UV_HTTP_TIMEOUT", "1")
    return make_desk(tmp_path)


@pytest.fixture
def wheels(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "wheels"
    return [make_wheel(folder, "alpha", "1.0", requires=["beta"]), make_wheel(folder, "beta", "1.0")]


# The file


def test_names_the_absolute_path_of_a_file_that_is_not_there(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk.folder)
    text = desk.refusal(RequirementsError, file=Path("sub/req.txt"))
    assert text.splitlines()[0] == f"there is no file {desk.folder / 'sub' / 'req.txt'}"
    assert f"relative to the working directory, {desk.folder}" in text


def test_refuses_an_empty_file(desk: Desk) -> None:
    text = desk.refusal(RequirementsError, "# nothing yet", "")
    assert text.startswith(f"{desk.file}: there is nothing to install")
    assert "fix: write a requirement into it" in text


def test_names_the_line_that_is_not_utf_8(desk: Desk) -> None:
    desk.file.write_bytes("alpha\n# caf\u00e9\n".encode("latin-1"))
    text = desk.refusal(RequirementsError)
    assert text.startswith(f"{desk.file}:2: this is not UTF-8 text")
    assert "save it as UTF-8" in text


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(desk: Desk, wheels: list[Path]) -> None:
    with PrivateIndex(wheels) as index:
        desk.file.write_bytes(f"\ufeff--index-url {index.url}\r\nalpha \\\r\n  ==1.0\r\n".encode())
        assert desk.packages() == {"alpha": "1.0", "beta": "1.0"}
        before = desk.state()
        assert desk.packages(f"--index-url {index.url}", "alpha==1.0") == {"alpha": "1.0", "beta": "1.0"}
    assert desk.state() == before


def test_names_the_line_of_a_mistyped_specifier(desk: Desk) -> None:
    text = desk.refusal(RequirementsError, "idna", "requests=>2.0")
    assert text.startswith(f"{desk.file}:2: this is not a requirement: requests=>2.0")
    assert "allowed: name, name[extra], and ==, !=, ~=" in text
    assert "fix: write it like `requests==2.32.3`" in text


@pytest.mark.parametrize(
    "name", ["deps for l\u00e4yer.txt", "\u0437\u0430\u0432\u0438\u0441\u0438\u043c.txt", "a'b.txt"]
)
def test_blanks_and_foreign_letters_in_names_are_no_trouble(desk: Desk, wheels: list[Path], name: str) -> None:
    folder = desk.folder / "\u00fc n\u00ef"
    folder.mkdir()
    make_wheel(folder / "wh\u00e9el house", "gamma", "1.0")
    file = folder / name
    with PrivateIndex(wheels) as index:
        file.write_text(
            f"--index-url {index.url}\nalpha\n./wh\u00e9el house/gamma-1.0-py3-none-any.whl\n", encoding="utf-8"
        )
        planned = desk.plan(file=file)
        layer = desk.build(planned)
    assert set(layer.facts.packages) == {"alpha", "beta", "gamma"}
    lock = folder / f"pylock.{Path(name).stem}.toml"
    assert desk.document(lock)["packages"][2]["wheels"][0]["path"] == "wh\u00e9el house/gamma-1.0-py3-none-any.whl"
    before = lock.stat().st_mtime_ns
    assert desk.plan(file=file, locked=True).plan == planned.plan
    assert lock.stat().st_mtime_ns == before


def test_refuses_a_kind_of_file_that_it_does_not_know(desk: Desk) -> None:
    text = desk.refusal(RequirementsError, file=desk.write("[packages]", name="setup.cfg"))
    assert "setup.cfg is not a kind of requirements file that is known here" in text
    assert "uv.lock, Pipfile.lock, poetry.lock" in text


def test_extras_of_a_requirements_file_are_refused(desk: Desk) -> None:
    desk.write("alpha")
    with pytest.raises(ArgumentError, match="write the extras on the line of the package"):
        desk.plan(extras=["socks"])


def test_refuses_a_runtime_that_is_not_python() -> None:
    with pytest.raises(UnsupportedTargetError, match=r"nodejs22\.x is not a Lambda target(?s:.*)allowed: python3\.8, "):
        Target("nodejs22.x")


@pytest.mark.parametrize(
    ("line", "fix"),
    [
        ("-e ./lib", "fix: "),
        ("git+https://example.com/x.git", "fix: name a released version"),
        ("https://example.com/alpha-1.0-py3-none-any.whl", "fix: add --hash=sha256"),
    ],
)
def test_refuses_what_no_hash_can_pin_with_file_line_and_the_way_out(desk: Desk, line: str, fix: str) -> None:
    text = desk.refusal(UnsupportedRequirementError, "idna", line)
    assert text.startswith(f"{desk.file}:2: ")
    assert fix in text


def test_refuses_a_file_in_which_nothing_is_for_the_target(desk: Desk) -> None:
    text = desk.refusal(RequirementsError, "--no-index", "alpha ; sys_platform == 'win32'")
    assert text == f"{desk.file}: nothing in it is for python3.13/x86_64"


# Versions


@pytest.mark.network
def test_names_the_version_that_does_not_exist(pypi: Desk) -> None:
    text = pypi.refusal(ResolutionError, "# pinned", "idna==3.0.1")
    assert text.startswith(f"{pypi.file}:2: there is no version idna==3.0.1\n")
    text = pypi.refusal(ResolutionError, "idna>=99.5")
    assert text.startswith(f"{pypi.file}:1: there is no version idna>=99.5\n  there is only idna<=")


@pytest.mark.network
def test_names_the_project_that_does_not_exist_and_the_index(pypi: Desk) -> None:
    text = pypi.refusal(ResolutionError, "idna", "idnaaa-misspelt-name")
    assert text.startswith(f"{pypi.file}:2: idnaaa-misspelt-name is not on https://pypi.org/simple\n")
    assert "check the spelling" in text


@pytest.mark.network
def test_explains_a_conflict_and_names_its_lines(pypi: Desk) -> None:
    text = pypi.refusal(ResolutionError, "requests==2.32.3", "idna", "urllib3==3.0.1")
    assert text.splitlines() == [
        f"{pypi.file}:1: no set of versions satisfies the requirements on python3.13/x86_64",
        (
            "  Because requests==2.32.3 depends on urllib3>=1.21.1,<3 and the file asks for requests==2.32.3, "
            "we can conclude that the file asks for urllib3>=1.21.1,<3."
        ),
        "  And because the file asks for urllib3==3.0.1, we can conclude that nothing satisfies the file.",
        f"  {pypi.file}:1: requests==2.32.3",
        f"  {pypi.file}:3: urllib3==3.0.1",
        "  fix: loosen one of the requirements named above",
    ]


def test_names_the_line_of_a_constraint_in_a_conflict(desk: Desk, wheels: list[Path]) -> None:
    constraints = desk.write("", "alpha>3", name="limits.txt")
    with PrivateIndex(wheels) as index:
        text = desk.refusal(ResolutionError, f"--index-url {index.url}", "-c limits.txt", "alpha")
    assert f"{desk.file}:3: alpha" in text
    assert f"{constraints}:2: alpha>3" in text


def test_a_package_that_asks_for_one_that_is_nowhere_is_named_with_it(desk: Desk, wheels: list[Path]) -> None:
    with PrivateIndex(wheels[:1]) as index:
        text = desk.refusal(ResolutionError, f"--index-url {index.url}", "alpha")
    assert text.startswith(f"{desk.file}:2: beta is not on {index.url}\n")
    assert "all versions of alpha depend on beta" in text


def test_refuses_a_version_that_is_none(desk: Desk, wheels: list[Path]) -> None:
    with PrivateIndex(wheels) as index:
        text = desk.refusal(RequirementsError, f"--index-url {index.url}", "beta===1.foo")
    assert text.startswith(f"{desk.file}:2: beta===1.foo can't be resolved")


# Wheels


@pytest.mark.network
def test_says_which_targets_have_a_wheel(pypi: Desk) -> None:
    text = pypi.refusal(WheelUnavailableError, "idna", "ibm-db==3.2.6", target=ARM)
    assert text.startswith(f"{pypi.file}:2: no wheel of ibm-db==3.2.6 runs on python3.13/arm64\n")
    offered = next(line for line in text.splitlines() if "wheels for:" in line)
    assert "python3.12/x86_64, python3.13/x86_64" in offered
    assert "arm64" not in offered
    assert "choose a runtime or architecture listed above" in text


@pytest.mark.network
@pytest.mark.parametrize("requirement", ["psycopg2==2.9.10", "docopt"])
def test_says_that_an_sdist_is_not_built(pypi: Desk, requirement: str) -> None:
    text = pypi.refusal(WheelUnavailableError, requirement)
    assert text.startswith(f"{pypi.file}:1: no wheel of {requirement} runs on python3.13/x86_64\n")
    assert "source distributions are not built" in text
    assert "wheels for: no Lambda target" in text
    assert "listed above" not in text


@pytest.mark.network
def test_says_what_asks_for_the_package_without_a_wheel(pypi: Desk) -> None:
    text = pypi.refusal(WheelUnavailableError, "num2words==0.5.13")
    assert text.startswith(f"{pypi.file}:1: no wheel of docopt runs on python3.13/x86_64\n")
    assert "num2words==0.5.13 depends on docopt>=0.6.2" in text


@pytest.mark.network
def test_a_wheel_for_a_newer_glibc_is_none(pypi: Desk) -> None:
    text = pypi.refusal(WheelUnavailableError, "numpy==2.4.0", target=Target("python3.11"))
    assert "no wheel of numpy==2.4.0 runs on python3.11/x86_64" in text
    assert "wheels for: python3.12/x86_64, python3.12/arm64" in text


def test_a_local_wheel_for_another_platform_is_refused(desk: Desk) -> None:
    wheel = make_wheel(desk.folder, "native", "1.0", tag="cp313-cp313-manylinux_2_17_aarch64")
    text = desk.refusal(WheelUnavailableError, f"./{wheel.name}")
    assert text.startswith(f"{desk.file}:1: no wheel of native ({wheel.name}) runs on python3.13/x86_64")
    assert "wheels for: python3.13/arm64\n" in text


def _sdist(folder: Path, marker: Path) -> Path:
    """A source distribution whose setup.py leaves a trace when it is run."""
    path = folder / "evil-1.0.tar.gz"
    files = {
        "evil-1.0/setup.py": f"open({str(marker)!r}, 'w').close()\nfrom setuptools import setup\nsetup(name='evil')\n",
        "evil-1.0/PKG-INFO": "Metadata-Version: 1.0\nName: evil\nVersion: 1.0\n",
    }
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, BytesIO(text.encode()))
    return path


def test_the_code_of_a_dependency_is_never_run(desk: Desk, tmp_path: Path) -> None:
    marker = tmp_path / "was-run"
    sdist = _sdist(tmp_path, marker)
    with PrivateIndex([sdist]) as index:
        loose = desk.refusal(WheelUnavailableError, f"--index-url {index.url}", "evil")
        digest = hashlib.sha256(sdist.read_bytes()).hexdigest()
        pinned = desk.refusal(
            WheelUnavailableError, f"--index-url {index.url}", f"evil==1.0 --hash=sha256:{digest}", build=True
        )
        url = desk.refusal(
            UnsupportedRequirementError, f"http://{index.host}/files/{sdist.name} --hash=sha256:{digest}"
        )
        local = desk.refusal(UnsupportedRequirementError, str(sdist))
        assert not [path for path in index.paths() if path.endswith(".tar.gz")]
    assert all("source distribution" in text for text in (loose, pinned, url, local))
    assert not marker.exists()


# Hashes


@pytest.mark.network
def test_a_wrong_hash_is_refused_in_a_file_that_is_its_own_lock(pypi: Desk) -> None:
    text = pypi.refusal(HashMismatchError, f"idna==3.10 --hash=sha256:{ZEROS}", build=True)
    assert text.startswith(
        f"{pypi.file}:1: no wheel of idna==3.10 for python3.13/x86_64 has a hash that the file allows"
    )


def test_a_wrong_hash_is_refused_beside_what_has_none(desk: Desk, wheels: list[Path]) -> None:
    with PrivateIndex(wheels) as index:
        text = desk.refusal(HashMismatchError, f"--index-url {index.url}", f"beta==1.0 --hash=sha256:{ZEROS}", "alpha")
    assert text.startswith(f"{desk.file}:2: no wheel of beta==1.0")
    assert not desk.lock.exists()


@pytest.mark.parametrize("place", ["url", "path"])
def test_a_wrong_hash_of_a_url_or_local_wheel_is_refused(desk: Desk, wheels: list[Path], place: str) -> None:
    with PrivateIndex(wheels) as index:
        wheel = f"http://{index.host}/files/{wheels[1].name}" if place == "url" else str(wheels[1])
        text = desk.refusal(HashMismatchError, f"--index-url {index.url}", f"{wheel} --hash=sha256:{ZEROS}", "alpha")
    assert text.startswith(f"{desk.file}:2: the wheel of beta is not the one whose hash the file gives")
    assert hashlib.sha256(wheels[1].read_bytes()).hexdigest() in text


def test_a_wheel_that_changed_on_the_index_is_refused(desk: Desk, wheels: list[Path]) -> None:
    with PrivateIndex(wheels) as index:
        planned = desk.plan(f"--index-url {index.url}", "alpha")
        make_wheel(wheels[1].parent, "beta", "1.0", files={"beta.py": b"import os"})
        with pytest.raises(HashMismatchError) as caught:
            desk.build(planned)
    assert "a downloaded wheel is not the one that was locked" in str(caught.value)
    assert "beta" in str(caught.value)


def test_only_a_hash_that_indexes_publish_can_be_checked(desk: Desk, wheels: list[Path]) -> None:
    with PrivateIndex(wheels) as index:
        text = desk.refusal(RequirementsError, f"--index-url {index.url}", f"beta==1.0 --hash=sha512:{ZEROS}{ZEROS}")
    assert text.startswith(f"{desk.file}:2: the hashes of beta are none that an index publishes")
    assert "give its sha256" in text


def test_a_missing_transitive_pin_is_named(desk: Desk, wheels: list[Path]) -> None:
    digest = hashlib.sha256(wheels[0].read_bytes()).hexdigest()
    with PrivateIndex(wheels) as index:
        text = desk.refusal(
            RequirementsError, f"--index-url {index.url}", f"alpha==1.0 --hash=sha256:{digest}", build=True
        )
    assert f"{desk.file}: everything in it is pinned and hashed, but what that needs is not: beta" in text
    assert "uv pip compile --generate-hashes" in text


# The index


@pytest.mark.parametrize(
    ("status", "leaf", "said", "fix"),
    [
        (401, IndexUnavailableError, "answered 401 Unauthorized", "give credentials"),
        (403, IndexUnavailableError, "answered 403 Forbidden", "give credentials"),
        (404, ResolutionError, "alpha is not on ", "the URL of the index"),
        (503, IndexUnavailableError, "answered 503 Service Unavailable", "try again later"),
    ],
)
def test_an_index_that_refuses_is_named(desk: Desk, status: int, leaf: type[LayerError], said: str, fix: str) -> None:
    with PrivateIndex(status=status) as index:
        text = desk.refusal(leaf, f"--index-url {index.url}", "alpha")
    assert text.startswith(f"{desk.file}:")
    assert index.url in text
    assert said in text
    assert fix in text
    assert not desk.lock.exists()


def test_an_index_that_says_nothing_or_is_not_there_is_named(desk: Desk) -> None:
    with PrivateIndex(silent=True) as index:
        silent = desk.refusal(IndexUnavailableError, f"--index-url {index.url}", "alpha")
    gone = desk.refusal(IndexUnavailableError)
    for text in (silent, gone):
        assert text.startswith(f"{desk.file}:1: the package index {index.url} can't be reached: ")
        assert "HTTPS_PROXY" in text
    assert "timed out" in silent
    assert "Connection refused" in gone


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("HTTPS_PROXY", "http://127.0.0.1:9", "https://pypi.org/simple can't be reached: Connection refused"),
        ("UV_OFFLINE", "1", "the network is disabled"),
    ],
)
def test_without_network_and_with_a_cold_cache_it_says_so(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    assert said in desk.refusal(IndexUnavailableError, "idna")


def test_without_network_and_with_a_warm_cache_a_locked_file_is_built(
    desk: Desk, wheels: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with PrivateIndex(wheels) as index:
        first = desk.build(desk.plan(f"--index-url {index.url}", "alpha"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    desk.cache.prune(keep_newer_than=0, everything=True)
    assert not first.archive.exists()
    again = desk.build(desk.plan())
    assert again.facts == first.facts


def test_without_network_and_without_the_wheels_a_locked_file_is_refused(
    desk: Desk, wheels: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with PrivateIndex(wheels) as index:
        desk.plan(f"--index-url {index.url}", "alpha")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cold"))
    text = desk.refusal(IndexUnavailableError, build=True)
    assert f"the package index {index.url} can't be reached: Connection refused" in text


# A password


@pytest.mark.parametrize("written", ["literal", "variable"])
@pytest.mark.parametrize("option", ["--index-url", "--extra-index-url", "--find-links"])
def test_a_password_is_in_no_output_lock_digest_or_cache_entry(
    desk: Desk,
    wheels: list[Path],
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    written: str,
    option: str,
) -> None:
    monkeypatch.setenv("LAYER_CONSTRUCTS_QUIET", "")
    desk.environ["INDEX_PASSWORD"] = PASSWORD
    with PrivateIndex(wheels, username="me", password=PASSWORD) as index, PrivateIndex() as empty:
        password = PASSWORD if written == "literal" else "${INDEX_PASSWORD}"
        url = f"http://me:{password}@{index.host}/simple"
        lines = {
            "--index-url": [f"--index-url {url}"],
            "--extra-index-url": [f"--index-url {empty.url}", f"--extra-index-url {url}"],
            "--find-links": ["--no-index", f"--find-links {url}/alpha/", f"--find-links {url}/beta/"],
        }[option]
        planned = desk.plan(*lines, "alpha")
        layer = desk.build(planned)
        texts = [*desk.said, planned.plan.digest, repr(planned), layer.facts.digest]
        texts.append(desk.refusal(ResolutionError, *lines, "alpha>5"))
    lock = desk.lock.read_text(encoding="utf-8")
    assert index.host in lock
    texts.append(desk.refusal(IndexUnavailableError, *lines, "beta"))
    texts += [lock, *capfd.readouterr()]
    secrets = {PASSWORD, "bWU6aHVudGVyMi1zM2NyM3Q="}
    assert not [text for text in texts for secret in secrets if secret in text]
    own = {path: data for path, data in desk.files().items() if path != desk.file and "uv" not in path.parts}
    assert layer.archive in own
    assert not [path for path, data in own.items() for secret in secrets if secret.encode() in data]


def test_a_wrong_password_is_not_repeated(desk: Desk, wheels: list[Path]) -> None:
    with PrivateIndex(wheels, username="me", password="right") as index:
        text = desk.refusal(IndexUnavailableError, f"--index-url {index.url_with('me', PASSWORD)}", "alpha")
    assert "answered 401 Unauthorized" in text
    assert PASSWORD not in text


# The lock


@pytest.fixture
def locked(desk: Desk, wheels: list[Path]) -> Desk:
    with PrivateIndex(wheels) as index:
        desk.plan(f"--index-url {index.url}", "alpha>=1.0")
    return desk


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[[packages]]", "[[packages", "not valid TOML"),
        ("[[packages]]", "<<<<<<< ours\n[[packages]]", "not valid TOML"),
        ('lock-version = "1.0"', 'lock-version = "9.0"', "not a valid PEP 751 lock"),
        ('version = "1.0"\nmarker', 'version = "2.0"\nmarker', "packages[0].wheels[0]"),
        ("alpha-1.0-py3", "alpha-1.1-py3", "packages[0].wheels[0]"),
        ("alpha-1.0-py3", "gamma-1.0-py3", "packages[0].wheels[0]"),
        ("alpha-1.0-py3-none-any.whl", "alpha.whl", "alpha.whl"),
        ('name = "alpha"', 'name = "alfa"', "alfa"),
        ("hashes = {sha256", "hashes = {md5", "has no sha256"),
        ("[tool.layer-constructs", "[tool.other", "layer-constructs did not make it"),
        ("format = 1", "format = 2", "its format is 2, and this version of layer-constructs reads 1"),
        ("[tool.layer-constructs.made-from]", "[tool.layer-constructs.from]", "made-from is not a table"),
        ('source = "req.txt"', "source = 5", "source is not a text"),
        ('source = "req.txt"\n', "", "source or requirements is missing"),
        ('source = "req.txt"', 'source = "req.txt"\nmood = "good"', "mood is unknown"),
        ("format = 1", "format = 1\nexclude-newer = 2026-01-01", "exclude-newer is not a text"),
        ("format = 1", 'format = 1\nexclude-newer = "yesterday"', "'yesterday' is not a date"),
        ('runtimes."python3.13"]', 'runtimes."ruby3.4"]', "the runtime ruby3.4 is unknown"),
        ('runtimes."python3.13"]', 'runtimes."python3.13"]\nunavailable = "x"', "unavailable is not a table"),
        ('runtimes."python3.13"]', 'runtimes."python3.13".unavailable]\nmips = "x"', "unknown architecture"),
        ("python_version == '3.13'", "python_version == '3.12'", "3.13"),
    ],
)
def test_a_broken_or_edited_lock_is_refused_with_the_way_out(locked: Desk, old: str, new: str, said: str) -> None:
    locked.edit(old, new)
    before = locked.state()
    text = locked.refusal(LockInvalidError)
    assert text.startswith(f"{locked.lock}: ")
    assert said in text
    assert "fix: " in text or "can't be installed on python3.13/x86_64" in text
    assert locked.state() == before


def test_a_lock_that_lost_what_the_file_asks_for_is_refused(locked: Desk) -> None:
    text = locked.lock.read_text(encoding="utf-8")
    first, second = text.index("[[packages]]"), text.rindex("[[packages]]")
    locked.lock.write_text(text[:first] + text[second:], encoding="utf-8")
    refused = locked.refusal(LockInvalidError)
    assert f"nothing in it is alpha for python3.13/x86_64, which {locked.file}:2 asks for" in refused
    assert "take it back from version control, or delete it and lock again" in refused


def test_a_lock_with_a_version_that_the_file_does_not_allow_is_refused(locked: Desk) -> None:
    locked.edit("alpha-1.0-", "alpha-0.9-")
    locked.edit('name = "alpha"\nversion = "1.0"', 'name = "alpha"\nversion = "0.9"')
    assert f"it has alpha 0.9, and {locked.file}:2 asks for alpha>=1.0" in locked.refusal(LockInvalidError)


def test_a_lock_with_a_hash_that_the_file_does_not_allow_is_refused(desk: Desk, wheels: list[Path]) -> None:
    digest = hashlib.sha256(wheels[1].read_bytes()).hexdigest()
    with PrivateIndex(wheels) as index:
        desk.plan(f"--index-url {index.url}", f"beta==1.0 --hash=sha256:{digest}", "alpha")
    desk.edit(f'sha256 = "{digest}"', f'sha256 = "{ZEROS}"')
    text = desk.refusal(LockInvalidError)
    assert f"it has another beta-1.0-py3-none-any.whl than the hashes at {desk.file}:2 allow" in text


def test_a_lock_that_is_a_folder_or_not_text_is_refused(locked: Desk) -> None:
    locked.lock.write_bytes(b"\xff\xfe")
    assert "the lock can't be read" in locked.refusal(LockInvalidError)
    locked.lock.unlink()
    locked.lock.mkdir()
    assert "the lock can't be read: " in locked.refusal(LockInvalidError)


def test_no_surroundings_of_the_test_machine_are_needed(desk: Desk, wheels: list[Path]) -> None:
    """The environment's own words on indexes count only where they are handed in."""
    with PrivateIndex(wheels) as index:
        desk.write("alpha")
        dependencies = Dependencies(requirements=desk.file)
        planned = make_plan(
            dependencies, X86, cache=desk.cache, environ={"PIP_INDEX_URL": index.url}, report=desk.said.append
        )
    assert planned.plan.packages == {"alpha": "1.0", "beta": "1.0"}
    assert {package["index"] for package in desk.document()["packages"]} == {index.url}
