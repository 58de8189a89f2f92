"""PythonDepsLayerSet as its users meet it."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_lambda as lambda_
from syrupy.extensions.json import JSONSnapshotExtension

from layer_constructs import Bundling, PythonDepsLayer, PythonDepsLayerSet, Target
from layer_constructs.building import build as build_module
from layer_constructs.building import side_by_side
from layer_constructs.building.cache import Cache
from layer_constructs.errors import (
    ArgumentError,
    HashMismatchError,
    LayerError,
    LockMissingError,
    ResolutionError,
    UnsupportedTargetError,
)
from tests.support.wheels import make_wheel

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion

NOT_BUNDLED: dict[str, Any] = {"aws:cdk:bundling-stacks": []}
P311, P312, P313 = lambda_.Runtime.PYTHON_3_11, lambda_.Runtime.PYTHON_3_12, lambda_.Runtime.PYTHON_3_13
X86, ARM = lambda_.Architecture.X86_64, lambda_.Architecture.ARM_64

LINUX = {"X86": "manylinux_2_17_x86_64", "Arm64": "manylinux_2_17_aarch64"}
COMPILED = [f"cp{python}-cp{python}-{linux}" for python in (311, 312, 313) for linux in LINUX.values()]
ABI3 = [f"cp39-abi3-{linux}" for linux in LINUX.values()]


class Files:
    """A requirements file and the wheels that it may take."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.requirements = folder / "req.txt"

    def offer(self, name: str, version: str, tags: Sequence[str] = ("py3-none-any",), **more: Any) -> None:
        module = {f"{name}.py": f"'{version} in {self.folder}'\n".encode()}  # no test finds another's layer
        for tag in tags:
            make_wheel(self.folder / "files", name, version, tag=tag, files=module, **more)

    def ask(self, *names: str) -> Path:
        lines = ["--no-index", "--find-links files", *names]
        self.requirements.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return self.requirements


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest.fixture
def pure(files: Files) -> Path:
    files.offer("alpha", "1.0")
    return files.ask("alpha")


@pytest.fixture
def compiled(files: Files) -> Path:
    files.offer("native", "1.0", COMPILED)
    return files.ask("native")


@pytest.fixture
def stack(tmp_path: Path) -> cdk.Stack:
    return stack_in(tmp_path)


def stack_in(folder: Path, context: dict[str, Any] | None = None, *, name: str = "cdk.out") -> cdk.Stack:
    return cdk.Stack(cdk.App(outdir=str(folder / name), context=context), "Stack")


def template(stack: cdk.Stack) -> dict[str, Any]:
    return dict(assertions.Template.from_stack(stack).to_json())


def declared(stack: cdk.Stack) -> dict[str, tuple[list[str], list[str]]]:
    """What each layer version is for, by its construct."""
    found = {}
    for layer in layers_in(stack):
        resource = cast("lambda_.CfnLayerVersion", layer.node.default_child)
        found[layer.node.id] = (resource.compatible_runtimes or [], resource.compatible_architectures or [])
    return found


def layers_in(stack: cdk.Stack) -> list[PythonDepsLayer]:
    return [each for each in stack.node.find_all() if isinstance(each, PythonDepsLayer)]


def function(
    scope: cdk.Stack,
    name: str = "Function",
    runtime: lambda_.Runtime = P313,
    architecture: lambda_.Architecture = X86,
    layers: Sequence[lambda_.ILayerVersion] = (),
) -> lambda_.Function:
    return lambda_.Function(
        scope,
        name,
        runtime=runtime,
        architecture=architecture,
        handler="index.handler",
        code=lambda_.Code.from_inline("def handler(event, context): ..."),
        layers=list(layers),
    )


def used_by(stack: cdk.Stack, one: lambda_.Function) -> list[str]:
    """The logical ids of a function's layers, in their order."""
    properties = template(stack)["Resources"][stack.get_logical_id(one.node.default_child)]["Properties"]  # type: ignore[arg-type]
    return [layer["Ref"] for layer in properties.get("Layers", [])]


def logical_id(stack: cdk.Stack, layer: PythonDepsLayer) -> str:
    return stack.get_logical_id(layer.node.default_child)  # type: ignore[arg-type]


# What is one version, and what isn't


