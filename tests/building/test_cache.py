from __future__ import annotations

import hashlib
import json
import os
import signal
import stat
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from layer_constructs.building.build import build
from layer_constructs.building.cache import Cache, CachedLayer
from layer_constructs.building.indexes.index import Indexes
from layer_constructs.building.layer_facts import LayerFacts, Package
from layer_constructs.building.plan import BuildPlan
from layer_constructs.building.process import Completed
from layer_constructs.building.target import Target
from layer_constructs.building.wheel import LockedWheel
from layer_constructs.errors import CacheError, LayerError
from tests.support.wheels import make_wheel

ROOT = Path(__file__).parents[2]
DIGEST = hashlib.sha256(b"a layer").hexdigest()
CONTENT = b"the archive of a layer" * 100
A_DAY = 24 * 3600

# What the interpreter is asked to do, while somebody wants to know (https://docs.python.org/3/library/audit_events.html).
_events: list[tuple[str, str]] | None = None


def _note_event(event: str, arguments: tuple[object, ...]) -> None:
    if _events is not None and event in {"open", "subprocess.Popen", "socket.connect", "socket.getaddrinfo"}:
        _events.append((event, str(arguments[0])))


sys.addaudithook(_note_event)


@contextmanager
def audited() -> Iterator[list[tuple[str, str]]]:
    """The files opened, processes started and connections made meanwhile."""
    global _events  # noqa: PLW0603 - an audit hook can't be removed, so it is switched
    found: list[tuple[str, str]] = []
    _events = found
    try:
        yield found
    finally:
        _events = None


class Maker:
    """Makes the same small layer every time, and counts."""

    def __init__(self, content: bytes = CONTENT) -> None:
        self.content = content
        self.made = 0

    def __call__(self, work: Path) -> LayerFacts:
        self.made += 1
        (work / "layer.zip").write_bytes(self.content)
        return LayerFacts(
            digest=DIGEST,
            sha256=hashlib.sha256(self.content).hexdigest(),
            size=len(self.content),
            unzipped_size=4096,
            packages={"tiny": Package(version="1.0", size=4000)},
        )


def forbidden(work: Path) -> LayerFacts:
    raise AssertionError("this layer is in the cache")


def never_run(argv: object, **_: object) -> Completed:
    raise AssertionError(f"a process was started: {argv}")


def entry_of(layer: CachedLayer) -> Path:
    return layer.archive.parent


def left_over(cache: Cache) -> list[Path]:
    return sorted((cache.root / "tmp").glob("*"))


def locked(path: Path) -> LockedWheel:
    name, version = path.name.split("-")[:2]
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return LockedWheel(name=name, version=version, filename=path.name, sha256=sha256, path=path)


