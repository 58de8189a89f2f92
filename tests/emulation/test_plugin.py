"""The fixture `lambda_runtime`, in the tests of somebody's own project."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.emulation.test_guide import blocks

pytest_plugins = ["pytester"]
pytestmark = [pytest.mark.real, pytest.mark.network]

HOME = str(Path.home())  # pytester sets another one

CONFTEST = 'pytest_plugins = ["layer_constructs.pytest_plugin"]'

TESTS = """
import aws_cdk as cdk
import pytest
from aws_cdk import aws_lambda as lambda_
from layer_constructs.errors import LayerError

@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    layer = tmp_path_factory.mktemp("layer")
    (layer / "python").mkdir()
    (layer / "python" / "dep.py").write_text("def double(n): return 2 * n")
    stack = cdk.Stack(cdk.App(outdir=str(tmp_path_factory.mktemp("cdk.out"))), "Stack")
    code = lambda_.Code.from_inline("import dep\\ndef handler(event, context): return dep.double(event['n'])")
    same = dict(runtime=lambda_.Runtime.PYTHON_3_11, handler="index.handler", code=code)
    deps = lambda_.LayerVersion(stack, "Deps", code=lambda_.Code.from_asset(str(layer)))
    lambda_.Function(stack, "Function", layers=[deps], **same)
    lambda_.Function(stack, "WithoutLayer", **same)
    return stack

def test_the_handler_runs_with_its_layer(lambda_runtime, stack):
    assert lambda_runtime(stack, "Stack/Function").invoke({"n": 21}).response == 42

def test_the_construct_will_do_too(lambda_runtime, stack):
    done = lambda_runtime(stack, stack.node.find_child("WithoutLayer")).invoke({"n": 1})
    assert "No module named 'dep'" in str(done.error)

def test_so_does_the_folder(lambda_runtime, stack):
    outdir = cdk.Stage.of(stack).synth().directory
    assert lambda_runtime(outdir, "Stack/Function").invoke({"n": 0}).error is None

def test_what_has_no_assets_is_refused(lambda_runtime):
    with pytest.raises(LayerError, match="a dict doesn't say where its assets are"):
        lambda_runtime({"Resources": {}}, "Function")
"""


def test_people_s_tests_run_their_handlers_with_their_layers(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", HOME)  # in another one, jsii unpacks the CDK for 20 s
    pytester.makeconftest(CONFTEST)
    (pytester.path / "req.txt").write_text("idna==3.10\n", encoding="utf-8")
    (of_guide,) = blocks("python")
    pytester.makepyfile(test_own=TESTS, test_guide=of_guide)
    done = pytester.runpytest_subprocess("-q", "-p", "no:cacheprovider")
    done.assert_outcomes(passed=5)


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("layer_constructs.pytest_plugin", {"aws_cdk", "jsii", "click", "layer_constructs.emulation"}),
        ("layer_constructs.emulation.runtime", {"aws_cdk", "jsii", "boto3"}),  # templates are files: no Node
        ("layer_constructs.commands.verify", {"aws_cdk", "jsii", "boto3"}),
    ],
)
def test_nothing_heavy_is_imported_before_it_is_needed(module: str, heavy: set[str]) -> None:
    asked = f"import sys; import {module}; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
