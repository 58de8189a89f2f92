"""What each option makes of a layer, and what is seen of it: kept beside it, looked for again where it is missing."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from layer_constructs.building import record
from layer_constructs.building.audit.finding import RULES
from layer_constructs.building.build import build
from layer_constructs.building.bundling import Bundling
from layer_constructs.building.cache import Cache, CachedLayer
from layer_constructs.building.contents import Contents
from layer_constructs.building.dependencies import Dependencies
from layer_constructs.building.interpreter import InterpreterMissingError
from layer_constructs.building.planning import Planned, make_plan
from layer_constructs.building.record import SBOM
from layer_constructs.building.target import Target
from layer_constructs.errors import ArgumentError
from tests.support.wheels import make_wheel

PYTHON = ".".join(map(str, sys.version_info[:3]))
HERE = Target(f"python3.{sys.version_info.minor}")  # of the Python that is there for certain
OTHER = Target("python3.13" if HERE.runtime != "python3.13" else "python3.12")
PLAIN = Contents()
EVERYTHING = Contents(exclude=("*.md",), slim=True, strip=True, provided_by_runtime=True, bytecode=PYTHON)


def library(folder: Path) -> bytes:
    """A compiled file with symbols, which says that it is for x86_64."""
    folder.mkdir(exist_ok=True)
    source, made = folder / "fast.c", folder / "fast.so"
    source.write_text("static int unseen(int x) { return x * 3; } int fast(int x) { return unseen(x) + 1; }\n")
    subprocess.run(["gcc", "-g", "-O0", "-shared", "-fPIC", "-nostdlib", "-o", made, source], check=True)
    content = made.read_bytes()
    return content[:18] + b"\x3e\x00" + content[20:]


def write_lock(folder: Path, *wheels: Path) -> Path:
    """A lock of another tool, beside its wheels."""
    packages = []
    for wheel in wheels:
        name, version = wheel.name.split("-")[:2]
        sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
        packages.append(
            f'[[packages]]\nname = "{name.replace("_", "-")}"\nversion = "{version}"\n'
            f'wheels = [{{path = "{os.path.relpath(wheel, folder)}", hashes = {{sha256 = "{sha256}"}}}}]\n'
        )
    path = folder / "pylock.toml"
    path.write_text('lock-version = "1.0"\ncreated-by = "another"\n\n' + "\n".join(packages), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def lock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package with something for every option, and one that the runtime has."""
    folder = tmp_path_factory.mktemp("app")
    modules = {f"rich/m{number}.py": f"def f(x):\n    return x + {number}\n".encode() for number in range(60)}
    files = {
        "rich/__init__.py": b"",
        **modules,
        "rich/m0.pyi": b"def f(x: int) -> int: ...\n",
        "rich/notes.md": b"# Notes\n",
        "rich/_fast.abi3.so": library(folder / "c"),
    }
    rich = make_wheel(folder, "rich", "1.0", files=files, tag="cp38-abi3-manylinux_2_17_x86_64", requires=["six>=1.10"])
    return write_lock(folder, rich, make_wheel(folder, "six", "1.16.0"))


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def plan(
    lock: Path,
    contents: Contents = PLAIN,
    target: Target = HERE,
    **more: Any,
) -> Planned:
    dependencies = Dependencies(requirements=lock, contents=contents, bundling=Bundling.local(), **more)
    return make_plan(dependencies, target, cache=Cache.default(), environ={})


def built(planned: Planned, cache: Cache) -> CachedLayer:
    return build(
        planned.plan, cache=cache, indexes=planned.indexes, label="Deps", runtime_versions=planned.runtime_versions
    )


def look(layer: CachedLayer, cache: Cache, target: Target = HERE) -> record.Record:
    return record.read(layer, target, cache=cache)


def names(layer: CachedLayer) -> set[str]:
    with zipfile.ZipFile(layer.archive) as archive:
        return set(archive.namelist())


def content(layer: CachedLayer, path: str) -> bytes:
    with zipfile.ZipFile(layer.archive) as archive:
        return archive.read(path)


def beside(layer: CachedLayer, name: str) -> Path:
    return layer.archive.parent / name


_opened: list[str] | None = None


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _opened is None:
        return
    if event == "open" and isinstance(arguments[0], str) and not arguments[0].endswith((".py", ".pyc")):
        _opened.append(Path(arguments[0]).name)
    elif event in {"subprocess.Popen", "os.posix_spawn", "socket.connect"}:
        _opened.append(event)


sys.addaudithook(_hook)


@contextmanager
def opened() -> Iterator[list[str]]:
    """The names of the files that are opened, and what is started."""
    global _opened  # noqa: PLW0603 - an audit hook can't be taken away again
    seen: list[str] = []
    _opened = seen
    try:
        yield seen
    finally:
        _opened = None


# --- what the options make