def plan_of(*wheels: Path) -> BuildPlan:
    return BuildPlan(target=Target(), architectures=("x86_64", "arm64"), wheels=tuple(map(locked, wheels)))


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def small_disk(tmp_path: Path) -> Generator[Path]:
    """A file system of 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"no file system can be mounted here: {error}")
    if mounted.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def make_read_only(folder: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)


# --- hits


def test_a_hit_starts_no_process_and_opens_only_two_small_files(cache: Cache, tmp_path: Path) -> None:
    plan = plan_of(make_wheel(tmp_path, "tiny", "1.0"))
    built = build(plan, cache=cache, indexes=Indexes(indexes=()), label="Deps")

    with audited() as events:
        hit = build(plan, cache=cache, indexes=Indexes(indexes=()), label="Deps", run=never_run)

    assert hit == built
    assert sorted(events) == [("open", str(entry_of(hit) / name)) for name in ("layer.json", "seen.json")]


def test_hashes_the_whole_archive_once_after_its_time_changed(cache: Cache) -> None:
    layer = cache.obtain(DIGEST, Maker())
    os.utime(layer.archive, (0, 0))

    with audited() as first:
        assert cache.obtain(DIGEST, forbidden) == layer
    with audited() as second:
        assert cache.obtain(DIGEST, forbidden) == layer

    assert ("open", str(layer.archive)) in first
    assert ("open", str(layer.archive)) not in second


@pytest.mark.parametrize("content", [b"", b"{}", b"no JSON", b"[" * 100_000, None])
def test_hashes_the_whole_archive_where_it_is_not_known_how_it_looked(content: bytes | None, cache: Cache) -> None:
    layer = cache.obtain(DIGEST, Maker())
    seen = entry_of(layer) / "seen.json"
    if content is None:
        seen.unlink()
    else:
        seen.write_bytes(content)

    with audited() as events:
        assert cache.obtain(DIGEST, forbidden) == layer

    assert ("open", str(layer.archive)) in events


# --- damage


def test_notices_an_edit_behind_a_restored_size_and_time(cache: Cache) -> None:
    maker = Maker()
    layer = cache.obtain(DIGEST, maker)
    before = layer.archive.stat()
    with layer.archive.open("r+b") as file:
        file.write(b"evil")
    os.utime(layer.archive, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = layer.archive.stat()
    assert (after.st_size, after.st_mtime_ns, after.st_ino) == (before.st_size, before.st_mtime_ns, before.st_ino)

    again = cache.obtain(DIGEST, maker)

    assert maker.made == 2
    assert again.archive.read_bytes() == CONTENT


def test_notices_an_archive_put_in_the_place_of_the_built_one(cache: Cache, tmp_path: Path) -> None:
    maker = Maker()
    layer = cache.obtain(DIGEST, maker)
    before = layer.archive.stat()
    other = tmp_path / "other.zip"
    other.write_bytes(b"evil" + CONTENT[4:])
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(layer.archive)

    assert cache.obtain(DIGEST, maker).archive.read_bytes() == CONTENT
    assert maker.made == 2


def _edit(name: str, edit: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def damage(entry: Path) -> None:
        (entry / name).write_bytes(edit((entry / name).read_bytes()))

    return damage


def _replace_by_folder(entry: Path) -> None:
    (entry / "layer.zip").unlink()
    (entry / "layer.zip").mkdir()


def _replace_by_link(entry: Path) -> None:
    (entry / "layer.zip").rename(entry / "elsewhere.zip")
    (entry / "layer.zip").symlink_to("elsewhere.zip")


def _replace_entry_by_file(entry: Path) -> None:
    for file in entry.iterdir():
        file.unlink()
    entry.rmdir()
    entry.write_bytes(b"")


def _empty(entry: Path) -> None:
    for file in entry.iterdir():
        file.unlink()


DAMAGES = {
    "a truncated archive": _edit("layer.zip", lambda content: content[:-1]),
    "an empty archive": _edit("layer.zip", lambda content: b""),
    "a longer archive": _edit("layer.zip", lambda content: content + b"\0"),
    "no archive": lambda entry: (entry / "layer.zip").unlink(),
    "a folder for an archive": _replace_by_folder,
    "a link for an archive": _replace_by_link,
    "no facts": lambda entry: (entry / "layer.json").unlink(),
    "empty facts": _edit("layer.json", lambda content: b""),
    "truncated facts": _edit("layer.json", lambda content: content[:-2]),
    "facts that are no text": _edit("layer.json", lambda content: b"\xff\xfe\0"),
    "facts nested too deep": _edit("layer.json", lambda content: b"[" * 100_000),
    "facts of another kind": _edit("layer.json", lambda content: b"[1]"),
    "another unzipped size": _edit("layer.json", lambda content: content.replace(b"4096", b"1")),
    "another version": _edit("layer.json", lambda content: content.replace(b"1.0", b"2.0")),
    "another digest": _edit("layer.json", lambda content: content.replace(DIGEST.encode(), b"0" * 64)),
    "half an entry": _empty,
    "a file for an entry": _replace_entry_by_file,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_builds_a_damaged_entry_again_and_never_serves_it(damage: Callable[[Path], None], cache: Cache) -> None:
    maker = Maker()
    whole = cache.obtain(DIGEST, maker)
    damage(entry_of(whole))

    assert cache.find(DIGEST) is None
    again = cache.obtain(DIGEST, maker)

    assert maker.made == 2
    assert again == whole
    assert again.archive.read_bytes() == CONTENT
    assert sorted(path.name for path in entry_of(again).iterdir()) == ["layer.json", "layer.zip", "seen.json"]
    assert left_over(cache) == []


def test_leaves_a_damaged_entry_to_whoever_holds_its_lock(cache: Cache) -> None:
    layer = cache.obtain(DIGEST, Maker())
    layer.archive.unlink()

    assert cache.find(DIGEST) is None

    # Another process may have put a whole entry there by now: a look must not take that away.
    assert entry_of(layer).is_dir()


def test_throws_away_what_a_failed_build_wrote(cache: Cache) -> None:
    def fail(work: Path) -> LayerFacts:
        (work / "layer.zip").write_bytes(b"half")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        cache.obtain(DIGEST, fail)

    assert cache.find(DIGEST) is None
    assert cache.layers() == []
    assert left_over(cache) == []


# --- whose folder it is


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
@pytest.mark.parametrize("mode", [0o777, 0o775, 0o1777, 0o702, 0o720])
def test_refuses_a_folder_that_others_can_write(mode: int, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    folder.mkdir()
    folder.chmod(mode)

    with pytest.raises(CacheError) as raised:
        Cache(folder)

    assert "can be written by others" in raised.value.problem
    assert f"chmod go-w {folder}" in (raised.value.fix or "")


@pytest.mark.skipif(os.name != "posix", reason="POSIX ownership")
def test_refuses_a_folder_of_another_user(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o700)
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    os.chown(folder, 65534, 65534)

    with pytest.raises(CacheError, match="belongs to another user") as raised:
        Cache(folder)

    assert "LAYER_CONSTRUCTS_CACHE_DIR" in (raised.value.fix or "")


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_makes_folders_for_the_user_alone_whatever_the_umask(tmp_path: Path) -> None:
    root = tmp_path / "cache"
    root.mkdir(mode=0o755)
    before = os.umask(0)
    try:
        cache = Cache(root)
        cache.obtain(DIGEST, Maker())
        cache.value("exports", DIGEST, lambda: {"text": "1"})
        cache.file("wheels", hashlib.sha256(b"1").hexdigest(), "one", lambda work: _written(work / "one", b"1"))
    finally:
        os.umask(before)

    folders = [path for path in root.rglob("*") if path.is_dir()]
    assert len(folders) == 9
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_folder_that_cannot_be_made_is_an_error_that_names_the_variable(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(CacheError) as raised:
        Cache(tmp_path / place)

    assert str(tmp_path / place) in raised.value.problem
    assert "LAYER_CONSTRUCTS_CACHE_DIR" in (raised.value.fix or "")


def test_a_home_of_nobody_is_an_error_that_names_it() -> None:
    with pytest.raises(CacheError, match="~no-such-user/cache"):
        Cache.default({"LAYER_CONSTRUCTS_CACHE_DIR": "~no-such-user/cache"})


def test_takes_the_folder_that_the_variable_names(tmp_path: Path) -> None:
    assert Cache.default({"LAYER_CONSTRUCTS_CACHE_DIR": str(tmp_path / "Über all")}).root == tmp_path / "Über all"


@pytest.mark.skipif(sys.platform != "linux", reason="the XDG folders")
def test_takes_the_users_own_cache_folder_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    assert Cache.default({}).root == tmp_path / "layer-constructs"


# --- read-only and full


def test_a_read_only_folder_still_serves_and_says_what_it_cannot_do(small_disk: Path) -> None:
    layer = Cache(small_disk).obtain(DIGEST, Maker())
    os.utime(layer.archive, (0, 0))
    make_read_only(small_disk)
    cache = Cache(small_disk)

    assert cache.obtain(DIGEST, forbidden) == layer
    assert cache.value("exports", DIGEST, lambda: {"text": "made"}) == {"text": "made"}
    with pytest.raises(CacheError, match="Read-only file system") as raised:
        cache.obtain("0" * 64, forbidden)
    assert str(small_disk) in raised.value.problem
    assert "LAYER_CONSTRUCTS_CACHE_DIR" in (raised.value.fix or "")


def test_a_new_read_only_folder_is_a_clear_error(small_disk: Path) -> None:
    make_read_only(small_disk)

    with pytest.raises(CacheError, match="Read-only file system"):
        Cache(small_disk / "below")
    with pytest.raises(CacheError, match="Read-only file system"):
        Cache(small_disk).obtain(DIGEST, forbidden)
    with pytest.raises(CacheError, match="Read-only file system"):
        Cache(small_disk).file("wheels", DIGEST, "tiny.whl", lambda work: work)


def test_a_full_disk_is_a_clear_error_and_leaves_nothing_half_written(small_disk: Path) -> None:
    cache = Cache(small_disk)

    with pytest.raises(CacheError, match="No space left on device") as raised:
        cache.obtain(DIGEST, Maker(b"x" * (3 << 20)))

    assert "LAYER_CONSTRUCTS_CACHE_DIR" in (raised.value.fix or "")
    assert cache.layers() == []
    assert left_over(cache) == []
    assert cache.obtain(DIGEST, Maker()).archive.read_bytes() == CONTENT


@pytest.mark.parametrize("size", [1_500_000, 3_000_000])
def test_a_disk_that_is_full_in_the_middle_of_a_build_is_an_error(size: int, small_disk: Path, tmp_path: Path) -> None:
    """The smaller one has room for the unpacked wheel, but not for the archive too."""
    wheel = make_wheel(tmp_path, "tiny", "1.0", files={"tiny.bin": os.urandom(size)})
    cache = Cache(small_disk)

    with pytest.raises(LayerError, match=r"(?i)no space (is )?left"):
        build(plan_of(wheel), cache=cache, indexes=Indexes(indexes=()), label="Deps")

    assert cache.layers() == []
    assert left_over(cache) == []


def test_a_note_for_which_there_is_no_room_leaves_no_file(small_disk: Path) -> None:
    cache = Cache(small_disk)
    text = {"text": "x" * (3 << 20)}

    assert cache.value("exports", DIGEST, lambda: text) == text

    assert [path for path in small_disk.rglob("*") if path.is_file()] == []


# --- several processes

CHILD = """
import os, signal, sys, threading, time

