"""ContentLayer as its users meet it, and what all layers of one's own files have in common with those of packages."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_lambda as lambda_
from syrupy.extensions.json import JSONSnapshotExtension

from layer_constructs import (
    ApprovedLayer,
    ContentLayer,
    CustomRuntimeLayer,
    LayerCatalog,
    LayerRelease,
    PythonCodeLayer,
    Share,
)
from layer_constructs.building.cache import Cache
from layer_constructs.building.size import LIMIT, LayerTooLargeError
from layer_constructs.errors import ArgumentError, AuditError, BuildError, LayerError, SecretError
from layer_constructs.layers.built_layer import BuiltLayer
from tests.layers.checks.functions import function, refusal
from tests.layers.test_python_deps import (
    NOT_BUNDLED,
    layer_properties,
    processes_and_connections,
    resources,
    stack_in,
    staged_folder,
    staged_zip,
)
from tests.support.elf import AARCH64, elf

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion

SECRET = "hunter2-tricky"
PERMISSION = "AWS::Lambda::LayerVersionPermission"

Make = Callable[..., BuiltLayer]


@pytest.fixture
def outdir(tmp_path: Path) -> Path:
    return tmp_path / "cdk.out"


@pytest.fixture
def stack(outdir: Path) -> cdk.Stack:
    return stack_in(outdir, {"aws:cdk:enable-asset-metadata": True})


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    folder = tmp_path / "tools"
    write(folder / "greet", "#!/bin/sh\necho hello\n", 0o755)
    write(folder / "share" / "names.txt", "a\n")
    return folder


def write(path: Path, content: str | bytes, mode: int = 0o644) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)
    return path


def said(app: Any, level: str) -> list[str]:
    """What ``cdk synth`` would print."""
    assembly = app.synth()
    found = []
    for file in sorted(Path(assembly.directory).rglob("*.metadata.json")):
        for entries in json.loads(file.read_text(encoding="utf-8")).values():
            found += [entry["data"] for entry in entries if entry["type"] == f"aws:cdk:{level}"]
    return found


def members(archive: Path) -> dict[str, int]:
    with zipfile.ZipFile(archive) as opened:
        return {member.filename: member.external_attr >> 16 & 0o777 for member in opened.infolist()}


def test_files_go_below_into_and_programs_stay_executable(
    stack: cdk.Stack, outdir: Path, tools: Path, snapshot: SnapshotAssertion
) -> None:
    ContentLayer(stack, "Tools", entry=tools, into="bin")
    assert members(staged_zip(stack, outdir)) == {"bin/greet": 0o755, "bin/share/names.txt": 0o644}
    assert resources(stack) == snapshot.use_extension(JSONSnapshotExtension)


def test_data_is_for_any_runtime_and_both_architectures(stack: cdk.Stack, tools: Path) -> None:
    layer = ContentLayer(stack, "Tools", entry=tools)
    properties = layer_properties(stack)
    assert "CompatibleRuntimes" not in properties
    assert properties["CompatibleArchitectures"] == ["x86_64", "arm64"]
    assert (dict(layer.packages), len(layer.digest)) == ({}, 64)


@pytest.mark.parametrize(
    ("into", "path"),
    [("", "greet"), (".", "greet"), ("bin", "bin/greet"), ("bin/", "bin/greet"), ("a/b c/ü", "a/b c/ü/greet")],
)
def test_into_is_a_folder_below_opt(stack: cdk.Stack, outdir: Path, tools: Path, into: str, path: str) -> None:
    ContentLayer(stack, "Tools", entry=tools / "greet", into=into)
    assert list(members(staged_zip(stack, outdir))) == [path]


@pytest.mark.parametrize(
    ("into", "fix"),
    [
        ("/opt/bin", "into='bin'"),
        ("/opt", "into=''"),
        ("/usr/bin", "into='bin'"),
        ("/optional", "into='bin'"),
        ("../bin", "into='bin'"),
        ("bin/../lib", "into='bin'"),
        ("bin//lib", "into='bin'"),
        ("bin\\lib", "into='bin'"),
        ("C:\\bin", "into='bin'"),
        (None, "into='bin'"),
        (7, "into='bin'"),
        (cdk.Aws.REGION, "into='bin'"),
    ],
)
def test_any_other_into_is_refused(stack: cdk.Stack, tools: Path, into: Any, fix: str) -> None:
    with pytest.raises(ArgumentError, match=f"(?s)must be a folder below /opt.*fix: write {fix}"):
        ContentLayer(stack, "Tools", entry=tools, into=into)


def test_an_extension_must_start(stack: cdk.Stack, outdir: Path, tmp_path: Path) -> None:
    extension = write(tmp_path / "extensions" / "notes", "#!/bin/sh\n", 0o644)
    with pytest.raises(BuildError, match=r"extensions/notes isn't executable\n  fix: chmod \+x notes"):
        ContentLayer(stack, "Extension", entry=tmp_path / "extensions", into="extensions")
    extension.chmod(0o755)
    ContentLayer(stack, "Extension", entry=tmp_path / "extensions", into="extensions")
    assert members(staged_zip(stack, outdir)) == {"extensions/notes": 0o755}


def test_what_is_for_any_runtime_must_run_on_the_oldest(stack: cdk.Stack, tmp_path: Path) -> None:
    write(tmp_path / "tool", elf("libc.so.6", versions={"libc.so.6": ["GLIBC_2.34"]}), 0o755)
    with pytest.raises(AuditError, match="glibc-too-new") as caught:
        ContentLayer(stack, "Tools", entry=tmp_path / "tool", into="bin")
    assert any("write compatible_runtimes=[...]" in note for note in caught.value.__notes__)
    ContentLayer(stack, "Tools", entry=tmp_path / "tool", into="bin", compatible_runtimes=[lambda_.Runtime.NODEJS_22_X])
    properties = layer_properties(stack)
    assert (properties["CompatibleRuntimes"], properties["CompatibleArchitectures"]) == (["nodejs22.x"], ["x86_64"])


def test_what_is_compiled_must_be_for_the_architecture(stack: cdk.Stack, tmp_path: Path) -> None:
    write(tmp_path / "tool", elf(machine=AARCH64), 0o755)
    with pytest.raises(AuditError, match="bin/tool is for aarch64"):
        ContentLayer(stack, "Tools", entry=tmp_path / "tool", into="bin")
    ContentLayer(stack, "Arm", entry=tmp_path / "tool", into="bin", architecture=lambda_.Architecture.ARM_64)
    assert layer_properties(stack)["CompatibleArchitectures"] == ["arm64"]


def test_a_finding_that_may_stay_for_one_of_several_runtimes_isnt_said_to_be_needless(
    stack: cdk.Stack, tmp_path: Path
) -> None:
    write(tmp_path / "tool", elf("libc.so.6", versions={"libc.so.6": ["GLIBC_2.34"]}), 0o755)
    ContentLayer(
        stack,
        "Tools",
        entry=tmp_path / "tool",
        into="bin",
        compatible_runtimes=[lambda_.Runtime.PYTHON_3_11, lambda_.Runtime.PYTHON_3_13],
        allow={"bin/tool:glibc-too-new": "not started on 3.11", "bin/other": "long gone"},
    )
    warnings = said(stack.node.root, "warning")
    assert len(warnings) == 1
    assert "allow has 'bin/other', and nothing of the kind was found" in warnings[0]
    assert any("(allowed: not started on 3.11)" in note for note in said(stack.node.root, "info"))


def test_names_that_differ_in_case_are_refused_unless_allowed(stack: cdk.Stack, tmp_path: Path) -> None:
    folder = write(tmp_path / "data" / "README", "a").parent
    if (folder / "readme").exists():
        pytest.skip("this file system knows no case")
    write(folder / "readme", "b")
    with pytest.raises(AuditError, match="case-collision: share/readme differs from share/README only in case"):
        ContentLayer(stack, "Data", entry=folder, into="share")
    ContentLayer(stack, "Data", entry=folder, into="share", allow={"share/readme:case-collision": "built on Linux"})


def test_empty_folders_and_globs_that_match_nothing_are_warned_of(stack: cdk.Stack, tools: Path) -> None:
    (tools / "empty").mkdir()
    ContentLayer(stack, "Tools", entry=tools, exclude=["*.md"])
    warnings = said(stack.node.root, "warning")
    assert [
        f"{tools} has a folder without files, empty, which a layer can't have" in warnings[0],
        "exclude has '*.md', which matches no file" in warnings[1],
        len(warnings),
    ] == [True, True, 2]


def test_an_installed_tree_may_be_a_layers_content_too(stack: cdk.Stack, outdir: Path, tmp_path: Path) -> None:
    write(tmp_path / "site" / "alpha.py", "")
    write(tmp_path / "site" / "alpha-1.0.dist-info" / "RECORD", "alpha.py,,\n")
    ContentLayer(stack, "Site", entry=tmp_path / "site", into="python")
    assert list(members(staged_zip(stack, outdir))) == ["python/alpha-1.0.dist-info/RECORD", "python/alpha.py"]


def test_a_secret_is_refused_unless_named_and_is_in_nothing_that_is_written(
    stack: cdk.Stack, outdir: Path, tools: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tools / ".env", f"PASSWORD={SECRET}\n")
    with pytest.raises(SecretError) as caught:
        ContentLayer(stack, "Tools", entry=tools, into="etc")
    assert str(caught.value).splitlines() == [
        f"{tools}: etc/.env looks like a secret, and who may use a layer may read it",
        "  etc/.env: variables of an environment",
        "  fix: leave it out with exclude=[...], or, where it is none, say why: allow={'etc/.env': '...'}",
    ]
    assert stack.node.children == []
    layer = ContentLayer(stack, "Tools", entry=tools, into="etc", allow={"etc/.env": "names only"})
    assert any("etc/.env looks like a secret" in note for note in said(stack.node.root, "info"))
    cached = Cache.default().find(layer.digest)
    assert cached
    beside = [path for path in cached.archive.parent.iterdir() if path != cached.archive]
    written = [path for path in outdir.rglob("*") if path.is_file() and path.suffix != ".zip"]
    assert [path for path in [*beside, *written] if SECRET.encode() in path.read_bytes()] == []
    assert SECRET not in "".join(capsys.readouterr())


@pytest.mark.parametrize("key", ["etc/.env", "etc/.env:secret"])
def test_a_secret_that_was_named_is_left_out_of_public_layers_all_the_same(
    stack: cdk.Stack, tools: Path, key: str
) -> None:
    write(tools / ".env", "A=1\n")
    given: dict[str, Any] = {"entry": tools, "into": "etc", "allow": {key: "names only"}}
    with pytest.raises(ArgumentError, match=r"a layer with etc/\.env can't be shared with everybody"):
        ContentLayer(stack, "Tools", **given, share_with=[Share.public()])
    layer = ContentLayer(stack, "Tools", **given, share_with=[Share.account("111122223333")])
    with pytest.raises(ArgumentError, match="can't be shared with everybody"):
        layer.share_with(Share.public())
    with pytest.raises(ArgumentError, match="can't be shared with everybody"):
        layer.add_permission("All", account_id="*")
    layer.share_with(Share.organization("o-a1b2c3d4e5"))
    kinds = [resource["Type"] for resource in resources(stack).values()]
    assert kinds.count(PERMISSION) == 2


def test_a_reason_must_say_something(stack: cdk.Stack, tools: Path) -> None:
    write(tools / ".env", "A=1\n")
    with pytest.raises(ArgumentError, match="gives no reason"):
        ContentLayer(stack, "Tools", entry=tools, allow={".env": " "})


@pytest.mark.parametrize(
    "arguments",
    [
        {"entry": ""},
        {"entry": None},
        {"entry": ["tools"]},
        {"exclude": "*.md"},
        {"exclude": [7]},
        {"allow": "x"},
        {"allow": {"a": 1}},
        {"compatible_runtimes": lambda_.Runtime.PYTHON_3_13},
        {"compatible_runtimes": ["python3.13"]},
        {"compatible_runtimes": []},
        {"architecture": "arm64"},
        {"asset_format": "tar"},
        {"description": 7},
        {"license": ["MIT"]},
        {"layer_version_name": 7},
        {"share_with": "111122223333"},
        {"colour": "red"},
    ],
)
def test_an_argument_of_the_wrong_kind_is_refused_and_nothing_is_added(
    stack: cdk.Stack, tools: Path, arguments: dict[str, Any]
) -> None:
    (name,) = arguments
    with pytest.raises(ArgumentError, match=name if name != "share_with" else "share"):
        ContentLayer(stack, "Tools", **{"entry": tools, **arguments})
    assert stack.node.children == []


def test_an_entry_that_is_a_token_is_not_there(stack: cdk.Stack) -> None:
    with pytest.raises(ArgumentError, match="doesn't exist"):
        ContentLayer(stack, "Tools", entry=cdk.Aws.REGION)


# What every layer of one's own files is


@pytest.fixture(params=["code", "runtime", "content"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """A layer of each kind, with ``own/extra.bin`` in it if ``extra`` says how large."""

    def made(scope: Any, name: str = "Own", extra: int = 0, text: str = "", **more: Any) -> BuiltLayer:
        folder = tmp_path / f"{name}{text}{extra}"
        if request.param == "code":
            write(folder / "shared.py", f"TEXT = {text!r}\n")
        elif request.param == "runtime":
            write(folder / "bootstrap", f"#!/bin/sh\n{text}\n", 0o755)
        else:
            write(folder / "data.txt", text)
            more = {"compatible_runtimes": [lambda_.Runtime.PYTHON_3_13], **more}
        if extra:
            with (folder / "extra.bin").open("wb") as file:
                file.truncate(extra)
        kinds: dict[str, Any] = {"code": PythonCodeLayer, "runtime": CustomRuntimeLayer, "content": ContentLayer}
        layer: BuiltLayer = kinds[request.param](scope, name, entry=folder, **more)
        return layer

    return made


def user(stack: cdk.Stack, layers: list[Any], name: str = "Function", **more: Any) -> lambda_.Function:
    """A function that may use them."""
    runtime = layers[0].compatible_runtimes[0]
    code = Path(cdk.App.of(stack).outdir).parent / "code"  # type: ignore[union-attr]
    write(code / "index.py", "")
    return function(stack, name, runtime=runtime, code=lambda_.Code.from_asset(str(code)), layers=layers, **more)


def test_a_second_synth_starts_nothing_and_gives_the_same(make: Make, outdir: Path, tmp_path: Path) -> None:
    first, second = stack_in(outdir), stack_in(tmp_path / "other.out")
    make(first)
    with processes_and_connections() as seen:
        make(second)
    assert seen == []
    assert resources(first) == resources(second)
    assert staged_zip(first, outdir).read_bytes() == staged_zip(second, tmp_path / "other.out").read_bytes()


@pytest.mark.parametrize("asset_format", ["zip", "directory"])
def test_a_stack_that_is_not_bundled_has_the_same_template(
    make: Make, outdir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asset_format: str
) -> None:
    context = {"layer-constructs:asset-format": asset_format}
    bundled = stack_in(outdir, context)
    make(bundled)
    monkeypatch.setenv("LAYER_CONSTRUCTS_CACHE_DIR", str(tmp_path / "empty"))
    skipped = stack_in(tmp_path / "other.out", {**context, **NOT_BUNDLED})
    layer = make(skipped)
    assert (Cache.default().layers(), layer.sbom) == ([], None)
    assert resources(skipped) == resources(bundled)


def test_a_folder_is_staged_for_sam(make: Make, stack: cdk.Stack, outdir: Path) -> None:
    make(stack, asset_format="directory")
    (file,) = (path for path in staged_folder(stack, outdir).rglob("*") if path.is_file())
    assert file.name in {"shared.py", "bootstrap", "data.txt"}
    assert (file.stat().st_mode & 0o777) == (0o755 if file.name == "bootstrap" else 0o644)


def test_it_is_kept_shared_and_revoked_as_a_layer_of_packages_is(make: Make, stack: cdk.Stack) -> None:
    layer = make(stack, share_with=[Share.account("111122223333")])
    layer.add_permission("Partner", account_id="444455556666")
    (version, *grants) = sorted(resources(stack).values(), key=lambda each: len(each["Type"]))
    assert (version["UpdateReplacePolicy"], version["DeletionPolicy"]) == ("Retain", "RetainExceptOnCreate")
    assert [each["Properties"]["Principal"] for each in grants] == ["111122223333", "444455556666"]
    assert {(each["UpdateReplacePolicy"], each["DeletionPolicy"]) for each in grants} == {("Retain", "Delete")}
    assert layer.shares == (Share.account("111122223333"),)


def test_it_is_released(make: Make, stack: cdk.Stack) -> None:
    LayerRelease(stack, "Release", layer=make(stack, layer_version_name="own"))
    values = [each for each in resources(stack).values() if each["Type"] == "AWS::SSM::Parameter"]
    assert values
    assert any("/layers/deps/own/" in str(each["Properties"]["Name"]) for each in values)


def test_it_is_approved_and_another_is_not(make: Make, stack: cdk.Stack) -> None:
    approved, other = make(stack, layer_version_name="own"), make(stack, "Other", text="x", layer_version_name="other")
    user(stack, [approved], "Allowed")
    user(stack, [other], "Refused")
    LayerCatalog(ApprovedLayer.of(approved)).enforce(stack)
    text = refusal(stack.node.root)  # type: ignore[arg-type]
    assert "Stack/Refused" in text
    assert "is not approved" in text
    assert "Stack/Allowed" not in text


def test_two_layers_with_different_files_at_one_path_are_a_conflict(make: Make, stack: cdk.Stack) -> None:
    user(stack, [make(stack), make(stack, "Other", text="other")])
    assert "layer-constructs::conflict:Stack/Own:Stack/Other" in refusal(stack.node.root)  # type: ignore[arg-type]


def test_layers_that_are_too_large_together_are_refused(make: Make, stack: cdk.Stack) -> None:
    half = LIMIT // 2 + 1
    user(stack, [make(stack, extra=half), make(stack, "Other", extra=half)])
    assert "unzipped" in refusal(stack.node.root)  # type: ignore[arg-type]


def test_one_that_is_too_large_alone_is_refused(make: Make, stack: cdk.Stack) -> None:
    with pytest.raises(LayerTooLargeError, match=r"extra\.bin"):
        make(stack, extra=LIMIT + 1)


def test_a_function_of_another_architecture_is_refused(make: Make, stack: cdk.Stack, tmp_path: Path) -> None:
    layer = make(stack)
    write(tmp_path / "Compiled0" / "fast.so", elf())
    compiled = make(stack, "Compiled")
    user(stack, [layer], "Pure", architecture=lambda_.Architecture.ARM_64)
    user(stack, [compiled], "Native", architecture=lambda_.Architecture.ARM_64)
    text = refusal(stack.node.root)  # type: ignore[arg-type]
    assert "wrong-architecture:Stack/Compiled" in text
    assert "Stack/Pure" not in text


def test_a_stage_and_a_nested_stack_take_it(make: Make, outdir: Path) -> None:
    app = cdk.App(outdir=str(outdir))
    inner = cdk.Stack(cdk.Stage(app, "Stage"), "Inner", env=cdk.Environment(region="cn-north-1"))
    nested = cdk.NestedStack(inner, "Nested")
    make(nested)
    make(inner)
    app.synth()
    templates = [path for path in outdir.rglob("*.template.json") if "LayerVersion" in path.read_text()]
    assert len(templates) == 2


def test_an_error_leaves_nothing_in_the_tree(make: Make, stack: cdk.Stack) -> None:
    with pytest.raises(LayerError):
        make(stack, exclude=["*"])
    assert stack.node.children == []
    make(stack, text="again")
