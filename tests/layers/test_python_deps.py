"""PythonDepsLayer as its users meet it."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_lambda as lambda_
from syrupy.extensions.json import JSONSnapshotExtension

from layer_constructs import LayerError, PythonDepsLayer, Target
from layer_constructs.building.cache import Cache
from layer_constructs.errors import ArgumentError, LockMissingError, RequirementsError, UnsupportedTargetError
from tests.support.wheels import make_wheel

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion

DATA = Path(__file__).parents[1] / "data"
SMALL = DATA / "small" / "requirements.txt"
COMPILED = DATA / "compiled" / "requirements.txt"
NOT_BUNDLED: dict[str, Any] = {"aws:cdk:bundling-stacks": []}


@pytest.fixture
def snapshot_json(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(JSONSnapshotExtension)


@pytest.fixture
def outdir(tmp_path: Path) -> Path:
    return tmp_path / "cdk.out"


def stack_in(outdir: Path, context: dict[str, Any] | None = None) -> cdk.Stack:
    return cdk.Stack(cdk.App(outdir=str(outdir), context=context), "Stack")


def resources(stack: cdk.Stack) -> dict[str, Any]:
    found: dict[str, Any] = assertions.Template.from_stack(stack).to_json()["Resources"]
    return found


def layer_properties(stack: cdk.Stack) -> dict[str, Any]:
    (layer,) = assertions.Template.from_stack(stack).find_resources("AWS::Lambda::LayerVersion").values()
    properties: dict[str, Any] = layer["Properties"]
    return properties


def staged_zip(stack: cdk.Stack, outdir: Path) -> Path:
    return outdir / f"asset.{layer_properties(stack)['Content']['S3Key']}"


def staged_folder(stack: cdk.Stack, outdir: Path) -> Path:
    return outdir / f"asset.{layer_properties(stack)['Content']['S3Key'].removesuffix('.zip')}"


_audited: list[str] | None = None


def _audit(event: str, _arguments: object) -> None:
    if _audited is not None and event in {"subprocess.Popen", "os.posix_spawn", "os.fork", "socket.connect"}:
        _audited.append(event)


sys.addaudithook(_audit)


@contextmanager
def processes_and_connections() -> Iterator[list[str]]:
    """What the interpreter itself reports of started processes and connections."""
    global _audited  # noqa: PLW0603 - an audit hook can't be taken away again
    seen: list[str] = []
    _audited = seen
    try:
        yield seen
    finally:
        _audited = None


def test_a_pure_layer_declares_both_architectures(outdir: Path, snapshot_json: SnapshotAssertion) -> None:
    stack = stack_in(outdir)
    PythonDepsLayer(stack, "Deps", requirements=SMALL)
    assert layer_properties(stack)["CompatibleArchitectures"] == ["x86_64", "arm64"]
    assert resources(stack) == snapshot_json


def test_a_compiled_layer_and_a_function_that_uses_it(outdir: Path, snapshot_json: SnapshotAssertion) -> None:
    stack = stack_in(outdir)
    deps = PythonDepsLayer(
        stack,
        "Deps",
        requirements=COMPILED,
        runtime=lambda_.Runtime.PYTHON_3_12,
        architecture=lambda_.Architecture.ARM_64,
        layer_version_name="core",
        license="MIT",
    )
    lambda_.Function(
        stack,
        "Function",
        runtime=lambda_.Runtime.PYTHON_3_12,
        architecture=lambda_.Architecture.ARM_64,
        handler="index.handler",
        code=lambda_.Code.from_inline("def handler(event, context): ..."),
        layers=[deps],
    )
    properties = layer_properties(stack)
    assert properties["CompatibleArchitectures"] == ["arm64"]
    assert properties["CompatibleRuntimes"] == ["python3.12"]
    assert {name: value for name, value in resources(stack).items() if "Role" not in name} == snapshot_json


def test_tells_its_target_its_digest_and_its_packages(outdir: Path) -> None:
    layer = PythonDepsLayer(stack_in(outdir), "Deps", requirements=SMALL)
    assert layer.target == Target("python3.13", "x86_64")
    assert dict(layer.packages) == {"certifi": "2025.1.31", "idna": "3.10"}
    assert len(layer.digest) == 64


def test_pure_layers_of_both_architectures_are_one_asset(outdir: Path) -> None:
    stack = stack_in(outdir)
    one = PythonDepsLayer(stack, "One", requirements=SMALL, architecture=lambda_.Architecture.X86_64)
    other = PythonDepsLayer(stack, "Other", requirements=SMALL, architecture=lambda_.Architecture.ARM_64)
    assert one.digest == other.digest
    first, second = (resource["Properties"]["Content"] for resource in resources(stack).values())
    assert first == second


def test_layers_of_different_content_are_different_assets(outdir: Path) -> None:
    stack = stack_in(outdir)
    runtime = lambda_.Runtime.PYTHON_3_12
    for name, architecture in (("X", lambda_.Architecture.X86_64), ("A", lambda_.Architecture.ARM_64)):
        PythonDepsLayer(stack, name, requirements=COMPILED, runtime=runtime, architecture=architecture)
    first, second = (resource["Properties"]["Content"] for resource in resources(stack).values())
    assert first["S3Key"] != second["S3Key"]


def test_the_staged_asset_is_the_verified_archive(outdir: Path) -> None:
    stack = stack_in(outdir)
    layer = PythonDepsLayer(stack, "Deps", requirements=SMALL)
    cached = Cache.default().find(layer.digest)
    assert cached is not None
    staged = staged_zip(stack, outdir).read_bytes()
    assert hashlib.sha256(staged).hexdigest() == cached.facts.sha256
    assert not any(path.name.endswith("-building") for path in outdir.iterdir())
    with zipfile.ZipFile(staged_zip(stack, outdir)) as archive:
        assert "python/idna/__init__.py" in archive.namelist()


@pytest.mark.parametrize("asset_format", ["zip", "directory"])
def test_a_stack_that_is_not_bundled_builds_nothing_and_has_the_same_template(
    outdir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asset_format: str
) -> None:
    context = {"aws:cdk:enable-asset-metadata": True, "layer-constructs:asset-format": asset_format}
    bundled = stack_in(outdir, context)
    PythonDepsLayer(bundled, "Deps", requirements=SMALL)
    monkeypatch.setenv("LAYER_CONSTRUCTS_CACHE_DIR", str(tmp_path / "empty-cache"))
    skipped = stack_in(tmp_path / "other.out", {**context, **NOT_BUNDLED})
    with processes_and_connections() as seen:
        PythonDepsLayer(skipped, "Deps", requirements=SMALL)
    assert seen == []
    assert Cache.default().layers() == []
    assert json.dumps(resources(skipped)) == json.dumps(resources(bundled))


def test_a_cached_layer_starts_no_process_and_no_connection(outdir: Path, tmp_path: Path) -> None:
    PythonDepsLayer(stack_in(outdir), "Deps", requirements=SMALL)
    fresh = stack_in(tmp_path / "fresh.out")
    with processes_and_connections() as seen:
        PythonDepsLayer(fresh, "Deps", requirements=SMALL)
    assert seen == []


def test_the_check_for_processes_sees_one() -> None:
    with processes_and_connections() as seen:
        os.waitpid(os.posix_spawn(sys.executable, [sys.executable, "-c", ""], os.environ), 0)
    assert seen


def test_editing_a_staged_asset_changes_nothing_for_another_app(outdir: Path, tmp_path: Path) -> None:
    stack = stack_in(outdir)
    PythonDepsLayer(stack, "Deps", requirements=SMALL)
    staged = staged_zip(stack, outdir)
    right = staged.read_bytes()
    staged.write_bytes(b"x" * len(right))
    other = stack_in(tmp_path / "other.out")
    PythonDepsLayer(other, "Deps", requirements=SMALL)
    assert staged_zip(other, tmp_path / "other.out").read_bytes() == right


@pytest.mark.parametrize("damage", ["edited", "truncated", "empty", "gone"])
def test_a_damaged_asset_in_a_kept_output_folder_is_not_served(outdir: Path, damage: str) -> None:
    stack = stack_in(outdir)
    PythonDepsLayer(stack, "Deps", requirements=SMALL)
    staged = staged_zip(stack, outdir)
    right = staged.read_bytes()
    if damage == "gone":
        staged.unlink()
    else:
        staged.write_bytes({"edited": b"x" * len(right), "truncated": right[:100], "empty": b""}[damage])
    again = stack_in(outdir)
    PythonDepsLayer(again, "Deps", requirements=SMALL)
    assert staged_zip(again, outdir).read_bytes() == right


def test_a_directory_asset_has_the_files(outdir: Path) -> None:
    stack = stack_in(outdir)
    PythonDepsLayer(stack, "Deps", requirements=SMALL, asset_format="directory")
    folder = staged_folder(stack, outdir)
    assert (folder / "python" / "idna" / "core.py").is_file()
    assert [path for path in outdir.iterdir() if "asset." in path.name] == [folder]


def test_a_damaged_directory_asset_in_a_kept_output_folder_is_not_served(outdir: Path) -> None:
    stack = stack_in(outdir)
    PythonDepsLayer(stack, "Deps", requirements=SMALL, asset_format="directory")
    (staged_folder(stack, outdir) / "python" / "idna" / "core.py").unlink()
    again = stack_in(outdir)
    PythonDepsLayer(again, "Deps", requirements=SMALL, asset_format="directory")
    assert (staged_folder(again, outdir) / "python" / "idna" / "core.py").is_file()


@pytest.mark.parametrize("asset_format", ["zip", "directory"])
def test_what_stands_for_a_layer_that_was_not_built_is_replaced_when_it_is(outdir: Path, asset_format: str) -> None:
    context = {"layer-constructs:asset-format": asset_format}
    PythonDepsLayer(stack_in(outdir, {**context, **NOT_BUNDLED}), "Deps", requirements=SMALL)
    stack = stack_in(outdir, context)
    PythonDepsLayer(stack, "Deps", requirements=SMALL)
    if asset_format == "zip":
        assert zipfile.is_zipfile(staged_zip(stack, outdir))
    else:
        assert not (staged_folder(stack, outdir) / "NOT_BUILT.txt").exists()


def test_the_cdk_finds_the_asset_where_it_was_put(outdir: Path) -> None:
    stack = stack_in(outdir)
    PythonDepsLayer(stack, "Deps", requirements=SMALL)
    assert [path.name for path in outdir.iterdir() if path.name.startswith("asset.")] == [
        staged_zip(stack, outdir).name
    ]


def test_the_context_chooses_runtime_and_asset_format(outdir: Path) -> None:
    context = {"layer-constructs:runtime": "python3.12", "layer-constructs:asset-format": "directory"}
    stack = stack_in(outdir, context)
    layer = PythonDepsLayer(stack, "Deps", requirements=COMPILED)
    assert layer.target.runtime == "python3.12"
    assert not staged_zip(stack, outdir).exists()


def test_what_the_app_says_is_read_once_and_can_not_change_after_the_first_layer(outdir: Path) -> None:
    stack = stack_in(outdir, {"layer-constructs:runtime": "python3.11"})
    first = PythonDepsLayer(stack, "First", requirements=SMALL)

    for changed in (stack, cdk.App.of(stack)):
        assert changed
        with pytest.raises(RuntimeError, match="context after children"):
            changed.node.set_context("layer-constructs:runtime", "python3.12")

    second = PythonDepsLayer(stack, "Second", requirements=SMALL)
    other = PythonDepsLayer(cdk.Stack(cdk.App(outdir=str(outdir)), "Stack"), "Deps", requirements=SMALL)
    assert [layer.target.runtime for layer in (first, second, other)] == ["python3.11", "python3.11", "python3.13"]


def test_a_version_is_kept_by_default_and_a_failed_first_one_is_not(outdir: Path) -> None:
    stack = stack_in(outdir)
    PythonDepsLayer(stack, "Deps", requirements=SMALL)
    (resource,) = resources(stack).values()
    assert (resource["UpdateReplacePolicy"], resource["DeletionPolicy"]) == ("Retain", "RetainExceptOnCreate")


def test_a_description_of_the_users_own_is_left_alone(outdir: Path) -> None:
    stack = stack_in(outdir)
    PythonDepsLayer(stack, "Deps", requirements=SMALL, description="")
    assert layer_properties(stack).get("Description", "") == ""


@pytest.mark.parametrize(
    ("arguments", "instead"),
    [
        ({"entry": "src"}, "requirements="),
        ({"compatible_architectures": [lambda_.Architecture.ARM_64]}, "architecture="),
        ({"compatible_runtimes": [lambda_.Runtime.PYTHON_3_13]}, "runtime="),
        ({"bundling": cdk.BundlingOptions(image=cdk.DockerImage.from_registry("x"))}, "Bundling.docker"),
        ({"colour": "red"}, "no argument 'colour'"),
    ],
)
def test_says_what_to_write_instead_of_another_constructs_arguments(
    outdir: Path, arguments: dict[str, Any], instead: str
) -> None:
    with pytest.raises(ArgumentError, match=instead):
        PythonDepsLayer(stack_in(outdir), "Deps", requirements=SMALL, **arguments)


def test_says_so_when_requirements_are_missing_altogether(outdir: Path) -> None:
    with pytest.raises(ArgumentError, match="requirements"):
        PythonDepsLayer(stack_in(outdir), "Deps", entry="src")  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["", 3, None, ["req.txt"]])
def test_refuses_requirements_that_are_no_path(outdir: Path, value: Any) -> None:
    with pytest.raises(ArgumentError, match="requirements is"):
        PythonDepsLayer(stack_in(outdir), "Deps", requirements=value)


def test_refuses_a_runtime_that_is_not_python(outdir: Path) -> None:
    with pytest.raises(UnsupportedTargetError, match=r"(?s)nodejs22.x.*allowed: .*python3.13"):
        PythonDepsLayer(stack_in(outdir), "Deps", requirements=SMALL, runtime=lambda_.Runtime.NODEJS_22_X)


@pytest.mark.parametrize(
    "arguments",
    [
        {"runtime": "python3.13"},
        {"architecture": "arm64"},
        {"asset_format": "tar"},
        {"extras": "dev"},
        {"locked": "false"},
        {"slim": "no"},
        {"strip": 1},
        {"build_local_projects": "yes"},
        {"description": 7},
        {"license": ["MIT"]},
        {"layer_version_name": 7},
    ],
)
def test_refuses_an_argument_of_the_wrong_kind(outdir: Path, arguments: dict[str, Any]) -> None:
    (name,) = arguments
    with pytest.raises(ArgumentError, match=name):
        PythonDepsLayer(stack_in(outdir), "Deps", requirements=SMALL, **arguments)


def test_an_error_leaves_nothing_in_the_tree(outdir: Path) -> None:
    stack = stack_in(outdir)
    with pytest.raises(RequirementsError):
        PythonDepsLayer(stack, "Deps", requirements="no/such/file.txt")
    assert stack.node.children == []
    PythonDepsLayer(stack, "Deps", requirements=SMALL)


def test_a_missing_file_names_the_absolute_path_tried(
    outdir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LayerError, match=str(tmp_path / "absent.txt")):
        PythonDepsLayer(stack_in(outdir), "Deps", requirements="absent.txt")


@pytest.mark.parametrize("how", ["argument", "context", "string"])
def test_locked_forbids_making_the_lock(outdir: Path, tmp_path: Path, how: str) -> None:
    requirements = tmp_path / "req.txt"
    requirements.write_text("idna==3.10\n", encoding="utf-8")
    values: dict[str, Any] = {"context": True, "string": "true"}
    context = {"layer-constructs:locked": values[how]} if how in values else None
    with pytest.raises(LockMissingError, match=r"layer-constructs lock .*req\.txt"):
        PythonDepsLayer(
            stack_in(outdir, context), "Deps", requirements=requirements, locked=True if how == "argument" else None
        )
    assert [path.name for path in tmp_path.glob("pylock*")] == []


def test_a_full_disk_under_the_output_folder_is_a_clear_error_and_not_jsiis(
    outdir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = PythonDepsLayer(stack_in(tmp_path / "first"), "Deps", requirements=SMALL)
    cached = Cache.default().find(layer.digest)
    assert cached is not None

    def full(source: Path, into: Path) -> None:
        raise OSError(28, "No space left on device", str(into))

    monkeypatch.setattr("layer_constructs.layers.staging.shutil.copy2", full)
    with pytest.raises(LayerError, match="No space left on device"):
        PythonDepsLayer(stack_in(outdir), "Deps", requirements=SMALL)


def test_a_password_is_in_no_file_of_the_output_folder(outdir: Path, tmp_path: Path) -> None:
    from tests.support.private_index import PrivateIndex

    wheel = make_wheel(tmp_path / "wheels", "secretly", "1.0", files={"secretly.py": b"x = 1\n"})
    requirements = tmp_path / "req.txt"
    with PrivateIndex([wheel], username="me", password="hunter2-tricky") as index:
        url = index.url_with("me", "hunter2-tricky")
        requirements.write_text(f"--index-url {url}\nsecretly==1.0\n", encoding="utf-8")
        stack = stack_in(outdir)
        PythonDepsLayer(stack, "Deps", requirements=requirements)
        stack.node.root.synth()  # type: ignore[attr-defined]
    files = [
        path for folder in (outdir, tmp_path) for path in folder.rglob("*") if path.is_file() and path != requirements
    ]
    assert len(files) > 5
    assert [path for path in files if b"hunter2" in path.read_bytes()] == []