repository, root, moment, wheels = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
sys.path.insert(0, repository)

import hashlib
from pathlib import Path
import filelock, packaging.utils, platformdirs, uv
from layer_constructs.building.build import build
from layer_constructs.building.cache import Cache
from layer_constructs.building.indexes.index import Indexes
from layer_constructs.building.plan import BuildPlan
from layer_constructs.building.target import Target
from layer_constructs.building.wheel import LockedWheel

DOES = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.utime", "os.chmod", "shutil.rmtree"}
done = 0

def die():
    os.killpg(0, signal.SIGKILL)

def watch(event, arguments):
    global done
    starts = event == "subprocess.Popen"
    if starts and moment.startswith("+"):
        threading.Thread(target=lambda: (time.sleep(float(moment)), die())).start()
    if starts or (event in DOES and str(arguments[0]).startswith(root)):
        done += 1
        if str(done) == moment:
            die()

def locked(path):
    name, version = path.name.split("-")[:2]
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return LockedWheel(name=name, version=version, filename=path.name, sha256=sha256, path=path)

plan = BuildPlan(target=Target(), architectures=("x86_64",), wheels=tuple(locked(Path(wheel)) for wheel in wheels))
sys.addaudithook(watch)
layer = build(plan, cache=Cache(Path(root)), indexes=Indexes(indexes=()), label="Deps")
print(done, layer.facts.sha256, layer.archive)
"""


def start(root: Path, *wheels: Path, moment: str = "never") -> subprocess.Popen[str]:
    """A process that builds; at ``moment``, an action's number or seconds after its first process, it is killed."""
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(ROOT), str(root), moment, *map(str, wheels)],
        env={name: value for name, value in os.environ.items() if name != "LAYER_CONSTRUCTS_QUIET"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.parametrize("count", [2, 4])
def test_processes_that_build_one_plan_at_once_all_succeed_and_build_once(count: int, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "tiny", "1.0", files={"tiny.bin": os.urandom(12 << 20)})
    root = tmp_path / "cache"

    processes = [start(root, wheel) for _ in range(count)]
    said = [process.communicate(timeout=120) for process in processes]

    assert [process.returncode for process in processes] == [0] * count, said
    assert "".join(err for _, err in said).count("Deps: building 1 package") == 1
    assert len({out.split(" ", 1)[1] for out, _ in said}) == 1
    assert len(Cache(root).layers()) == 1
    assert left_over(Cache(root)) == []


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_process_killed_before_any_of_its_actions_leaves_nothing_that_is_served(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "tiny", "1.0", files={"tiny.py": b"whole = True\n" * 1000})
    whole = start(tmp_path / "whole", wheel)
    actions, sha256, _ = whole.communicate(timeout=120)[0].split()
    assert int(actions) > 20
    moments = {*range(1, int(actions), 3), int(actions) - 2, int(actions) - 1, int(actions)}

    def kill(moment: int) -> None:
        root = tmp_path / f"killed-{moment}"
        process = start(root, wheel, moment=str(moment))
        process.communicate(timeout=120)
        assert process.returncode == -signal.SIGKILL
        _assert_recovers(root, wheel, sha256)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(kill, sorted(moments)))


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
@pytest.mark.parametrize("seconds", [0.002, 0.02, 0.05, 0.1, 0.15])
def test_a_process_killed_while_it_installs_or_zips_leaves_nothing_that_is_served(
    seconds: float, tmp_path: Path
) -> None:
    content = b"".join(hashlib.sha256(str(number).encode()).digest() for number in range(1 << 19))  # 16 MB
    wheel = make_wheel(tmp_path, "tiny", "1.0", files={"tiny.bin": content})
    root = tmp_path / "cache"

    process = start(root, wheel, moment=f"+{seconds}")
    process.communicate(timeout=120)

    assert process.returncode == -signal.SIGKILL
    _assert_recovers(root, wheel, None)