def test_pure_packages_are_one_version_for_everything(stack: cdk.Stack, pure: Path) -> None:
    deps = PythonDepsLayerSet(stack, "Deps", requirements=pure, runtimes=[P312, P313], architectures=[X86, ARM])

    assert declared(stack) == {"Python312X86": (["python3.12", "python3.13"], ["x86_64", "arm64"])}
    assert len({deps.layer(runtime, one).digest for runtime in (P312, P313) for one in (X86, ARM)}) == 1


def test_compiled_packages_are_a_version_for_each_target(stack: cdk.Stack, compiled: Path) -> None:
    deps = PythonDepsLayerSet(stack, "Deps", requirements=compiled, runtimes=[P312, P313], architectures=[X86, ARM])

    assert declared(stack) == {
        "Python312X86": (["python3.12"], ["x86_64"]),
        "Python312Arm64": (["python3.12"], ["arm64"]),
        "Python313X86": (["python3.13"], ["x86_64"]),
        "Python313Arm64": (["python3.13"], ["arm64"]),
    }
    assert deps.layer(P313, ARM).target == Target("python3.13", "arm64")
    assert [layer.target for layer in deps.layers] == list(deps.targets)


def test_abi3_packages_are_a_version_for_each_architecture(stack: cdk.Stack, files: Files) -> None:
    files.offer("stable", "1.0", ABI3)
    files.offer("alpha", "1.0")
    PythonDepsLayerSet(
        stack, "Deps", requirements=files.ask("stable", "alpha"), runtimes=[P311, P312, P313], architectures=[X86, ARM]
    )

    every = ["python3.11", "python3.12", "python3.13"]
    assert declared(stack) == {"Python311X86": (every, ["x86_64"]), "Python311Arm64": (every, ["arm64"])}


def test_runtimes_that_need_another_package_are_a_version_of_their_own(stack: cdk.Stack, files: Files) -> None:
    files.offer("alpha", "1.0")
    files.offer("backport", "1.0")
    PythonDepsLayerSet(
        stack,
        "Deps",
        requirements=files.ask("alpha", "backport ; python_version < '3.12'"),
        runtimes=[P311, P312, P313],
    )

    assert declared(stack) == {
        "Python311X86": (["python3.11"], ["x86_64", "arm64"]),
        "Python312X86": (["python3.12", "python3.13"], ["x86_64", "arm64"]),
    }


def test_a_version_never_declares_a_target_that_gets_other_files(stack: cdk.Stack, files: Files) -> None:
    files.offer("alpha", "1.0")
    files.offer("backport", "1.0")
    PythonDepsLayerSet(
        stack,
        "Deps",
        requirements=files.ask("alpha", "backport ; python_version < '3.13' and platform_machine == 'aarch64'"),
        runtimes=[P312, P313],
        architectures=[X86, ARM],
    )

    assert declared(stack) == {
        "Python312X86": (["python3.12"], ["x86_64"]),
        "Python312Arm64": (["python3.12"], ["arm64"]),
        "Python313X86": (["python3.13"], ["x86_64", "arm64"]),
    }


def test_a_file_that_is_its_own_lock_is_a_version_for_each_target(stack: cdk.Stack, files: Files) -> None:
    files.offer("alpha", "1.0")
    import hashlib

    sha256 = hashlib.sha256((files.folder / "files" / "alpha-1.0-py3-none-any.whl").read_bytes()).hexdigest()
    PythonDepsLayerSet(
        stack, "Deps", requirements=files.ask(f"alpha==1.0 --hash=sha256:{sha256}"), runtimes=[P312, P313]
    )

    assert [layer.node.id for layer in layers_in(stack)] == ["Python312X86", "Python313X86"]
    assert not list(files.folder.glob("pylock*"))


def test_bytecode_belongs_to_one_runtime(tmp_path: Path, pure: Path, pythons: Any) -> None:
    stack = stack_in(tmp_path, NOT_BUNDLED)
    if not {"3.12", "3.13"} <= pythons.keys():
        pytest.skip("no Python 3.12 and 3.13")
    PythonDepsLayerSet(stack, "Deps", requirements=pure, runtimes=[P312, P313], bytecode=True)

    assert [layer.node.id for layer in layers_in(stack)] == ["Python312X86", "Python313X86"]


