"""What a template says of a function, and what keeps it from being run here."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from layer_constructs.emulation.assembly import Assembly
from layer_constructs.emulation.function import LocalFunction, NotRunnableError, local_function
from layer_constructs.emulation.host import refuse_without_bootstrap
from layer_constructs.emulation.laid_out import lay_layers, lay_out
from layer_constructs.errors import ArgumentError

HASHES = {name: (name * 64)[:64] for name in "abc"}
ARN = "arn:aws-cn:lambda:cn-north-1:123456789012:layer:core:7"


def layer(name: str) -> dict[str, Any]:
    content = {"S3Bucket": {"Fn::Sub": "cdk-assets"}, "S3Key": f"{HASHES[name]}.zip"}
    return {"Type": "AWS::Lambda::LayerVersion", "Properties": {"Content": content}}


def function(**properties: Any) -> dict[str, Any]:
    known = {"Runtime": "python3.13", "Handler": "index.handler", "Code": {"ZipFile": "x = 1"}}
    return {"Type": "AWS::Lambda::Function", "Properties": {**known, **properties}}


def app(outdir: Path, **stacks: dict[str, Any]) -> Assembly:
    outdir.mkdir(exist_ok=True)
    artifacts = {}
    for name, resources in stacks.items():
        (outdir / f"{name}.template.json").write_text(json.dumps({"Resources": resources}), encoding="utf-8")
        artifacts[name] = {"type": "aws:cloudformation:stack", "properties": {"templateFile": f"{name}.template.json"}}
    (outdir / "manifest.json").write_text(json.dumps({"artifacts": artifacts}), encoding="utf-8")
    return Assembly(outdir)


def asset(outdir: Path, name: str, **files: str) -> Path:
    folder = outdir / f"asset.{HASHES[name]}"
    for file, text in files.items():
        path = folder / file.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def only(tmp_path: Path, resource: dict[str, Any], **options: Any) -> LocalFunction:
    return local_function(app(tmp_path / "cdk.out", S={"F": resource}), "F", **options)


def test_what_the_template_leaves_out_is_lambdas_own(tmp_path: Path) -> None:
    found = only(tmp_path, function())
    assert (found.timeout, found.memory, found.architecture, found.layers, found.name) == (3, 128, "x86_64", (), "F")
    assert (found.code, found.notes) == ("x = 1", ())


def test_what_the_user_says_counts_for_more(tmp_path: Path) -> None:
    variables = {"A": "1", "B": {"Ref": "T"}, "C": {"Ref": "U"}}
    found = only(tmp_path, function(Environment={"Variables": variables}), variables={"B": "2"}, timeout=60)
    assert (found.environment, found.timeout) == ({"A": "1", "B": "2"}, 60)
    assert found.notes == ("C is not set: its value is known only when it's deployed",)


def test_one_is_found_by_path_logical_id_and_name(tmp_path: Path) -> None:
    resource = function(FunctionName="orders") | {"Metadata": {"aws:cdk:path": "S/Orders/Resource"}}
    assembly = app(tmp_path, S={"F": resource})
    for wanted in ("S/Orders", "S/Orders/Resource", "F", "orders"):
        assert local_function(assembly, wanted).label == "S/Orders"


def test_a_name_of_two_is_an_error_that_names_both(tmp_path: Path) -> None:
    assembly = app(tmp_path, A={"F": function()}, B={"F": function()})
    with pytest.raises(ArgumentError, match=r"F is not one function\n  it is: F in A.template.json, F in B.template"):
        local_function(assembly, "F")


def test_an_app_without_functions_says_so(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="there is no function F in this app\n  it has no function"):
        local_function(app(tmp_path, S={}), "F")


@pytest.mark.parametrize(
    ("resource", "problem"),
    [
        (function(PackageType="Image"), "F is a container image"),
        (function(Runtime="nodejs22.x"), "F has the runtime nodejs22.x, which can't be run here"),
        (function(Runtime="python3.8"), "F has the runtime python3.8, which can't be run here"),
        (function(Runtime={"Ref": "Runtime"}), "F has the runtime {'Ref': 'Runtime'}"),
        (function(Architectures=[{"Ref": "A"}]), "the architecture of F is known only when it's deployed"),
        (function(Code={"S3Bucket": "mine", "S3Key": "code.zip"}), "the code of F is not in "),
        (function(Handler={"Ref": "H"}), "the handler of F is known only when it's deployed"),
        (function(Layers={"Ref": "List"}), "which layers F has is known only when it's deployed"),
        (function(Layers=[ARN]), f"the layer {ARN} of F is not in this app"),
        (function(Layers=[{"Ref": "Parameter"}]), "the layer {'Ref': 'Parameter'} of F is not in this app"),
    ],
)
def test_what_is_known_only_when_it_is_deployed_is_said(tmp_path: Path, resource: dict[str, Any], problem: str) -> None:
    with pytest.raises(NotRunnableError) as caught:
        only(tmp_path, resource)
    assert str(caught.value).startswith(problem)


def test_a_number_that_is_not_known_yet_is_lambdas_own_and_said(tmp_path: Path) -> None:
    found = only(tmp_path, function(Timeout={"Ref": "T"}, MemorySize="256"))
    assert (found.timeout, found.memory) == (3, 256)
    assert found.notes == ("Timeout is known only when it's deployed: Lambda's default is taken",)


def test_unknown_layers_can_be_left_out(tmp_path: Path) -> None:
    found = only(tmp_path, function(Layers=[ARN]), leave_out_unknown=True)
    assert (found.layers, found.notes) == ((), (f"runs without the layer {ARN}, which is not in this app",))


@pytest.mark.parametrize("kind", ["zip", "folder"])
def test_a_layer_that_was_not_built_is_never_run(tmp_path: Path, kind: str) -> None:
    assembly = app(tmp_path, S={"F": function(Layers=[{"Ref": "L"}]), "L": layer("a")})
    if kind == "zip":
        (tmp_path / f"asset.{HASHES['a']}.zip").touch()
    else:
        asset(tmp_path, "a", **{"NOT_BUILT.txt": "no"})
    with pytest.raises(NotRunnableError, match="the layer L of F was not built"):
        local_function(assembly, "F")


def test_layers_are_laid_over_each_other_in_their_order(tmp_path: Path) -> None:
    listed = [{"Ref": name} for name in ("A", "B", "C")]
    assembly = app(tmp_path, S={"F": function(Layers=listed), "A": layer("a"), "B": layer("b"), "C": layer("c")})
    asset(tmp_path, "a", python__x="a", python__only="a", bin="a file")
    asset(tmp_path, "b", python__x="b", bin__tool="a folder in its place")
    with zipfile.ZipFile(tmp_path / f"asset.{HASHES['c']}.zip", "w") as archive:
        run = zipfile.ZipInfo("bin/run")
        run.external_attr = 0o100755 << 16
        archive.writestr(run, "c")
        archive.writestr("python/x", "c")
    (tmp_path / "laid").mkdir()
    task, opt = lay_out(local_function(assembly, "F"), tmp_path / "laid")
    assert (task / "index.py").read_text(encoding="utf-8") == "x = 1"
    found = {str(path.relative_to(opt)): path.read_text("utf-8") for path in opt.rglob("*") if path.is_file()}
    assert found == {"python/x": "c", "python/only": "a", "bin/tool": "a folder in its place", "bin/run": "c"}
    assert (opt / "bin" / "run").stat().st_mode & 0o111
    assert sorted(path.name for path in (tmp_path / "laid").iterdir()) == ["opt", "task"]


def test_a_link_is_replaced_not_written_through(tmp_path: Path) -> None:
    first, second, opt = tmp_path / "1", tmp_path / "2", tmp_path / "opt"
    for folder in (first, second, opt):
        folder.mkdir()
    (first / "real").write_text("first", encoding="utf-8")
    (first / "link").symlink_to("real")
    (second / "link").write_text("second", encoding="utf-8")
    (second / "real").symlink_to("link")
    lay_layers([first, second], opt)
    assert ((opt / "link").read_text("utf-8"), (opt / "real").is_symlink()) == ("second", True)
    assert (first / "real").read_text(encoding="utf-8") == "first"


def test_a_folder_that_is_no_app_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="has no synthesised app"):
        local_function(Assembly(tmp_path), "F")
    (tmp_path / "manifest.json").write_text("{", encoding="utf-8")
    with pytest.raises(ArgumentError, match=r"manifest\.json: it can't be read"):
        local_function(Assembly(tmp_path), "F")


@pytest.mark.parametrize(
    ("content", "mode", "problem"),
    [
        (b"#!/bin/sh\n", 0o644, "the bootstrap of F is not executable"),
        (b"#!/bin/sh\r\n", 0o755, "the first line of the bootstrap of F ends with CRLF"),
        (None, 0, "no file bootstrap in its code or a layer"),
    ],
)
def test_a_bootstrap_that_can_not_start_is_refused(
    tmp_path: Path, content: bytes | None, mode: int, problem: str
) -> None:
    found = only(tmp_path, function(Runtime="provided.al2023"))
    if content is not None:
        (tmp_path / "bootstrap").write_bytes(content)
        (tmp_path / "bootstrap").chmod(mode)
    with pytest.raises(NotRunnableError, match=problem):
        refuse_without_bootstrap(found, tmp_path / "none", tmp_path)
