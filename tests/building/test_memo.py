"""Plans that were made before: the same answer as without, whatever changes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import layer_constructs
from layer_constructs.building import sealed_file
from layer_constructs.building.bundling import Bundling
from layer_constructs.building.cache import Cache
from layer_constructs.building.contents import Contents
from layer_constructs.building.plan import BuildPlan
from layer_constructs.building.planning import make_plan
from layer_constructs.building.plans import make_plans
from layer_constructs.building.wanted import Dependencies
from layer_constructs.errors import LayerError
from tests.support.desk import ARM, X86, Desk, make_desk
from tests.support.wheels import make_wheel

CI = {"CI": "true"}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    monkeypatch.setenv("LAYER_CONSTRUCTS_QUIET", "1")
    return make_desk(tmp_path)


@pytest.fixture
def locked(desk: Desk) -> Desk:
    """With a file of each kind, and its lock."""
    for version in ("1.0", "2.0"):
        make_wheel(desk.folder / "wheels", "alpha", version)
    make_wheel(desk.folder / "wheels", "beta", "1.0")
    desk.write("beta", name="more.txt")
    desk.write("alpha<2", name="limits.txt")
    desk.plan("--no-index", "--find-links wheels", "alpha", "-r more.txt", "-c limits.txt")
    return desk


def pinned(name: str = "alpha", version: str = "1.0") -> str:
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(version.encode()).hexdigest()}"


def entries(desk: Desk) -> list[Path]:
    return sorted((desk.cache.root / "plans").glob("*"))


def mark(desk: Desk) -> None:
    """Give away whoever takes what is kept: it is sealed, and names a package that no file has."""
    for path in entries(desk):
        value = sealed_file.read(path)
        assert value is not None
        for plan in value["plans"].values():
            plan["pins"].append(["marked", "1", ["sha256:0"]])
        sealed_file.write(path, value)


def is_recalled(plan: BuildPlan) -> bool:
    return "marked" in plan.packages


Outcome = tuple[BuildPlan | str, ...]


def outcome(desk: Desk, cache: Cache, dependencies: Dependencies | None = None) -> Outcome:
    """A plan and its notes, or the error."""
    wanted = dependencies or Dependencies(requirements=desk.file, bundling=desk.bundling)
    try:
        planned = make_plan(wanted, X86, cache=cache, environ=desk.environ, report=desk.said.append)
    except LayerError as error:
        return type(error).__name__, str(error)
    return planned.plan, *planned.notes


def same_without(desk: Desk, dependencies: Dependencies | None = None) -> Outcome:
    """What comes of it, marked plans or not, which is what comes of it with an empty cache."""
    mark(desk)
    found = outcome(desk, desk.cache, dependencies)
    number = len(list(desk.folder.parent.glob("cold*")))
    assert found == outcome(desk, Cache(desk.folder.parent / f"cold{number}"), dependencies)
    return found


# What is recalled


def test_what_was_planned_is_recalled_as_it_was(locked: Desk) -> None:
    first = locked.plan()
    mark(locked)
    again = locked.plan()
    assert is_recalled(again.plan)
    assert again.plan._replace(pins=()) == first.plan
    assert again.plan._replace(pins=()).digest == first.plan.digest
    assert [wheel.path for wheel in again.plan.wheels] == [wheel.path for wheel in first.plan.wheels]


def test_a_lock_that_was_just_made_is_recalled(desk: Desk) -> None:
    make_wheel(desk.folder / "wheels", "alpha", "1.0")
    desk.plan("--no-index", "--find-links wheels", "alpha")
    mark(desk)
    assert is_recalled(desk.plan().plan)


@pytest.mark.parametrize("environ", [{}, CI])
@pytest.mark.parametrize("allowed", [None, True, False])
def test_whether_the_lock_may_be_made_changes_nothing_where_it_need_not(
    locked: Desk, environ: dict[str, str], allowed: bool | None
) -> None:
    mark(locked)
    locked.environ.update(environ)
    assert is_recalled(locked.plan(locked=allowed).plan)


def test_a_file_that_is_its_own_lock_is_recalled(desk: Desk) -> None:
    first = desk.plan(pinned(), pinned("gone").replace(" ", " ; python_version < '3' ", 1))
    assert desk.plan().plan == first.plan
    mark(desk)
    assert is_recalled(desk.plan().plan)


def test_what_the_runtime_has_is_said_again(desk: Desk) -> None:
    desk.write(pinned("boto3"), pinned())
    wanted = Dependencies(requirements=desk.file, contents=Contents(provided_by_runtime=True))
    first, again = outcome(desk, desk.cache, wanted), outcome(desk, desk.cache, wanted)
    assert first == again
    assert len(again) > 1
    assert len(entries(desk)) == 1


def test_a_recalled_plan_can_be_built(locked: Desk) -> None:
    again = locked.plan()
    assert set(locked.build(again).facts.packages) == {"alpha", "beta"}
    assert again.indexes.no_index
    assert [line.name for line in again.requirements] == ["alpha", "beta"]


def test_recalling_imports_nothing_that_reads_or_resolves(locked: Desk) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from layer_constructs.building.cache import Cache\n"
        "from layer_constructs.building.planning import make_plan\n"
        "from layer_constructs.building.target import Target\n"
        "from layer_constructs.building.wanted import Dependencies\n"
        "plan = make_plan(Dependencies(requirements=Path(sys.argv[1])), Target('python3.13'),"
        " cache=Cache(Path(sys.argv[2])), environ={}).plan\n"
        "print(plan.digest, *sys.modules)"
    )

    def run() -> list[str]:
        argv = [sys.executable, "-c", script, str(locked.file), str(locked.cache.root)]
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()

    digest, *first = run()
    again, *modules = run()
    assert "tomllib" in first  # so that the names below are those that are imported
    assert again == digest == locked.plan().plan.digest
    heavy = {"packaging", "tomllib", "ci_info", "uuid", "shlex", "zipfile", "platformdirs", "filelock"}
    assert not heavy & set(modules)
    ours = {name.removeprefix("layer_constructs.building.") for name in modules if name.startswith("layer_constructs.")}
    assert not {name for name in ours if name.startswith(("locking.", "reading."))} - {"reading.seen"}


# What is planned anew


def changed_file(desk: Desk) -> None:
    desk.write("--no-index", "--find-links wheels", "alpha")


def changed_requirements_included(desk: Desk) -> None:
    desk.write("beta<9", name="more.txt")


def changed_constraints_included(desk: Desk) -> None:
    desk.write("alpha<1.5", name="limits.txt")


def included_file_deleted(desk: Desk) -> None:
    (desk.folder / "more.txt").unlink()


def included_file_not_text(desk: Desk) -> None:
    (desk.folder / "more.txt").write_bytes(b"\xff\xfe\x00")


def included_file_a_folder(desk: Desk) -> None:
    (desk.folder / "more.txt").unlink()
    (desk.folder / "more.txt").mkdir()


def included_file_a_pipe(desk: Desk) -> None:
    (desk.folder / "more.txt").unlink()
    os.mkfifo(desk.folder / "more.txt")


def find_links_deleted(desk: Desk) -> None:
    shutil.rmtree(desk.folder / "wheels")


def lock_deleted(desk: Desk) -> None:
    desk.lock.unlink()


def lock_edited(desk: Desk) -> None:
    desk.edit("beta", "alpha")


def lock_of_another(desk: Desk) -> None:
    desk.write("beta", name="other.txt")
    desk.edit('source = "req.txt"', 'source = "other.txt"')


CHANGES = [
    changed_file,
    changed_requirements_included,
    changed_constraints_included,
    included_file_deleted,
    included_file_not_text,
    included_file_a_folder,
    included_file_a_pipe,
    find_links_deleted,
    lock_deleted,
    lock_edited,
    lock_of_another,
]


@pytest.mark.parametrize("change", CHANGES)
def test_on_a_ci_system_a_change_is_the_error_that_it_would_be(locked: Desk, change: Callable[[Desk], None]) -> None:
    locked.environ.update(CI)
    assert isinstance(outcome(locked, locked.cache)[0], BuildPlan)
    change(locked)
    assert isinstance(same_without(locked)[0], str)


@pytest.mark.parametrize("change", [changed_file, changed_requirements_included, lock_deleted])
def test_elsewhere_a_stale_lock_is_made_again(locked: Desk, change: Callable[[Desk], None]) -> None:
    before = locked.state()
    mark(locked)
    change(locked)
    assert not is_recalled(locked.plan().plan)
    assert locked.state() != before


def test_what_became_as_it_was_is_recalled_again(locked: Desk) -> None:
    text = locked.file.read_text(encoding="utf-8")
    locked.write("nothing-like-this")
    assert outcome(locked, locked.cache)[0] == "ResolutionError"
    locked.file.write_text(text, encoding="utf-8")
    mark(locked)
    assert is_recalled(locked.plan().plan)


@pytest.mark.parametrize(
    "more",
    [
        {"bundling": Bundling.docker()},
        {"bundling": Bundling.docker(image="mine:1")},
        {"contents": Contents(slim=True)},
        {"contents": Contents(exclude=("a",))},
        {"contents": Contents(bytecode="3.13.1")},
        {"contents": Contents(provided_by_runtime=True)},
        {"extras": ("a",)},
        {"groups": ("a",)},
        {"bytecode": True},
        {"lock": Path("pylock.other.toml")},
    ],
)
def test_another_question_is_not_the_same(desk: Desk, more: dict[str, Any]) -> None:
    desk.write(pinned("boto3"), pinned())
    desk.environ.update(CI)
    desk.plan()
    same_without(desk, Dependencies(requirements=desk.file, **more))


def test_another_target_is_another_question(locked: Desk) -> None:
    mark(locked)
    assert not is_recalled(locked.plan(target=ARM).plan)


def test_a_path_is_another_one_in_another_folder(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = Dependencies(requirements=Path("req.txt"))
    for number, name in enumerate(("one", "two")):
        folder = desk.folder / name
        folder.mkdir()
        (folder / "req.txt").write_text(pinned(version=f"{number}.0") + "\n", encoding="utf-8")
        monkeypatch.chdir(folder)
        plan = outcome(desk, desk.cache, wanted)[0]
        assert isinstance(plan, BuildPlan)
        assert plan.packages == {"alpha": f"{number}.0"}


def test_a_local_wheel_that_changed_is_seen(desk: Desk) -> None:
    wheel = make_wheel(desk.folder, "alpha", "1.0")
    desk.plan(str(wheel.name).join(("./", "")))
    mark(desk)
    assert is_recalled(desk.plan().plan)
    make_wheel(desk.folder, "alpha", "1.0", files={"alpha/more.py": b""})
    desk.environ.update(CI)
    assert same_without(desk)[0] == "LockStaleError"
    wheel.unlink()
    assert same_without(desk)[0] == "RequirementsError"


def test_a_local_project_is_looked_at_every_time(desk: Desk) -> None:
    project = desk.folder / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text(
        "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n[project]\nname = 'shared'\n"
        "version = '1.0'\n",
        encoding="utf-8",
    )
    wheel = make_wheel(desk.folder / "made", "shared", "1.0")
    (project / "backend.py").write_text(
        "import shutil\ndef build_wheel(folder, config_settings=None, metadata_directory=None):\n"
        f"    shutil.copy({str(wheel)!r}, folder)\n    return {wheel.name!r}\n",
        encoding="utf-8",
    )
    desk.write("--no-index", "./project")
    wanted = Dependencies(requirements=desk.file, bundling=desk.bundling, build_local_projects=True)
    assert isinstance(outcome(desk, desk.cache, wanted)[0], BuildPlan)
    assert isinstance(outcome(desk, desk.cache, wanted)[0], BuildPlan)
    assert entries(desk) == []
    (project / "new.py").write_text("", encoding="utf-8")
    desk.environ.update(CI)
    assert outcome(desk, desk.cache, wanted)[0] == "LockStaleError"


def test_a_dockerfile_is_looked_at_every_time(desk: Desk) -> None:
    context = desk.folder / "image"
    context.mkdir()
    (context / "Dockerfile").write_text("FROM x\n", encoding="utf-8")
    desk.write(pinned())
    wanted = Dependencies(requirements=desk.file, bundling=Bundling.docker(image=context))
    before = outcome(desk, desk.cache, wanted)
    (context / "Dockerfile").write_text("FROM y\n", encoding="utf-8")
    assert outcome(desk, desk.cache, wanted) != before
    assert entries(desk) == []


# What the environment says


def test_a_variable_in_a_file_must_be_set_whatever_it_holds(desk: Desk) -> None:
    desk.environ["SECRET"] = "first-pass"
    desk.plan("--index-url https://me:${SECRET}@index.example/simple", pinned())
    mark(desk)
    desk.environ["SECRET"] = "other-pass"
    again = desk.plan()
    assert is_recalled(again.plan)
    assert again.indexes.indexes[0].password == "other-pass"
    del desk.environ["SECRET"]
    assert same_without(desk)[0] == "RequirementsError"


def test_a_variable_that_names_an_index_is_read_every_time(desk: Desk) -> None:
    desk.environ["PLACE"] = "https://index.example/simple"
    desk.plan("--index-url ${PLACE}", pinned())
    assert entries(desk) == []
    desk.environ["PLACE"] = "ftp://index.example"
    assert same_without(desk)[0] == "RequirementsError"


@pytest.mark.parametrize(
    "value",
    ["ftp://index.example", "https://", "https://index.example/simple?x", "https://host:99999/simple", "nowhere"],
)
@pytest.mark.parametrize("name", ["PIP_INDEX_URL", "UV_INDEX"])
def test_an_index_in_a_variable_that_is_none_is_the_same_error(desk: Desk, name: str, value: str) -> None:
    desk.environ[name] = "https://index.example/simple"
    desk.plan(pinned())
    mark(desk)
    assert is_recalled(desk.plan().plan)
    desk.environ[name] = value
    assert same_without(desk)[0] == "RequirementsError"


def test_who_logs_in_changes_no_plan_and_is_kept_nowhere(desk: Desk) -> None:
    desk.environ["PIP_INDEX_URL"] = "https://me:first-pass@index.example/simple"
    desk.plan(pinned())
    mark(desk)
    desk.environ["PIP_INDEX_URL"] = "https://me:other-pass@index.example/simple"
    assert is_recalled(desk.plan().plan)
    assert len(entries(desk)) == 1
    for path, data in desk.files().items():
        if path != desk.file:
            assert not [word for word in (b"first-pass", b"other-pass") if word in data], path


@pytest.mark.parametrize("value", ["https://me:p/ss@index.example/simple", "https://me:p#ss@index.example/simple"])
def test_what_may_be_a_secret_is_not_asked_for(desk: Desk, value: str) -> None:
    desk.environ["UV_EXTRA_INDEX_URL"] = value
    desk.write("--index-url https://index.example/simple", pinned())
    assert isinstance(outcome(desk, desk.cache)[0], BuildPlan)
    assert entries(desk) == []


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://you:third-pass@index.example/simple", False),
        ("https://a-token@index.example/simple", False),
        ("https://you:${A}third@index.example/simple", False),
        ("https://you:${A}@index.example/simple", True),
        ("https://${A}:${B}@index.example/simple", True),
        ("https://index.example/simple", True),
    ],
)
def test_of_a_file_with_a_password_no_hash_is_kept(desk: Desk, url: str, kept: bool) -> None:
    desk.environ.update(A="a", B="b")
    desk.write(f"--extra-index-url {url}", pinned())
    assert isinstance(outcome(desk, desk.cache)[0], BuildPlan)
    assert bool(entries(desk)) is kept


def test_a_signed_url_is_not_kept(desk: Desk) -> None:
    sha256 = hashlib.sha256(b"").hexdigest()
    file = desk.write(
        'lock-version = "1.0"',
        'created-by = "by hand"',
        '[[packages]]\nname = "alpha"\nversion = "1.0"',
        f'wheels = [{{url = "https://h.example/alpha-1.0-py3-none-any.whl?sig=x", hashes = {{sha256 = "{sha256}"}}}}]',
        name="pylock.toml",
    )
    assert desk.plan(file=file).plan.packages == {"alpha": "1.0"}
    assert entries(desk) == []


# What is kept


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:-10],
        lambda data: data.replace(b"alpha", b"omega"),
        lambda data: b"[" * 100_000,
        lambda data: b"{}",
    ],
)
def test_what_is_damaged_is_not_trusted(locked: Desk, damage: Callable[[bytes], bytes]) -> None:
    before = locked.plan().plan
    for path in entries(locked):
        path.write_bytes(damage(path.read_bytes()))
    assert locked.plan().plan == before
    mark(locked)  # it was written again


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"variables": [], "seen": {}, "plans": {}},
        {"variables": [], "seen": {}, "plans": {str(X86): {"wheels": [{"nonsense": 1}]}}},
        {"variables": [1], "seen": [], "plans": []},
    ],
)
def test_what_is_of_another_form_is_not_trusted(locked: Desk, value: dict[str, Any]) -> None:
    before = locked.plan().plan
    for path in entries(locked):
        sealed_file.write(path, value)
    assert locked.plan().plan == before


def test_a_cache_that_takes_nothing_more_is_no_error(desk: Desk) -> None:
    (desk.cache.root / "plans").write_bytes(b"")
    assert desk.plan(pinned()).plan == desk.plan().plan


def test_two_versions_of_the_library_keep_their_own(desk: Desk, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(Path(layer_constructs.__file__).parent, other / "layer_constructs")
    desk.write(pinned())
    script = (
        "import sys; from pathlib import Path\n"
        "from layer_constructs.building.cache import Cache\n"
        "from layer_constructs.building.planning import make_plan\n"
        "from layer_constructs.building.target import Target\n"
        "from layer_constructs.building.wanted import Dependencies\n"
        "make_plan(Dependencies(requirements=Path(sys.argv[1])), Target('python3.13'), cache=Cache(Path(sys.argv[2])),"
        " environ={})\n"
    )

    def run(place: Path) -> None:
        argv = [sys.executable, "-c", script, str(desk.file), str(desk.cache.root)]
        subprocess.run(argv, check=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(place)})

    ours = Path(layer_constructs.__file__).parents[1]
    run(ours)
    run(other)
    assert len(entries(desk)) == 2
    run(ours)
    run(other)
    assert len(entries(desk)) == 2
    code = other / "layer_constructs" / "building" / "locking" / "selection.py"
    code.write_text(code.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    run(other)
    assert len(entries(desk)) == 3


def test_many_at_once_get_the_same(locked: Desk) -> None:
    before = locked.plan().plan

    def plan(number: int) -> BuildPlan:
        if number % 3 == 0:
            for path in entries(locked):
                path.unlink(missing_ok=True)
        return locked.plan().plan

    with ThreadPoolExecutor(8) as pool:
        assert set(map(repr, pool.map(plan, range(40)))) == {repr(before)}
    for path in entries(locked):
        json.loads(path.read_bytes())


def test_pruning_takes_what_was_not_used(desk: Desk) -> None:
    desk.plan(pinned())
    [path] = entries(desk)
    os.utime(path, (1000, 1000))
    desk.plan()
    assert desk.cache.prune(keep_newer_than=2000) == (0, 0)
    assert entries(desk) == [path]  # it was used
    os.utime(path, (1000, 1000))
    desk.cache.prune(keep_newer_than=2000)
    assert entries(desk) == []
    desk.plan()
    desk.cache.prune(keep_newer_than=0, everything=True)
    assert entries(desk) == []


def test_no_more_than_the_latest_are_kept(desk: Desk) -> None:
    for number in range(25):
        desk.cache.keep_value("plans", f"key{number}", {"number": number}, most=10)
        os.utime(desk.cache.root / "plans" / f"key{number}.json", (number, number))
    assert 5 <= len(entries(desk)) <= 10
    assert desk.cache.kept_value("plans", "key24") == {"number": 24}
    assert desk.cache.kept_value("plans", "key0") is None


# Several targets


def test_the_plans_of_a_set_are_recalled_together(locked: Desk) -> None:
    wanted = Dependencies(requirements=locked.file, bundling=locked.bundling)

    def plans() -> Mapping[Any, Any]:
        found = make_plans(wanted, [X86, ARM], cache=locked.cache, environ=locked.environ, report=locked.said.append)
        return {target: planned.plan for target, planned in found.items()}

    first = plans()
    assert plans() == first
    mark(locked)
    assert all(map(is_recalled, plans().values()))
    locked.lock.unlink()
    assert plans() == first


def test_a_set_that_lacks_a_target_is_looked_at_every_time(locked: Desk) -> None:
    make_wheel(locked.folder / "wheels", "native", "1.0", tag="cp313-cp313-manylinux_2_17_x86_64")
    wanted = Dependencies(requirements=locked.file, bundling=locked.bundling)
    locked.write("--no-index", "--find-links wheels", "native")
    before = len(entries(locked))
    for _ in range(2):
        found = make_plans(
            wanted, [X86, ARM], on_demand=True, cache=locked.cache, environ=locked.environ, report=locked.said.append
        )
        assert list(found) == [X86]
    assert len(entries(locked)) == before