def test_what_is_made_in_a_container_belongs_to_its_image(tmp_path: Path, pure: Path) -> None:
    stack = stack_in(tmp_path, NOT_BUNDLED)
    lock = pure.with_name("pylock.own.toml")
    PythonDepsLayerSet(stack, "Here", requirements=pure, lock=lock, runtimes=[P312, P313])
    PythonDepsLayerSet(
        stack, "There", requirements=lock, runtimes=[P312, P313], bundling=Bundling.docker(), locked=True
    )

    assert [layer.node.path for layer in layers_in(stack)] == [
        "Stack/Here/Python312X86",
        "Stack/There/Python312X86",
        "Stack/There/Python313X86",
    ]


# The template


def test_the_order_in_which_targets_are_named_changes_nothing(tmp_path: Path, compiled: Path) -> None:
    templates = []
    for number in range(3):
        stack = stack_in(tmp_path, name=f"{number}.out")
        runtimes, architectures = [P311, P312, P313, P312], [X86, ARM]
        random.Random(number).shuffle(runtimes)  # noqa: S311 - no secret
        random.Random(number).shuffle(architectures)  # noqa: S311 - no secret
        PythonDepsLayerSet(stack, "Deps", requirements=compiled, runtimes=runtimes, architectures=architectures)
        templates.append(json.dumps(template(stack)))
    assert len(set(templates)) == 1


