"""A pyproject.toml gives the same values as a requirements file."""

from __future__ import annotations

from pathlib import Path

import pytest

from layer_constructs.building.reading.project import read_project
from layer_constructs.building.reading.requirement_line import RequirementLine
from layer_constructs.errors import RequirementsError, UnsupportedRequirementError

WHEEL = "shared-1.0-py3-none-any.whl"

PROJECT = """\
[project]
name = "My.App"
dependencies = [
    "requests>=2.31",
    'numpy ; python_version < "3.12"',
]

[project.optional-dependencies]
Fast = ["orjson==3.10.0"]
web = ["flask", "my-app[fast]; python_version >= '3.13'"]
all = ["my_app[fast,web]"]
loop = ["my-app[loop] ; os_name == 'nt'", "six"]

[dependency-groups]
Ops = ["boto3"]
dev = [{include-group = "ops"}, "pytest", "my-app[fast]"]
circle = [{include-group = "circle"}]
lost = [{include-group = "nowhere"}]
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lines(text: str, *, extras: tuple[str, ...] = (), groups: tuple[str, ...] = ()) -> tuple[RequirementLine, ...]:
    Path("pyproject.toml").write_text(text)
    return read_project(Path("pyproject.toml"), extras=extras, groups=groups).requirements


def asked(text: str, *, extras: tuple[str, ...] = (), groups: tuple[str, ...] = ()) -> list[str]:
    return [str(line.requirement) for line in lines(text, extras=extras, groups=groups)]


def refused(
    text: str,
    kind: type[RequirementsError] = RequirementsError,
    *,
    extras: tuple[str, ...] = (),
    groups: tuple[str, ...] = (),
) -> str:
    with pytest.raises(RequirementsError) as caught:
        lines(text, extras=extras, groups=groups)
    assert type(caught.value) is kind
    return str(caught.value)


def test_reads_the_dependencies_with_their_lines() -> None:
    first, second = lines(PROJECT)
    assert (first.name, str(first.requirement), str(first.where)) == ("requests", "requests>=2.31", "pyproject.toml:4")
    assert (second.name, str(second.where)) == ("numpy", "pyproject.toml:5")


def test_adds_the_chosen_extras_under_any_spelling() -> None:
    assert asked(PROJECT, extras=("fast",))[2:] == ["orjson==3.10.0"]
    assert asked(PROJECT, extras=("FAST",))[2:] == ["orjson==3.10.0"]


def test_unfolds_extras_that_name_the_project_itself() -> None:
    assert asked(PROJECT, extras=("web",))[2:] == ["flask", 'orjson==3.10.0; python_version >= "3.13"']
    assert asked(PROJECT, extras=("all",))[2:] == ["orjson==3.10.0", "flask"]
    assert asked(PROJECT, extras=("loop",))[2:] == ["six"]


def test_joins_the_conditions_of_nested_extras() -> None:
    text = """[project]
