"""A file that is its own lock, locked once more because the user names a place for it."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from layer_constructs.building.dependencies import Dependencies, parse_pylock, to_lock
from layer_constructs.building.locking.as_requirements import as_requirements
from layer_constructs.errors import LockStaleError, UnsupportedRequirementError
from tests.support.desk import ARM, Desk, make_desk
from tests.support.private_index import PrivateIndex
from tests.support.wheels import make_wheel

A, B = "a" * 64, "b" * 64

HEAD = 'lock-version = "1.0"\ncreated-by = "test"\n'


@pytest.fixture
def wheels(tmp_path: Path) -> list[Path]:
    return [make_wheel(tmp_path / "wheels", name, version) for name, version in (("alpha", "1.0"), ("alpha", "2.0"))]


@pytest.fixture
def index(wheels: list[Path]) -> Iterator[PrivateIndex]:
    with PrivateIndex(wheels) as index:
        yield index


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    return make_desk(tmp_path)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def lines_of(text: str) -> list[str]:
    path = Path("pylock.app.toml")
    file = as_requirements(parse_pylock(HEAD + text, path), path)
    return [" ".join([str(line.requirement), *line.hashes]) for line in file.requirements]


def test_a_package_keeps_its_version_its_marker_and_the_hashes_of_all_its_files() -> None:
    text = f"""
[[packages]]
name = "alpha"
version = "1.0"
marker = "sys_platform == 'linux'"
index = "https://pypi.example/simple"
sdist = {{ url = "https://x/alpha-1.0.tar.gz", hashes = {{ sha256 = "{A}" }} }}
wheels = [{{ url = "https://x/alpha-1.0-py3-none-any.whl", hashes = {{ sha256 = "{B}" }} }}]
"""
    assert lines_of(text) == [f'alpha==1.0; sys_platform == "linux" sha256:{A} sha256:{B}']


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ('directory = { path = "../alpha" }', "alpha comes from no index"),
        (f'archive = {{ path = "alpha-1.0.tar.gz", hashes = {{ sha256 = "{A}" }} }}', "alpha comes from no index"),
        (
            f'version = "1.0"\nsdist = {{ path = "alpha-1.0.tar.gz", hashes = {{ sha256 = "{A}" }} }}',
            "alpha comes from no index",
        ),
        (
            f"""version = "1.0"
marker = "'cli' in extras"
sdist = {{ url = "https://x/alpha-1.0.tar.gz", hashes = {{ sha256 = "{A}" }} }}""",
            "depends on extras or groups",
        ),
    ],
)
def test_what_no_requirement_can_say_is_refused(entry: str, says: str) -> None:
    with pytest.raises(UnsupportedRequirementError, match=rf"pylock\.app\.toml: .*{says}(?s:.*)pyproject\.toml"):
        lines_of(f'[[packages]]\nname = "alpha"\n{entry}\n')


def test_a_hashed_file_is_locked_only_where_the_user_names_a_place(
    desk: Desk, index: PrivateIndex, wheels: list[Path]
) -> None:
    file = desk.write(f"--index-url {index.url}", f"alpha==1.0 --hash=sha256:{sha256(wheels[0])}")
    alone = Dependencies(requirements=file)
    assert to_lock(alone, cache=desk.cache) is None
    assert to_lock(alone._replace(lock=file.with_name("pylock.built.toml")), cache=desk.cache) is not None


def test_a_pylock_gives_the_same_versions_to_the_lock_beside_it(
    desk: Desk, index: PrivateIndex, wheels: list[Path]
) -> None:
    theirs, ours = desk.folder / "pylock.app.toml", desk.folder / "pylock.built.toml"
    entry = (
        f'[[packages]]\nname = "alpha"\nversion = "1.0"\nindex = "{index.url}"\nwheels = [{{ url = '
        f'"{index.url}/files/{wheels[0].name}", hashes = {{ sha256 = "{sha256(wheels[0])}" }} }}]\n'
    )
    theirs.write_text(HEAD + entry, encoding="utf-8")
    assert desk.plan(file=theirs, lock=ours).plan.packages == {"alpha": "1.0"}
    assert tomllib.loads(ours.read_text(encoding="utf-8"))["packages"][0]["version"] == "1.0"
    assert desk.plan(file=theirs, lock=ours, locked=True, target=ARM).plan.packages == {"alpha": "1.0"}

    changed = entry.replace('"1.0"', '"2.0"').replace("-1.0-", "-2.0-").replace(sha256(wheels[0]), sha256(wheels[1]))
    theirs.write_text(HEAD + changed, encoding="utf-8")
    with pytest.raises(LockStaleError, match=r"alpha==2\.0"):
        desk.plan(file=theirs, lock=ours, locked=True)
    assert desk.plan(file=theirs, lock=ours).plan.packages == {"alpha": "2.0"}