def _assert_recovers(root: Path, wheel: Path, sha256: str | None) -> None:
    cache, plan = Cache(root), plan_of(wheel)
    served = cache.find(plan.digest)
    if served is not None:  # the rename had happened
        assert hashlib.sha256(served.archive.read_bytes()).hexdigest() == served.facts.sha256
    layer = build(plan, cache=cache, indexes=Indexes(indexes=()), label="Deps")
    assert hashlib.sha256(layer.archive.read_bytes()).hexdigest() == layer.facts.sha256
    assert sha256 in {None, layer.facts.sha256}
    if served is None:
        assert left_over(cache) == []
    assert zipfile.ZipFile(layer.archive).testzip() is None
    cache.prune(keep_newer_than=0)
    assert left_over(cache) == []
    assert [folder for folder, _, _ in cache.layers()] == [entry_of(layer)]


# --- what is kept, and for how long


def test_lists_its_layers_with_size_and_last_use_oldest_first(cache: Cache) -> None:
    new, old = cache.obtain(DIGEST, Maker()), cache.obtain("0" * 64, Maker())
    for file in entry_of(old).iterdir():
        os.utime(file, (1000, 1000))

    found = cache.layers()

    assert [folder for folder, _, _ in found] == [entry_of(old), entry_of(new)]
    assert [size for _, size, _ in found] == [
        sum(file.stat().st_size for file in entry_of(layer).iterdir()) for layer in (old, new)
    ]
    assert found[0][2] == 1000
    assert abs(found[1][2] - time.time()) < 60