def test_each_option_takes_or_gives_what_it_says_and_nothing_else(lock: Path, cache: Cache) -> None:
    plain = built(plan(lock), cache)
    lean = {
        name: built(plan(lock, contents), cache)
        for name, contents in {
            "exclude": Contents(exclude=("*.md",)),
            "slim": Contents(slim=True),
            "strip": Contents(strip=True),
            "provided": Contents(provided_by_runtime=True),
            "bytecode": Contents(bytecode=PYTHON),
        }.items()
    }
    pyc = {name for name in names(lean["bytecode"]) if name.endswith(".pyc")}

    assert names(plain) - names(lean["exclude"]) == {"python/rich/notes.md"}
    assert names(plain) - names(lean["slim"]) == {"python/rich/m0.pyi"}
    assert names(plain) == names(lean["strip"])
    fast = "python/rich/_fast.abi3.so"
    assert len(content(lean["strip"], fast)) < len(content(plain, fast)) == len(content(lean["slim"], fast))
    assert {name.split("/")[1] for name in names(plain) - names(lean["provided"])} == {"six.py", "six-1.16.0.dist-info"}
    assert names(lean["bytecode"]) - pyc == names(plain)
    assert len(pyc) == 62
    assert len({layer.facts.sha256 for layer in lean.values()} | {plain.facts.sha256}) == 6
    assert len({layer.facts.digest for layer in lean.values()} | {plain.facts.digest}) == 6


def test_the_digest_knows_neither_the_order_of_exclude_nor_what_is_written_twice(lock: Path) -> None:
    one = plan(lock, Contents(exclude=("a", "b"))).plan.digest

    assert plan(lock, Contents(exclude=("b", "a", "b"))).plan.digest == one
    assert plan(lock, Contents(exclude=("a",))).plan.digest != one


def test_options_at_rest_leave_the_digest_as_it_was(lock: Path) -> None:
    contents = Contents(exclude=(), slim=False, strip=False, provided_by_runtime=False, bytecode=None)

    assert contents.fingerprint is None
    assert plan(lock, contents).plan.digest == plan(lock).plan.digest


@pytest.mark.parametrize(
    ("contents", "digest"),
    [
        (Contents(), "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"),
        (Contents(exclude=("b", "a")), "abef1bee0468b7a4a594c5d9997c7750fc35317ab88b195d6894c33e47bf9474"),
        (Contents(slim=True), "df3f7e70138343f97b7d2100d798c62974d37115532dbbfb9a003f48ce4c7f30"),
        (Contents(strip=True), "a4f11ea7d210fed3c407119fc4add127c1ec55df4cf4de2e613518a731e46984"),
        (Contents(provided_by_runtime=True), "8b3d95f1f7aee4e47397aa0688d8c17c9e76096ffaee6d981ce011610c4ed464"),
        (Contents(bytecode="3.13.5"), "9e916c8c61f61a69c2b48139287af0c3308e0480127628718311a28f8ad03834"),
    ],
    ids=["none", "exclude", "slim", "strip", "provided", "bytecode"],
)
def test_a_fingerprint_never_moves(contents: Contents, digest: str) -> None:
    text = json.dumps(contents.fingerprint or {}, sort_keys=True, separators=(",", ":"))

    assert hashlib.sha256(text.encode()).hexdigest() == digest


def test_what_the_user_knows_of_the_runtime_is_not_in_the_digest(lock: Path) -> None:
    contents = Contents(provided_by_runtime=True)
    said = plan(lock, contents, runtime_versions={"six": "1.17.0"})

    assert said.plan.digest == plan(lock, contents).plan.digest


@pytest.mark.parametrize("name", ["slim", "strip", "provided_by_runtime"])
@pytest.mark.parametrize("value", ["no", 1, None])
def test_an_option_is_true_or_false_and_nothing_like_it(name: str, value: Any) -> None:
    with pytest.raises(ArgumentError, match=f"{name} is {value!r}"):
        Contents(**{name: value})


def test_two_builds_of_one_digest_are_the_same_bytes(lock: Path, tmp_path: Path) -> None:
    planned = plan(lock, EVERYTHING)
    first = built(planned, Cache(tmp_path / "one"))
    before = os.umask(0o077)
    try:
        second = built(planned, Cache(tmp_path / "a much longer folder" / "two"))
    finally:
        os.umask(before)

    assert first.archive.read_bytes() == second.archive.read_bytes()
    for name in (SBOM, "record.json", f"audit-{HERE.runtime}-x86_64.json"):
        assert beside(first, name).read_bytes() == beside(second, name).read_bytes()


