"""PythonCodeLayer as its users meet it. What all layers of one's own files are: test_content.py."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_lambda as lambda_
from syrupy.extensions.json import JSONSnapshotExtension

from layer_constructs import PythonCodeLayer, Share, Target
from layer_constructs.errors import (
    ArgumentError,
    AuditError,
    BuildError,
    LicenseNotAllowedError,
    RequirementsError,
    SecretError,
)
from tests.building.test_projects import BACKEND, IN_TREE, make_project
from tests.layers.checks.functions import function, refusal
from tests.layers.test_content import said
from tests.layers.test_python_deps import (
    layer_properties,
    processes_and_connections,
    resources,
    stack_in,
    staged_zip,
)
from tests.support.elf import elf
from tests.support.wheels import make_wheel

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion

PYTHONS = [lambda_.Runtime.PYTHON_3_12, lambda_.Runtime.PYTHON_3_13]


@pytest.fixture
def outdir(tmp_path: Path) -> Path:
    return tmp_path / "cdk.out"


@pytest.fixture
def stack(outdir: Path) -> cdk.Stack:
    return stack_in(outdir, {"aws:cdk:enable-asset-metadata": True})


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    return write(tmp_path / "src" / "shared" / "__init__.py", "VALUE = 1\n").parent


def write(path: Path, text: str = "VALUE = 1\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def requirements(tmp_path: Path, *names: str, **files: bytes) -> Path:
    """A requirements file with wheels of these names; ``files`` are modules that go into the first."""
    lines = []
    for name in names:
        more = {f"{module}.py": content for module, content in files.items()} if name == names[0] else {}
        wheel = make_wheel(tmp_path / "wheels", name, "1.0", files=more)
        lines.append(f"./wheels/{wheel.name}\n")
    return write(tmp_path / "req.txt", "".join(lines))


def members(stack: cdk.Stack, outdir: Path) -> list[str]:
    with zipfile.ZipFile(staged_zip(stack, outdir)) as archive:
        return archive.namelist()


def warnings(stack: cdk.Stack) -> list[str]:
    return said(stack.node.root, "warning")


def test_a_package_is_for_both_architectures_and_needs_no_process(
    stack: cdk.Stack, outdir: Path, shared: Path, snapshot: SnapshotAssertion
) -> None:
    with processes_and_connections() as seen:
        layer = PythonCodeLayer(stack, "Shared", entry=shared)
    assert seen == []
    assert members(stack, outdir) == ["python/shared/__init__.py"]
    assert (layer.target, dict(layer.packages)) == (Target("python3.13", "x86_64"), {})
    assert resources(stack) == snapshot.use_extension(JSONSnapshotExtension)


def test_the_folder_around_a_package_is_the_same_layer(stack: cdk.Stack, shared: Path) -> None:
    one = PythonCodeLayer(stack, "One", entry=shared)
    other = PythonCodeLayer(stack, "Other", entry=shared.parent)
    assert one.digest == other.digest


@pytest.mark.parametrize("as_text", [True, False])
def test_a_single_file_relative_to_the_working_directory(
    stack: cdk.Stack, outdir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_text: bool
) -> None:
    write(tmp_path / "lib" / "shared.py")
    monkeypatch.chdir(tmp_path)
    PythonCodeLayer(stack, "Shared", entry="lib/shared.py" if as_text else Path("lib") / "shared.py")
    assert members(stack, outdir) == ["python/shared.py"]
    assert layer_properties(stack)["Description"] == "shared"


def test_several_runtimes_share_one_layer(stack: cdk.Stack, shared: Path) -> None:
    layer = PythonCodeLayer(stack, "Shared", entry=shared, compatible_runtimes=[*reversed(PYTHONS), PYTHONS[0]])
    assert layer_properties(stack)["CompatibleRuntimes"] == ["python3.12", "python3.13"]
    assert layer.target.runtime == "python3.12"


def test_the_context_names_the_runtime(outdir: Path, shared: Path) -> None:
    stack = stack_in(outdir, {"layer-constructs:runtime": "python3.12"})
    assert PythonCodeLayer(stack, "Shared", entry=shared).target.runtime == "python3.12"


def test_the_layer_is_the_same_wherever_and_whenever_it_is_made(
    outdir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = set()
    for number, umask in enumerate((0o022, 0o077)):
        folder = tmp_path / f"place {number}"
        before = os.umask(umask)
        try:
            source = write(folder / "shared" / "__init__.py")
            write(folder / "shared" / "__pycache__" / f"{number}.pyc")
            write(folder / "shared" / f"notes-{number}.md")
            os.utime(source, (number, number))
            monkeypatch.setenv("LAYER_CONSTRUCTS_CACHE_DIR", str(folder / "cache"))
            stack = stack_in(folder / "cdk.out")
            PythonCodeLayer(stack, "Shared", entry=folder / "shared", exclude=["*.md"])
        finally:
            os.umask(before)
        seen.add((layer_properties(stack)["Content"]["S3Key"], staged_zip(stack, folder / "cdk.out").read_bytes()))
    assert len(seen) == 1


# With packages


def test_requirements_come_with_it_and_are_named(stack: cdk.Stack, outdir: Path, shared: Path, tmp_path: Path) -> None:
    layer = PythonCodeLayer(stack, "Shared", entry=shared, requirements=requirements(tmp_path, "alpha", "beta"))
    assert {"python/shared/__init__.py", "python/alpha.py", "python/beta.py"} < set(members(stack, outdir))
    assert dict(layer.packages) == {"alpha": "1.0", "beta": "1.0"}
    assert layer_properties(stack)["Description"] == "shared, alpha 1.0, beta 1.0"
    assert (tmp_path / "pylock.req.toml").is_file()


def test_a_second_synth_with_requirements_starts_nothing(stack: cdk.Stack, shared: Path, tmp_path: Path) -> None:
    file = requirements(tmp_path, "alpha")
    PythonCodeLayer(stack, "Shared", entry=shared, requirements=file)
    fresh = stack_in(tmp_path / "fresh.out")
    with processes_and_connections() as seen:
        PythonCodeLayer(fresh, "Shared", entry=shared, requirements=file)
    assert seen == []


def test_a_path_that_a_package_has_too_is_refused(stack: cdk.Stack, tmp_path: Path) -> None:
    own = write(tmp_path / "alpha.py", "mine = True\n")
    with pytest.raises(BuildError, match=r"alpha\.py: a package has python/alpha\.py too"):
        PythonCodeLayer(stack, "Own", entry=own, requirements=requirements(tmp_path, "alpha"))


@pytest.mark.parametrize(("own", "theirs"), [("alpha/__init__.py", "alpha"), ("alpha.py", "alpha/__init__")])
def test_a_name_of_ones_own_that_hides_a_package_or_is_hidden_is_refused(
    stack: cdk.Stack, tmp_path: Path, own: str, theirs: str
) -> None:
    write(tmp_path / "src" / own)
    file = requirements(tmp_path, "alpha", **{theirs: b"theirs = True\n"})
    with pytest.raises(AuditError, match=r"name-collision: python/alpha\.py is never imported"):
        PythonCodeLayer(stack, "Own", entry=tmp_path / "src", requirements=file)


def test_runtimes_that_get_other_packages_cant_share_it(stack: cdk.Stack, shared: Path, tmp_path: Path) -> None:
    file = requirements(tmp_path, "alpha")
    file.write_text(f"{file.read_text()}./wheels/beta-1.0-py3-none-any.whl; python_version < '3.13'\n")
    make_wheel(tmp_path / "wheels", "beta", "1.0")
    with pytest.raises(ArgumentError, match=r"(?s)python3\.12 and python3\.13 don't get the same.*PythonDepsLayerSet"):
        PythonCodeLayer(stack, "Shared", entry=shared, requirements=file, compatible_runtimes=PYTHONS)


def test_exclude_and_slim_hold_for_both(stack: cdk.Stack, outdir: Path, shared: Path, tmp_path: Path) -> None:
    write(shared / "notes.md")
    write(shared / "typed.pyi")
    file = requirements(tmp_path, "alpha", **{"alpha/__init__": b"", "alpha/tests/test_alpha": b""})
    exclude = ["*.md", "alpha/tests", "*.cfg"]
    PythonCodeLayer(stack, "Shared", entry=shared, requirements=file, exclude=exclude, slim=True)
    found = [name for name in members(stack, outdir) if "dist-info" not in name]
    assert found == ["python/alpha/__init__.py", "python/shared/__init__.py"]
    assert [text for text in warnings(stack) if "matches no file" in text] == [
        "exclude has '*.cfg', which matches no file [ack: layer-constructs:exclude]"
    ]


def test_what_the_runtime_provides_is_left_out_and_own_files_stay(
    stack: cdk.Stack, outdir: Path, shared: Path, tmp_path: Path
) -> None:
    file = requirements(tmp_path, "alpha", "six")
    PythonCodeLayer(stack, "Shared", entry=shared, requirements=file, provided_by_runtime=True)
    assert "python/six.py" not in members(stack, outdir)
    assert {"python/alpha.py", "python/shared/__init__.py"} < set(members(stack, outdir))


def test_licences_of_packages_are_judged(stack: cdk.Stack, shared: Path, tmp_path: Path) -> None:
    with pytest.raises(LicenseNotAllowedError, match="alpha"):
        PythonCodeLayer(stack, "Shared", entry=shared, requirements=requirements(tmp_path, "alpha"), licenses=["MIT"])


def test_what_a_function_brings_again_is_found(stack: cdk.Stack, shared: Path, tmp_path: Path) -> None:
    layer = PythonCodeLayer(stack, "Shared", entry=shared, requirements=requirements(tmp_path, "alpha"))
    make_wheel(tmp_path / "other", "alpha", "2.0", files={"alpha.py": b"__version__ = '2.0'\n"})
    file = write(tmp_path / "other.txt", "./other/alpha-2.0-py3-none-any.whl\n")
    other = PythonCodeLayer(stack, "Other", entry=write(tmp_path / "more.py"), requirements=file)
    function(stack, layers=[layer, other])
    assert "conflict:Stack/Shared:Stack/Other" in refusal(stack.node.root)  # type: ignore[arg-type]


# Bytecode and what is compiled


def test_bytecode_is_made_by_the_python_that_is_named(
    stack: cdk.Stack, outdir: Path, shared: Path, pythons: Mapping[str, Path]
) -> None:
    if "3.11" not in pythons:
        pytest.skip("no Python 3.11 on this machine")
    release = pythons["3.11"].resolve().parents[1].name
    if release.count(".") != 2:
        pytest.skip("no Python 3.11 that says which one it is")
    PythonCodeLayer(stack, "Shared", entry=shared, runtime=lambda_.Runtime.PYTHON_3_11, bytecode=release)
    assert members(stack, outdir) == [
        "python/shared/__init__.py",
        "python/shared/__pycache__/__init__.cpython-311.pyc",
    ]


@pytest.mark.parametrize(
    ("bytecode", "said"), [(True, "bytecode='3.13.1'"), ("3.12.1", "a release of 3.13"), (7, "bytecode is 7")]
)
def test_bytecode_without_a_lock_must_be_named(stack: cdk.Stack, shared: Path, bytecode: Any, said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        PythonCodeLayer(stack, "Shared", entry=shared, bytecode=bytecode)


def test_an_extension_module_of_ones_own_is_audited(stack: cdk.Stack, shared: Path) -> None:
    (shared / "fast.cpython-312-x86_64-linux-gnu.so").write_bytes(elf())
    with pytest.raises(AuditError, match=r"python-abi: python/shared/fast.* is not what python3\.13 loads"):
        PythonCodeLayer(stack, "Shared", entry=shared)
    PythonCodeLayer(stack, "Shared", entry=shared, runtime=lambda_.Runtime.PYTHON_3_12)
    assert layer_properties(stack)["CompatibleArchitectures"] == ["x86_64"]


# Projects


def test_a_project_is_installed_as_a_wheel_once_that_is_allowed(stack: cdk.Stack, outdir: Path, tmp_path: Path) -> None:
    project = make_project(tmp_path / "libs" / "shared", IN_TREE)
    with pytest.raises(ArgumentError, match="build_local_projects=True"):
        PythonCodeLayer(stack, "Shared", entry=project)
    layer = PythonCodeLayer(stack, "Shared", entry=project, build_local_projects=True, exclude=["tool.sh"])
    assert dict(layer.packages) == {"shared-lib": "1.0"}
    assert layer_properties(stack)["Description"] == "shared-lib 1.0"
    assert "python/shared_lib.py" in members(stack, outdir)
    assert "python/tool.sh" not in members(stack, outdir)
    with processes_and_connections() as seen:
        PythonCodeLayer(stack_in(tmp_path / "fresh.out"), "Shared", entry=project, build_local_projects=True)
        # What `exclude` takes makes another layer, so this one is built: of the wheel that is there.
    assert seen != []
    with processes_and_connections() as seen:
        PythonCodeLayer(stack_in(tmp_path / "again.out"), "Shared", entry=project, build_local_projects=True)
    assert seen == []


def needy_project(folder: Path, *requires: str, secret: str = "tool.sh") -> Path:
    """A project that asks for packages and has a file of this name in its wheel."""
    project = make_project(folder, IN_TREE)
    lines = "".join(f"Requires-Dist: {each}\\n" for each in requires)
    backend = BACKEND.replace('Version: 1.0\\n",', f'Version: 1.0\\n{lines}",').replace("tool.sh", secret)
    write(project / "backend.py", backend)
    (project / "tool.sh").rename(project / secret)
    return project


def test_what_a_project_needs_and_nothing_brings_is_warned_of(stack: cdk.Stack, tmp_path: Path) -> None:
    project = needy_project(tmp_path / "shared", "idna>=3", "alpha", "boto3")
    file = requirements(tmp_path, "alpha")
    PythonCodeLayer(stack, "Bare", entry=project, build_local_projects=True)
    PythonCodeLayer(stack, "Some", entry=project, requirements=file, build_local_projects=True)
    found = [text.partition(",")[0] if "alpha" not in text else text for text in warnings(stack)]
    assert len(found) == 2
    assert f"{project} needs alpha, idna, which this layer doesn't have" in found[0]
    assert f"requirements='{project}/pyproject.toml'" in found[0]
    assert found[1] == f"{project} needs idna"


def test_a_secret_in_the_wheel_of_a_project_is_refused_in_the_same_terms(stack: cdk.Stack, tmp_path: Path) -> None:
    project = needy_project(tmp_path / "shared", secret=".env")
    given: dict[str, Any] = {"entry": project, "build_local_projects": True}
    with pytest.raises(SecretError, match=r"python/\.env looks like a secret"):
        PythonCodeLayer(stack, "Shared", **given)
    PythonCodeLayer(stack, "Without", **given, exclude=[".env"], share_with=[Share.public()])
    layer = PythonCodeLayer(stack, "Named", **given, allow={"python/.env": "names only"})
    with pytest.raises(ArgumentError, match="can't be shared with everybody"):
        layer.share_with(Share.public())


def test_a_project_that_the_requirements_have_too_is_refused(stack: cdk.Stack, tmp_path: Path) -> None:
    project = make_project(tmp_path / "shared", IN_TREE)
    with pytest.raises(RequirementsError, match="shared-lib is in the requirements"):
        PythonCodeLayer(
            stack,
            "Shared",
            entry=project,
            requirements=requirements(tmp_path, "shared-lib"),
            build_local_projects=True,
        )


# What is said


def test_a_requirements_file_in_the_folder_is_pointed_at_until_it_is_named_or_left_out(
    stack: cdk.Stack, tmp_path: Path, shared: Path
) -> None:
    requirements(shared, "alpha")
    write(shared / "requirements.txt", "./wheels/alpha-1.0-py3-none-any.whl\n")
    PythonCodeLayer(stack, "Shared", entry=shared)
    PythonCodeLayer(stack, "Without", entry=shared, exclude=["requirements.txt"])
    PythonCodeLayer(stack, "With", entry=shared, requirements=shared / "requirements.txt")
    (text,) = warnings(stack)
    assert f"requirements='{shared}/requirements.txt'" in text


def test_globs_that_match_nothing_and_empty_folders_are_warned_of(stack: cdk.Stack, shared: Path) -> None:
    (shared / "empty").mkdir()
    PythonCodeLayer(stack, "Shared", entry=shared, exclude=["*.md"])
    first, second = warnings(stack)
    assert "has a folder without files, empty" in first
    assert "exclude has '*.md', which matches no file" in second


def test_a_secret_is_refused_and_one_that_is_named_is_not_shared_with_everybody(stack: cdk.Stack, shared: Path) -> None:
    write(shared / ".env", "A=1\n")
    with pytest.raises(SecretError, match=r"python/shared/\.env looks like a secret"):
        PythonCodeLayer(stack, "Shared", entry=shared)
    layer = PythonCodeLayer(stack, "Shared", entry=shared, allow={"python/shared/.env": "names only"})
    with pytest.raises(ArgumentError, match="can't be shared with everybody"):
        layer.add_permission("All", account_id="*")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"entry": None}, "entry is None"),
        ({"requirements": 7}, "requirements is 7"),
        ({"requirements": ""}, "requirements is ''"),
        ({"runtime": "python3.13"}, "runtime is"),
        ({"compatible_runtimes": "python3.13"}, "compatible_runtimes is"),
        ({"runtime": PYTHONS[0], "compatible_runtimes": PYTHONS}, "are both given"),
        ({"architecture": "arm64"}, "architecture is"),
        ({"lock": "x.toml"}, "lock is for packages, and there are no requirements"),
        ({"extras": ["x"]}, "extras is for packages"),
        ({"groups": ["x"]}, "groups is for packages"),
        ({"provided_by_runtime": True}, "provided_by_runtime is for packages"),
        ({"locked": "yes"}, "locked is"),
        ({"build_local_projects": "yes"}, "build_local_projects is"),
        ({"bundling": "docker"}, "bundling is"),
        ({"exclude": "x"}, "exclude is"),
        ({"slim": 1}, "slim is"),
        ({"strip": 1}, "strip is"),
        ({"allow": ["x"]}, "allow is"),
        ({"licenses": "MIT"}, "licenses is"),
        ({"license_exceptions": ["x"]}, "license_exceptions is"),
        ({"asset_format": "tar"}, "asset_format is"),
        ({"layer_version_name": 7}, "layer_version_name is"),
        ({"description": 7}, "description is"),
        ({"license": 7}, "license is"),
        ({"colour": "red"}, "no argument 'colour'"),
    ],
)
def test_an_argument_of_the_wrong_kind_is_refused_and_nothing_is_added(
    stack: cdk.Stack, shared: Path, arguments: dict[str, Any], said: str
) -> None:
    with pytest.raises(ArgumentError, match=said):
        PythonCodeLayer(stack, "Shared", **{"entry": shared, **arguments})
    assert stack.node.children == []