name = "x"
[project.optional-dependencies]
a = ["x[b]; os_name == 'posix'"]
b = ["six; python_version < '3.12' or python_version > '3.13'"]
"""
    assert asked(text, extras=("a",)) == [
        'six; os_name == "posix" and (python_version < "3.12" or python_version > "3.13")'
    ]


def test_adds_the_chosen_groups_with_those_they_include() -> None:
    assert asked(PROJECT, groups=("Dev",))[2:] == ["boto3", "pytest", "orjson==3.10.0"]


def test_groups_need_no_project() -> None:
    assert asked('[dependency-groups]\ndev = ["six"]', groups=("dev",)) == ["six"]


@pytest.mark.parametrize(
    ("extras", "groups", "said"),
    [
        (("slow",), (), ("pyproject.toml:8: there is no extra slow", "extras: all, fast, loop, web")),
        ((), ("none",), ("pyproject.toml:14: there is no dependency group none", "groups: circle, dev, lost, ops")),
        ((), ("circle",), ("the dependency group circle includes itself",)),
        ((), ("lost",), ("there is no dependency group nowhere",)),
    ],
)
def test_refuses_an_extra_or_group_that_is_not_there(
    extras: tuple[str, ...], groups: tuple[str, ...], said: tuple[str, ...]
) -> None:
    message = refused(PROJECT, extras=extras, groups=groups)
    for each in said:
        assert each in message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[project]\nname = "x"\ndynamic = ["dependencies"]', "pyproject.toml:3: the dependencies are dynamic"),
        ('[tool.poetry]\n[tool.poetry.dependencies]\npython = "*"', "fix: give the project's poetry.lock instead"),
        ('[tool.poetry.dependencies]\nsix = "*"\n[project]\nname = "x"', "pyproject.toml:1: the dependencies are writ"),
        ("[tool.black]", "there is no [project] table"),
        ('[project]\nname = "x"\n[dependency-groups]\ndev = []', "dependency groups: dev"),
        ("[project", "this is not valid TOML"),
        ("a=1\na=2", "this is not valid TOML"),
        ("a=" + "9" * 5000, "this is not valid TOML"),
        ("a=" + "[" * 50000, "this is not valid TOML"),
        ("project = 1", "project is not a table"),
        ("[project]\ndependencies = 'six'", "pyproject.toml:2: project.dependencies is not a list of strings"),
        ("[project]\ndependencies = [1]", "project.dependencies is not a list of strings"),
        ("[project]\nname = 1", "project.name is not a string"),
        ("[project]\n\ndependencies = ['six=1']", "pyproject.toml:3: this is not a requirement: six=1"),
        ("[project.optional-dependencies]\nA_b = []\na-b = []", "has a-b twice"),
        ("tool = 1\n[project]", "tool is not a table"),
    ],
)
def test_refuses_a_file_it_can_not_follow(text: str, said: str) -> None:
    assert said in refused(text)


def test_refuses_dynamic_extras_only_when_one_is_wanted() -> None:
    text = '[project]\ndynamic = ["optional-dependencies"]\ndependencies = ["six"]'
    assert asked(text) == ["six"]
    assert "the optional dependencies are dynamic" in refused(text, extras=("fast",))


def test_refuses_a_malformed_group_entry() -> None:
    for entry in ("1", "{include = 'x'}", "{include-group = 'a', more = 1}"):
        message = refused(f"[dependency-groups]\na = []\ndev = [{entry}]", groups=("dev",))
        assert "an entry of dependency-groups.dev is not a requirement or" in message


def test_refuses_version_control_with_its_line() -> None:
    message = refused('[project]\ndependencies = ["x @ git+https://h/x"]', UnsupportedRequirementError)
    assert message.startswith("pyproject.toml:2: a requirement from version control")


def test_reads_the_indexes_of_uv() -> None:
    Path("wheels").mkdir()
    Path("pyproject.toml").write_text(
        """