def test_a_mixed_set_and_its_functions(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    files = Files(tmp_path)
    make_wheel(tmp_path / "files", "alpha", "1.0")
    make_wheel(tmp_path / "files", "native", "1.0", tag=COMPILED[-2])
    stack = stack_in(tmp_path)
    requirements = files.ask("alpha", "native ; python_version >= '3.13'")
    deps = PythonDepsLayerSet(
        stack, "Deps", requirements=requirements, runtimes=[P313, P312, P311], layer_version_name="core"
    )
    for name, runtime in (("Old", P311), ("New", P313)):
        deps.attach_to(function(stack, name, runtime))
    shown = {name: value for name, value in template(stack)["Resources"].items() if "Role" not in name}
    assert shown == snapshot.use_extension(JSONSnapshotExtension)


def test_a_newer_runtime_and_arm64_rename_nothing(tmp_path: Path, files: Files) -> None:
    files.offer("alpha", "1.0")
    files.offer("native", "1.0", COMPILED)
    for name, requirements in (("Pure", files.ask("alpha")), ("Compiled", files.ask("native"))):
        small, large = stack_in(tmp_path, name="small"), stack_in(tmp_path, name="large")
        PythonDepsLayerSet(small, name, requirements=requirements, runtimes=[P312])
        PythonDepsLayerSet(large, name, requirements=requirements, runtimes=[P313, P312], architectures=[ARM, X86])
        assert set(template(small)["Resources"]) <= set(template(large)["Resources"])


def test_other_content_replaces_the_version_and_keeps_the_logical_id(tmp_path: Path, files: Files) -> None:
    found = []
    for version in ("1.0", "2.0"):
        files.offer("alpha", version)
        stack = stack_in(tmp_path, name=version)
        PythonDepsLayerSet(stack, "Deps", requirements=files.ask(f"alpha=={version}"), runtimes=[P312, P313])
        ((name, resource),) = template(stack)["Resources"].items()
        found.append((name, resource["Properties"]["Content"]["S3Key"]))
    (first, before), (second, after) = found
    assert (first == second, before == after) == (True, False)


def test_a_stack_that_is_not_bundled_builds_nothing_and_has_the_same_template(
    tmp_path: Path, compiled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    templates = []
    for name, context in (("bundled", {}), ("skipped", NOT_BUNDLED)):
        monkeypatch.setenv("LAYER_CONSTRUCTS_CACHE_DIR", str(tmp_path / f"{name}-cache"))
        stack = stack_in(tmp_path, context, name=name)
        deps = PythonDepsLayerSet(stack, "Deps", requirements=compiled, runtimes=[P312, P313])
        deps.attach_to(function(stack))
        templates.append(template(stack))
        assert [layer.sbom is None for layer in deps.layers] == [name == "skipped"] * 2
    assert templates[0] == templates[1]
    assert Cache.default().layers() == []


def test_every_layer_name_has_a_suffix_of_its_own(stack: cdk.Stack, compiled: Path) -> None:
    PythonDepsLayerSet(
        stack, "Deps", requirements=compiled, runtimes=[P312], architectures=[X86, ARM], layer_version_name="core"
    )

    names = [resource["Properties"]["LayerName"] for resource in template(stack)["Resources"].values()]
    assert names == ["core-python312-x86_64", "core-python312-arm64"]


@pytest.mark.parametrize("name", ["n" * 124, "no spaces", "under/slash"])
def test_a_layer_name_must_be_one_with_its_suffix_too(tmp_path: Path, pure: Path, name: str) -> None:
    stack = stack_in(tmp_path, NOT_BUNDLED)
    with pytest.raises(ArgumentError, match="can't be the name of a layer"):
        PythonDepsLayerSet(stack, "Deps", requirements=pure, layer_version_name=name)
    PythonDepsLayerSet(stack, "Longest", requirements=pure, layer_version_name="n" * 123)
    PythonDepsLayerSet(stack, "Later", requirements=pure, layer_version_name=cdk.Fn.ref("AWS::StackName"))

    longest, later = (each["Properties"]["LayerName"] for each in template(stack)["Resources"].values())
    assert len(longest) == 140
    assert later == {"Fn::Join": ["", [{"Ref": "AWS::StackName"}, "-python313-x86_64"]]}


# Functions


def test_a_function_gets_the_version_that_fits(stack: cdk.Stack, compiled: Path) -> None:
    deps = PythonDepsLayerSet(stack, "Deps", requirements=compiled, runtimes=[P312, P313], architectures=[X86, ARM])
    mine = function(stack, "Mine", P312, ARM)

    assert deps.layer_for(mine) is deps.layer(P312, ARM)
    deps.attach_to(mine)
    assert used_by(stack, mine) == [logical_id(stack, deps.layer(P312, ARM))]


def test_attaching_twice_adds_it_once_and_keeps_the_order(stack: cdk.Stack, pure: Path) -> None:
    first = PythonDepsLayerSet(stack, "First", requirements=pure)
    second = PythonDepsLayerSet(stack, "Second", requirements=pure)
    mine = function(stack)

    for deps in (second, first, second):
        deps.attach_to(mine)

    assert used_by(stack, mine) == [logical_id(stack, deps.layer(P313, X86)) for deps in (second, first)]


def test_a_singleton_function_gets_one_too(stack: cdk.Stack, pure: Path) -> None:
    deps = PythonDepsLayerSet(stack, "Deps", requirements=pure)
    single = lambda_.SingletonFunction(
        stack,
        "Single",
        uuid="4a1c",
        runtime=P313,
        handler="index.handler",
        code=lambda_.Code.from_inline("def handler: 0"),
    )

    deps.attach_to(single)

    (resource,) = assertions.Template.from_stack(stack).find_resources("AWS::Lambda::Function").values()
    assert resource["Properties"]["Layers"] == [{"Ref": logical_id(stack, deps.layers[0])}]


@pytest.mark.parametrize(("runtime", "architecture"), [(P311, X86), (P313, ARM), (lambda_.Runtime.NODEJS_22_X, X86)])
def test_an_undeclared_target_is_an_error_that_names_those_declared(
    stack: cdk.Stack, pure: Path, runtime: lambda_.Runtime, architecture: lambda_.Architecture
) -> None:
    deps = PythonDepsLayerSet(stack, "Deps", requirements=pure, runtimes=[P313, P312])
    said = (
        rf"Stack/Deps has no layer for {runtime.name}/{architecture.name}"
        r"(?s:.*)declared: python3.12/x86_64, python3.13/x86_64"
    )
    mine = function(stack, "Mine", runtime, architecture)

    with pytest.raises(ArgumentError, match=said):
        deps.layer(runtime, architecture)
    with pytest.raises(ArgumentError, match=said):
        deps.layer_for(mine)
    with pytest.raises(ArgumentError, match=said):
        deps.attach_to(mine)


def test_a_function_that_does_not_tell_its_runtime_is_an_error_that_says_what_to_write(
    stack: cdk.Stack, pure: Path
) -> None:
    deps = PythonDepsLayerSet(stack, "Deps", requirements=pure)
    own = function(stack)
    unknown: list[Any] = [
        lambda_.Function.from_function_arn(stack, "Imported", "arn:aws:lambda:eu-west-1:111122223333:function:its"),
        lambda_.Function.from_function_attributes(
            stack, "Known", function_arn="arn:aws:lambda:eu-west-1:111122223333:function:my", architecture=X86
        ),
        own.current_version,
        own.add_alias("live"),
    ]
    for one in unknown:
        with pytest.raises(ArgumentError, match=r"doesn't tell its runtime(?s:.*)\.layer\(runtime, architecture\)"):
            deps.layer_for(one)
        with pytest.raises(ArgumentError, match=r"doesn't tell its runtime(?s:.*)layers="):
            deps.attach_to(one)


def test_a_token_is_not_taken_for_a_runtime(stack: cdk.Stack, pure: Path) -> None:
    deps = PythonDepsLayerSet(stack, "Deps", requirements=pure)
    later = cdk.CfnParameter(stack, "Later").value_as_string
    for one in (
        function(stack, "R", runtime=lambda_.Runtime(later, lambda_.RuntimeFamily.PYTHON, supports_inline_code=True)),
        function(stack, "A", architecture=lambda_.Architecture.custom(later)),
    ):
        with pytest.raises(ArgumentError, match=r"is a token(?s:.*)\.layer\(runtime, architecture\)"):
            deps.layer_for(one)


def test_a_container_image_can_not_have_layers(stack: cdk.Stack, pure: Path) -> None:
    deps = PythonDepsLayerSet(stack, "Deps", requirements=pure)
    repository = cdk.aws_ecr.Repository(stack, "Images")
    image = lambda_.DockerImageFunction(stack, "Image", code=lambda_.DockerImageCode.from_ecr(repository))

    with pytest.raises(ArgumentError, match="container image"):
        deps.attach_to(image)


def test_a_function_of_another_stack_gets_one_by_reference(tmp_path: Path, pure: Path) -> None:
    app = cdk.App(outdir=str(tmp_path / "cdk.out"))
    deps = PythonDepsLayerSet(cdk.Stack(app, "Layers"), "Deps", requirements=pure)
    other = cdk.Stack(app, "Functions")
    mine = function(other)

    deps.attach_to(mine)

    (resource,) = assertions.Template.from_stack(other).find_resources("AWS::Lambda::Function").values()
    assert "Fn::ImportValue" in resource["Properties"]["Layers"][0]


# On demand


def test_on_demand_only_what_a_function_asks_for_is_made(stack: cdk.Stack, compiled: Path) -> None:
    before = len(Cache.default().layers())
    deps = PythonDepsLayerSet(
        stack, "Deps", requirements=compiled, runtimes=[P311, P312, P313], architectures=[X86, ARM], on_demand=True
    )
    assert (deps.layers, len(Cache.default().layers())) == ((), before)

    deps.attach_to(function(stack, "Mine", P312, ARM))
    deps.attach_to(function(stack, "Yours", P312, ARM))

    assert declared(stack) == {"Python312Arm64": (["python3.12"], ["arm64"])}
    assert len(Cache.default().layers()) == before + 1


def test_on_demand_a_version_declares_what_it_would_without(stack: cdk.Stack, pure: Path) -> None:
    deps = PythonDepsLayerSet(stack, "Deps", requirements=pure, runtimes=[P312, P313], on_demand=True)

    deps.layer(P313, X86)

    assert declared(stack) == {"Python312X86": (["python3.12", "python3.13"], ["x86_64", "arm64"])}


def test_on_demand_a_target_without_an_answer_is_no_error_until_it_is_asked_for(stack: cdk.Stack, files: Files) -> None:
    files.offer("native", "1.0", [f"cp313-cp313-{LINUX['X86']}"])
    requirements = files.ask("native")
    with pytest.raises(ResolutionError, match=r"python3\.13/arm64"):
        PythonDepsLayerSet(stack, "Deps", requirements=requirements, architectures=[X86, ARM])
    deps = PythonDepsLayerSet(stack, "Deps", requirements=requirements, architectures=[X86, ARM], on_demand=True)

    assert deps.layer(P313, X86).target == Target("python3.13", "x86_64")
    with pytest.raises(ResolutionError, match=r"python3\.13/arm64"):
        deps.layer(P313, ARM)
    assert list(declared(stack)) == ["Python313X86"]


# Building


def test_missing_targets_are_built_side_by_side_and_no_more_than_the_machine_can_do(
    stack: cdk.Stack, compiled: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LAYER_CONSTRUCTS_QUIET", "0")
    monkeypatch.setattr(side_by_side, "_at_once", lambda: 2)
    PythonDepsLayerSet(stack, "Deps", requirements=compiled, runtimes=[P312, P313], architectures=[X86, ARM])

    said = [line.removeprefix("layer-constructs: ") for line in capsys.readouterr().err.splitlines()]
    assert said[1] == "Deps: building 4 layers, 2 at a time"
    for name in ("Python312X86", "Python312Arm64", "Python313X86", "Python313Arm64"):
        assert len([line for line in said if line.startswith(f"Deps/{name}: ")]) == 2
    assert said[-1].startswith("Deps: 4 layers, ")


def test_what_is_in_the_cache_is_not_built_again(
    tmp_path: Path, compiled: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    runtimes = [P311, P312, P313]
    PythonDepsLayerSet(stack_in(tmp_path, name="first"), "Deps", requirements=compiled, runtimes=runtimes)
    monkeypatch.setenv("LAYER_CONSTRUCTS_QUIET", "0")

    again = stack_in(tmp_path, name="second")
    PythonDepsLayerSet(again, "Deps", requirements=compiled, runtimes=runtimes)
    PythonDepsLayerSet(again, "More", requirements=compiled, runtimes=runtimes, architectures=[X86])

    assert capsys.readouterr().err == ""


def test_a_target_that_can_not_be_built_names_itself_and_leaves_nothing_in_the_tree(
    stack: cdk.Stack, compiled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    PythonDepsLayerSet(stack, "Locked", requirements=compiled, runtimes=[P312, P313], on_demand=True)
    changed = next((compiled.parent / "files").glob("*cp312*x86_64.whl"))
    right = changed.read_bytes()
    changed.write_bytes(right + b"changed")

    with pytest.raises(HashMismatchError) as caught:
        PythonDepsLayerSet(stack, "Deps", requirements=compiled, runtimes=[P312, P313])

    assert "this was for python3.12/x86_64" in caught.value.__notes__
    assert [child.node.id for child in stack.node.children] == ["Locked"]
    changed.write_bytes(right)
    PythonDepsLayerSet(stack, "Deps", requirements=compiled, runtimes=[P312, P313])


def test_an_output_folder_that_can_not_be_written_leaves_nothing_in_the_tree(
    stack: cdk.Stack, compiled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[Path] = []
    copy = shutil.copy2

    def full(source: Path, into: Path) -> None:
        if copied:
            raise OSError(28, "No space left on device")
        copied.append(Path(copy(source, into)))

    monkeypatch.setattr("layer_constructs.layers.staging.shutil.copy2", full)
    with pytest.raises(LayerError, match="No space left on device"):
        PythonDepsLayerSet(stack, "Deps", requirements=compiled, runtimes=[P312, P313])

    assert len(copied) == 1
    assert stack.node.children == []


def test_what_the_app_does_not_want_is_known_before_anything_is_built(
    tmp_path: Path, compiled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    PythonDepsLayer(stack_in(tmp_path, name="first"), "Deps", requirements=compiled)

    def refuse(*arguments: object, **more: object) -> None:
        raise AssertionError("it was built")

    monkeypatch.setattr(build_module, "build", refuse)
    with pytest.raises(LayerError, match="licence"):
        PythonDepsLayerSet(stack_in(tmp_path), "Deps", requirements=compiled, runtimes=[P312, P313], licenses=["MIT"])


def test_a_shared_version_is_judged_for_every_target_that_was_named(stack: cdk.Stack, pure: Path) -> None:
    deps = PythonDepsLayerSet(stack, "Deps", requirements=pure, runtimes=[P312, P313], architectures=[X86, ARM])

    cached = Cache.default().find(deps.layers[0].digest)
    assert cached is not None
    assert {path.name for path in cached.archive.parent.glob("audit-*")} == {
        f"audit-{target.runtime}-{target.architecture}.json" for target in deps.targets
    }


def test_an_allowance_that_no_version_needs_is_said_once_and_at_the_set(stack: cdk.Stack, compiled: Path) -> None:
    PythonDepsLayerSet(stack, "Deps", requirements=compiled, runtimes=[P312, P313], allow={"nothing": "never"})

    said = {each.node.path: [str(entry.data) for entry in each.node.metadata] for each in stack.node.find_all()}
    assert {path for path, entries in said.items() if "nothing" in str(entries)} == {"Stack/Deps"}
    assert len(said["Stack/Deps"]) == 1


# Arguments


def test_says_what_to_write_instead_of_a_single_layers_arguments(stack: cdk.Stack, pure: Path) -> None:
    more: dict[str, Any]
    for more, instead in (
        ({"runtime": P313}, "runtimes="),
        ({"architecture": ARM}, "architectures="),
        ({"entry": "src"}, "requirements="),
        ({"colour": "red"}, "PythonDepsLayerSet takes no argument 'colour'"),
    ):
        with pytest.raises(ArgumentError, match=instead):
            PythonDepsLayerSet(stack, "Deps", requirements=pure, **more)


@pytest.mark.parametrize("value", [[], "python3.13", P313, ["python3.13"]])
def test_refuses_runtimes_that_are_no_list_of_runtimes(stack: cdk.Stack, pure: Path, value: Any) -> None:
    with pytest.raises(ArgumentError, match=r"runtimes? is"):
        PythonDepsLayerSet(stack, "Deps", requirements=pure, runtimes=value)


def test_refuses_a_runtime_that_is_not_python(stack: cdk.Stack, pure: Path) -> None:
    with pytest.raises(UnsupportedTargetError, match=r"nodejs22\.x"):
        PythonDepsLayerSet(stack, "Deps", requirements=pure, runtimes=[P313, lambda_.Runtime.NODEJS_22_X])


def test_refuses_a_release_for_the_bytecode_of_several_runtimes(stack: cdk.Stack, pure: Path) -> None:
    with pytest.raises(ArgumentError, match=r"bytecode is '3.13.1'(?s:.*)release of 3.12"):
        PythonDepsLayerSet(stack, "Deps", requirements=pure, runtimes=[P312, P313], bytecode="3.13.1")


@pytest.mark.parametrize("value", ["python3.13", None])
def test_refuses_to_guess_a_target(stack: cdk.Stack, pure: Path, value: Any) -> None:
    deps = PythonDepsLayerSet(stack, "Deps", requirements=pure)

    with pytest.raises(ArgumentError, match="PYTHON_3_13"):
        deps.layer(value, X86)


def test_the_context_gives_the_runtime_the_format_and_the_policy(tmp_path: Path, pure: Path) -> None:
    context = {"layer-constructs:runtime": "python3.12", "layer-constructs:asset-format": "directory"}
    deps = PythonDepsLayerSet(stack_in(tmp_path, context), "Deps", requirements=pure)
    assert deps.targets == (Target("python3.12", "x86_64"),)
    assert not list((tmp_path / "cdk.out").glob("*.zip"))

    locked = stack_in(tmp_path, {"layer-constructs:locked": "true"})
    with pytest.raises(
        LockMissingError, match=r"python3.11, python3.13(?s:.*)--runtime python3.11 --runtime python3.13"
    ):
        PythonDepsLayerSet(locked, "Deps", requirements=pure, runtimes=[P311, P312, P313])


def test_same_versions_reach_the_layers(tmp_path: Path, files: Files) -> None:
    files.offer("alpha", "1.0")
    files.offer("alpha", "2.0", requires_python=">=3.13")
    requirements = files.ask("alpha")

    for same, expected in ((False, {"1.0", "2.0"}), (True, {"1.0"})):
        deps = PythonDepsLayerSet(
            stack_in(tmp_path, name=str(same)),
            "D",
            requirements=requirements,
            runtimes=[P312, P313],
            same_versions=same,
        )
        assert {layer.packages["alpha"] for layer in deps.layers} == expected