def test_prunes_what_was_not_used_since(cache: Cache) -> None:
    new, old = cache.obtain(DIGEST, Maker()), cache.obtain("0" * 64, Maker())
    for file in entry_of(old).iterdir():
        os.utime(file, (1000, 1000))
    size = cache.layers()[0][1]

    assert cache.prune(keep_newer_than=time.time() - A_DAY) == (1, size)

    assert [folder for folder, _, _ in cache.layers()] == [entry_of(new)]
    assert not entry_of(old).exists()
    assert cache.obtain(DIGEST, forbidden) == new
    assert left_over(cache) == []


def test_keeps_an_old_layer_that_is_still_used(cache: Cache) -> None:
    layer = cache.obtain(DIGEST, Maker())
    entry = entry_of(layer)
    long_ago = time.time() - 100 * A_DAY
    for file in entry.iterdir():
        os.utime(file, (long_ago, long_ago))
    cache.obtain(DIGEST, forbidden)  # a full hash, since the times changed
    for name in ("layer.json", "seen.json"):
        os.utime(entry / name, (long_ago, long_ago))

    cache.obtain(DIGEST, forbidden)

    assert cache.prune(keep_newer_than=time.time() - 30 * A_DAY) == (0, 0)


def test_writes_nothing_for_a_second_use_on_the_same_day(cache: Cache) -> None:
    layer = cache.obtain(DIGEST, Maker())
    before = [(file.name, file.stat().st_mtime_ns) for file in sorted(entry_of(layer).iterdir())]

    cache.obtain(DIGEST, forbidden)

    assert [(file.name, file.stat().st_mtime_ns) for file in sorted(entry_of(layer).iterdir())] == before