def test_a_python_that_is_not_to_be_had_is_an_error_and_no_layer(
    lock: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    absent = f"{HERE.python}.199"

    with pytest.raises(InterpreterMissingError, match=f"Python {absent}, which makes .* is not on this machine"):
        built(plan(lock, Contents(bytecode=absent)), cache)
    assert cache.layers() == []


def test_a_foreign_lock_has_no_place_for_a_python(lock: Path) -> None:
    with pytest.raises(ArgumentError, match=rf"(?s)no place for the Python.*bytecode='{HERE.python}\.1'"):
        plan(lock, bytecode=True)


# --- what is seen


def test_a_hit_opens_two_small_files_and_starts_nothing(lock: Path, cache: Cache) -> None:
    layer = built(plan(lock, EVERYTHING), cache)

    with opened() as seen:
        look(layer, cache)

    assert seen == ["record.json", f"audit-{HERE.runtime}-x86_64.json"]


def test_globs_that_match_nothing_are_known_on_every_hit(lock: Path, cache: Cache) -> None:
    layer = built(plan(lock, Contents(exclude=("*.md", "*.rst"))), cache)

    assert look(layer, cache).unmatched == ("*.rst",)
    beside(layer, f"audit-{HERE.runtime}-x86_64.json").unlink()
    assert look(layer, cache).unmatched == ("*.rst",)


def test_another_target_of_the_same_digest_has_findings_of_its_own(lock: Path, tmp_path: Path, cache: Cache) -> None:
    tiny = make_wheel(tmp_path, "tiny", "1.0", files={"tiny.cpython-311-x86_64-linux-gnu.so": b""})
    (tmp_path / "app").mkdir()
    mine = write_lock(tmp_path / "app", tiny)
    first, second = Target("python3.11"), Target("python3.13")
    layer = built(plan(mine, target=first), cache)

    assert plan(mine, target=second).plan.digest == layer.facts.digest
    assert [finding.rule for finding in look(layer, cache, second).findings] == ["python-abi"]
    assert [finding.rule for finding in look(layer, cache, first).findings] == []
    with opened() as seen:
        look(layer, cache, second)
    assert len(seen) == 2


def test_newer_rules_look_again_once(lock: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = built(plan(lock), cache)
    monkeypatch.setattr(record, "RULES", RULES + 1)

    with opened() as first:
        again = look(layer, cache)
    with opened() as second:
        assert look(layer, cache) == again

    assert "layer.zip" in first
    assert "layer.zip" not in second


@pytest.mark.parametrize("names", [["record.json"], ["audit"], ["record.json", "audit"], ["record.json", SBOM]])
@pytest.mark.parametrize("damage", ["gone", "empty", "edited", "older"])
def test_what_is_missing_or_damaged_is_seen_again(lock: Path, cache: Cache, names: list[str], damage: str) -> None:
    planned = plan(lock, Contents(bytecode=PYTHON))
    layer = built(planned, cache)
    before = look(layer, cache)
    sbom = beside(layer, SBOM).read_bytes()
    older = json.dumps({"value": {"rules": 0}, "sha256": hashlib.sha256(b'{"rules": 0}').hexdigest()})
    for name in names:
        path = beside(layer, f"audit-{HERE.runtime}-x86_64.json" if name == "audit" else name)
        if damage == "gone" or name == SBOM:
            path.unlink()
        else:
            path.write_text({"empty": "", "edited": path.read_text().replace("[]", "[1]"), "older": older}[damage])

    seen = record.read(layer, HERE, cache=cache, wheels=planned.plan.wheels)

    assert seen == before
    assert beside(layer, SBOM).read_bytes() == sbom
    with opened() as files:
        assert look(layer, cache) == before
    assert len(files) == 2


def test_a_cache_that_can_not_be_written_is_looked_at_all_the_same(lock: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m,mode=700", "tmpfs", str(disk)]
    try:
        mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"no file system can be mounted here: {error}")
    if mounted.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    try:
        layer = built(plan(lock), Cache(disk))
        before = look(layer, Cache(disk))
        beside(layer, f"audit-{HERE.runtime}-x86_64.json").unlink()
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        assert look(layer, Cache(disk)) == before
        assert look(layer, Cache(disk), OTHER).savings == before.savings
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


# --- the inventory


def test_the_inventory_lists_what_is_there_with_its_wheel(lock: Path, cache: Cache) -> None:
    layer = built(plan(lock, EVERYTHING), cache)
    document = json.loads(beside(layer, SBOM).read_text())

    assert [component["purl"] for component in document["components"]] == ["pkg:pypi/rich@1.0"]
    assert document["components"][0]["hashes"]


def test_a_package_whose_metadata_are_excluded_is_listed_all_the_same(lock: Path, cache: Cache) -> None:
    layer = built(plan(lock, Contents(exclude=("*.dist-info", "/six.py"))), cache)

    assert [component.name for component in look(layer, cache).components()] == ["rich"]
    beside(layer, "record.json").unlink()
    assert "rich" in [component.name for component in look(layer, cache).components()]


def test_pins_that_are_left_to_the_runtime_are_not_in_the_digest(tmp_path: Path) -> None:
    file = tmp_path / "req.txt"
    line = "{} --hash=sha256:" + "0" * 64 + "\n"
    file.write_text(line.format("rich==1.0") + line.format("six==1.16.0"))
    one = plan(file, Contents(provided_by_runtime=True)).plan
    file.write_text(line.format("rich==1.0") + line.format("six==1.17.0"))

    assert one.left_out == ("six",)
    assert one.packages == {"rich": "1.0"}
    assert plan(file, Contents(provided_by_runtime=True)).plan.digest == one.digest
    assert one._replace(left_out=()).digest != one.digest