[project]
dependencies = ["torch", "six"]
[tool.uv]
prerelease = "allow"
constraint-dependencies = ["numpy<2"]
[tool.uv.sources]
Torch = {index = "pytorch"}
[[tool.uv.index]]
name = "main"
url = "https://me:${TOKEN}@main.example.org/simple"
default = true
[[tool.uv.index]]
url = "https://more.example.org/simple"
[[tool.uv.index]]
name = "pytorch"
url = "https://torch.example.org/simple"
explicit = true
[[tool.uv.index]]
url = "./wheels"
format = "flat"
"""
    )
    found = read_project(Path("pyproject.toml"))
    assert found.index_url
    assert (found.index_url.value, found.index_url.where.line) == ("https://me:${TOKEN}@main.example.org/simple", 11)
    assert [(each.value, each.explicit) for each in found.extra_index_urls] == [
        ("https://more.example.org/simple", False),
        ("https://torch.example.org/simple", True),
    ]
    assert [each.value for each in found.find_links] == [str(Path.cwd() / "wheels")]
    assert [line.index for line in found.requirements] == ["https://torch.example.org/simple", None]
    assert [str(line.requirement) for line in found.constraints] == ["numpy<2"]
    assert found.prereleases


def test_refuses_a_source_that_names_no_index() -> None:
    text = "[project]\ndependencies = ['six']\n[tool.uv.sources]\nsix = {index = 'none'}"
    assert refused(text).startswith("pyproject.toml:4: there is no index none, which six comes from")


def test_takes_a_local_project_from_its_source(folder: Path) -> None:
    (folder / "libs/shared dir").mkdir(parents=True)
    (folder / "libs/shared dir/setup.py").touch()
    (line,) = lines(
        "[project]\ndependencies = ['Shared[a]>1 ; os_name == \"posix\"']\n"
        "[tool.uv.sources]\nshared = {path = 'libs/shared dir', editable = true}"
    )
    assert (line.name, line.requirement, line.path) == ("shared", None, folder / "libs/shared dir")
    assert (line.extras, str(line.marker), line.where.line) == (("a",), 'os_name == "posix"', 2)


def test_takes_a_local_wheel_from_its_source(folder: Path) -> None:
    (folder / WHEEL).touch()
    text = f"[project]\ndependencies = ['shared[a]>=1']\n[tool.uv.sources]\nshared = {{path = '{WHEEL}'}}"
    (line,) = lines(text)
    assert (str(line.requirement), line.path) == ("shared[a]==1.0", folder / WHEEL)
    assert "pyproject.toml:4: " in refused(text.replace(">=1", ">1"))
    assert "is not the shared[a]>1 that is asked for" in refused(text.replace(">=1", ">1"))


@pytest.mark.parametrize("member", ["", "packages/app"])
def test_finds_a_member_of_the_workspace(folder: Path, member: str) -> None:
    for name in ("app", "shared", "old"):
        (folder / "packages" / name).mkdir(parents=True)
        called = "Shared.Lib" if name == "shared" else name
        (folder / "packages" / name / "pyproject.toml").write_text(f"[project]\nname = '{called}'\n")
    root = folder / "pyproject.toml"
    root.write_text("[tool.uv.workspace]\nmembers = ['packages/*']\nexclude = ['packages/old']\n")
    asking = folder / member / "pyproject.toml"
    text = asking.read_text() if asking == root else "[project]\nname = 'app'\n"
    text += "[tool.uv.sources]\nshared-lib = {workspace = true}\nold = {workspace = true}\n"
    dependencies = "dependencies = ['shared-lib']\n"
    asking.write_text(
        text.replace("[project]\n", f"[project]\n{dependencies}") if member else f"{text}[project]\n{dependencies}"
    )
    (line,) = read_project(asking).requirements
    assert (line.name, line.requirement, line.path) == ("shared-lib", None, folder / "packages/shared")
    asking.write_text(asking.read_text().replace("['shared-lib']", "['old']"))
    with pytest.raises(RequirementsError, match="no member of the workspace is called old"):
        read_project(asking)


def test_refuses_a_workspace_that_is_not_there() -> None:
    text = "[project]\ndependencies = ['six']\n[tool.uv.sources]\nsix = {workspace = true}"
    assert "no pyproject.toml here or above has [tool.uv.workspace]" in refused(text)


@pytest.mark.parametrize("pattern", ["../*", "/usr/*", ""])
def test_refuses_workspace_members_elsewhere(pattern: str) -> None:
    text = "[project]\ndependencies = ['six']\n[tool.uv.sources]\nsix = {workspace = true}\n"
    refused(f"{text}[tool.uv.workspace]\nmembers = ['{pattern}']")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{git = 'https://me:secret@h/x'}", "six comes from a URL that no hash pins"),
        ("{url = 'https://me:secret@h/x.whl'}", "six comes from a URL that no hash pins"),
        ("[{index = 'a', marker = 'x'}, {index = 'b'}]", "different sources under different conditions"),
        ("{index = 'a', extra = 'x'}", "different sources under different conditions"),
    ],
)
def test_refuses_a_source_that_can_not_be_pinned(source: str, said: str) -> None:
    text = f"[project]\ndependencies = ['six']\n[tool.uv.sources]\nsix = {source}"
    message = refused(text, UnsupportedRequirementError)
    assert message.startswith(f"pyproject.toml:4: {said}") or said in message
    assert "secret" not in message


def test_refuses_a_source_of_an_unknown_kind() -> None:
    text = "[project]\ndependencies = ['six']\n[tool.uv.sources]\nsix = {workspace = false}"
    assert "the source of six can't be used" in refused(text)


def test_refuses_overrides_that_only_uv_understands() -> None:
    text = "[project]\ndependencies = ['six']\n[tool.uv]\noverride-dependencies = ['six==1']"
    message = refused(text, UnsupportedRequirementError)
    assert message.startswith("pyproject.toml:4: ")
    assert "give its uv.lock instead" in message


def test_a_source_of_a_name_that_is_not_used_is_not_looked_at() -> None:
    assert asked("[project]\ndependencies = ['six']\n[tool.uv.sources]\nx = {git = 'https://h/x'}") == ["six"]


def test_a_missing_file_is_named_by_the_absolute_path_tried(folder: Path) -> None:
    with pytest.raises(RequirementsError, match=f"there is no file {folder}/none.toml"):
        read_project(Path("none.toml"))