def test_prunes_everything_half_entries_wheels_and_exports_too(cache: Cache) -> None:
    cache.obtain(DIGEST, Maker())
    half = cache.obtain("0" * 64, Maker())
    half.archive.unlink()
    cache.value("exports", DIGEST, lambda: {"text": "1"})
    cache.file("wheels", hashlib.sha256(b"1").hexdigest(), "one", lambda work: _written(work / "one", b"1"))

    count, freed = cache.prune(keep_newer_than=0, everything=True)

    assert count == 2
    assert freed > len(CONTENT)
    assert {path.suffix for path in cache.root.rglob("*") if path.is_file()} <= {".lock"}


def test_prunes_what_the_dead_left_and_nothing_of_the_living(cache: Cache) -> None:
    dead = cache.root / "tmp" / f"{DIGEST}.dead"
    (dead / "root").mkdir(parents=True)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(ROOT), str(cache.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdin
    assert holder.stdout
    living = Path(holder.stdout.readline().rstrip())

    cache.prune(keep_newer_than=0)

    assert not dead.exists()
    assert (living / "layer.zip").exists()
    holder.communicate("done\n", timeout=60)
    assert left_over(cache) == []


HOLDER = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from layer_constructs.building.cache import Cache

cache = Cache(Path(sys.argv[2]))
with cache.lock("living"), cache.scratch("living") as work:
    (work / "layer.zip").write_bytes(b"half")
    print(work, flush=True)
    sys.stdin.readline()
"""


def test_pruning_a_cache_that_was_never_used_does_nothing(cache: Cache) -> None:
    assert cache.prune(keep_newer_than=time.time(), everything=True) == (0, 0)
    assert cache.layers() == []


# --- the other things it keeps


def test_keeps_a_value_and_makes_it_once(cache: Cache) -> None:
    asked: list[int] = []

    def make() -> dict[str, str]:
        asked.append(1)
        return {"format": "pylock", "text": "ü = 1\n"}

    assert cache.value("exports", DIGEST, make) == cache.value("exports", DIGEST, make) == make()
    assert len(asked) == 2


@pytest.mark.parametrize("edit", ["{}", "", '{"text": "edited"}', None])
def test_makes_a_value_again_that_was_edited(edit: str | None, cache: Cache) -> None:
    cache.value("exports", DIGEST, lambda: {"text": "made"})
    (kept,) = (cache.root / "exports").rglob("*.json")
    text = kept.read_text(encoding="utf-8")
    assert json.loads(text)
    kept.write_text(text.replace("made", "edited") if edit is None else edit, encoding="utf-8")

    assert cache.value("exports", DIGEST, lambda: {"text": "made"}) == {"text": "made"}


def test_keeps_a_file_by_its_hash_and_makes_it_again_where_it_was_changed(cache: Cache) -> None:
    key = hashlib.sha256(b"wheel").hexdigest()
    made: list[Path] = []

    def make(work: Path) -> Path:
        made.append(work)
        return _written(work / "built.whl", b"wheel")

    path = cache.file("wheels", key, "tiny.whl", make)
    assert cache.file("wheels", key, "tiny.whl", make) == path
    assert len(made) == 1
    path.write_bytes(b"other")

    assert cache.file("wheels", key, "tiny.whl", make).read_bytes() == b"wheel"
    assert len(made) == 2
    assert left_over(cache) == []
