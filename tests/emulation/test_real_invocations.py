"""Functions of a real app in AWS's own emulator, under the Pythons of this machine and in a container."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from layer_constructs.building.cache import Cache
from layer_constructs.emulation.function import NotRunnableError
from layer_constructs.emulation.runtime import LambdaRuntime
from layer_constructs.errors import ArgumentError, EngineError, LayerError
from tests.conftest import ci_variables
from tests.support.engine import needs_images

IMAGE = "localhost/layer-constructs/python3.13:trixie-amd64"
ARM_IMAGE = "localhost/layer-constructs/python3.13:trixie"

pytestmark = [pytest.mark.real, pytest.mark.network]

HANDLER = """
import os, sys
import tiny, which

def handler(event, context):
    print("a line of the log")
    return {
        "event": event, "tiny": tiny.VALUE, "which": which.LAYER, "where": tiny.__file__,
        "python": "%d.%d" % sys.version_info[:2], "left": context.get_remaining_time_in_millis(),
        "memory": context.memory_limit_in_mb, "name": context.function_name, "region": os.environ["AWS_REGION"],
        "color": os.environ.get("COLOR"),
        "secret": os.environ.get("OUTSIDE"), "task": os.environ["LAMBDA_TASK_ROOT"], "cwd": os.getcwd(),
        "tool": os.popen("tool").read().strip(),
        "pytest": __import__("importlib.util").util.find_spec("pytest") is not None,
    }

def fails(event, context):
    raise ValueError("this is wrong")

def sleeps(event, context):
    __import__("time").sleep(30)

def uses_the_sdk(event, context):
    import boto3
    return boto3.client("lambda", region_name="eu-west-1").meta.region_name
"""

# A runtime of a few lines: it asks the Runtime API for events and answers each (Lambda developer guide, "Building a
# custom runtime").
BOOTSTRAP = r"""#!/bin/sh
echo "custom runtime for $_HANDLER" >&2
exec python3 -S - <<'EOF'
import http.client, json, os
while True:
    api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    got = api.getresponse()
    event = json.loads(got.read())
    answer = json.dumps({"served": event, "by": os.environ["_HANDLER"], "data": open("/opt/data.txt").read()})
    where = "/2018-06-01/runtime/invocation/%s/response" % got.headers["Lambda-Runtime-Aws-Request-Id"]
    api.request("POST", where, answer)
    api.getresponse().read()
EOF
"""

# Registers for events and waits for one after the other (Lambda developer guide, "Lambda Extensions API").
EXTENSION = r"""#!/bin/sh
exec python3 -S - <<'EOF'
import http.client, json, os
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
events = json.dumps({"events": ["INVOKE"]})
api.request("POST", "/2020-01-01/extension/register", events, {"Lambda-Extension-Name": "noted"})
got = api.getresponse()
got.read()
print("the extension is there", flush=True)
while True:
    known = {"Lambda-Extension-Identifier": got.headers["Lambda-Extension-Identifier"]}
    api.request("GET", "/2020-01-01/extension/event/next", headers=known)
    api.getresponse().read()
EOF
"""

APP = """
import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from layer_constructs import PythonDepsLayer

app = cdk.App()
stack = cdk.Stack(app, "Stack")

def layer(name, scope=stack):
    return lambda_.LayerVersion(scope, name, code=lambda_.Code.from_asset(f"layers/{name}"))

tiny, first, second, runtime = (layer(name) for name in ("tiny", "first", "second", "runtime"))
code = lambda_.Code.from_asset("code")
for minor in (9, 10, 11, 12, 13, 14):
    lambda_.Function(stack, f"Python3{minor}", runtime=lambda_.Runtime(f"python3.{minor}"), handler="index.handler",
                     code=code, layers=[tiny, first, second], memory_size=512, timeout=cdk.Duration.seconds(20),
                     environment={"COLOR": "blue", "ID": stack.account})
python = dict(runtime=lambda_.Runtime.PYTHON_3_11, code=code)
both = dict(**python, layers=[tiny, first])
lambda_.Function(stack, "Fails", handler="index.fails", **both)
lambda_.Function(stack, "Sleeps", handler="index.sleeps", timeout=cdk.Duration.seconds(1), **both)
lambda_.Function(stack, "Sdk", handler="index.uses_the_sdk", timeout=cdk.Duration.seconds(20), **both)
lambda_.Function(stack, "NoLayer", handler="index.handler", **python)
lambda_.Function(stack, "Arm", handler="index.handler", runtime=lambda_.Runtime.PYTHON_3_13, code=code,
                 layers=[tiny, first], architecture=lambda_.Architecture.ARM_64, timeout=cdk.Duration.seconds(60))
lambda_.Function(stack, "Custom", runtime=lambda_.Runtime.PROVIDED_AL2023, handler="the.handler",
                 code=lambda_.Code.from_asset("empty"), layers=[runtime])
lambda_.Function(stack, "NoBootstrap", runtime=lambda_.Runtime.PROVIDED_AL2023, handler="the.handler",
                 code=lambda_.Code.from_asset("empty"), layers=[tiny])
lambda_.Function(stack, "Extended", runtime=lambda_.Runtime.PYTHON_3_11, handler="index.handler",
                 code=lambda_.Code.from_inline("def handler(event, context): return 1"),
                 layers=[layer("extension")], timeout=cdk.Duration.seconds(20))
deps = PythonDepsLayer(stack, "Deps", requirements="req.txt", runtime=lambda_.Runtime.PYTHON_3_11)
inline = lambda_.Code.from_inline("import six\\ndef handler(event, context): return six.__version__")
lambda_.Function(stack, "Inline", runtime=lambda_.Runtime.PYTHON_3_11, handler="index.handler", code=inline,
                 layers=[deps])
inner = cdk.Stack(cdk.Stage(app, "Stage"), "Inner", env=cdk.Environment(region="cn-north-1"))
nested = cdk.NestedStack(inner, "Nested")
lambda_.Function(nested, "Deep", handler="index.handler", runtime=lambda_.Runtime.PYTHON_3_11,
                 code=lambda_.Code.from_asset("code"), timeout=cdk.Duration.seconds(20),
                 layers=[layer("tiny", nested), layer("first", inner)])
app.synth()
"""


def write(path: Path, text: str, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)


@pytest.fixture(scope="module")
def outdir(tmp_path_factory: pytest.TempPathFactory, shared_layer_cache: Path) -> Path:
    folder = tmp_path_factory.mktemp("app")
    write(folder / "app.py", APP)
    write(folder / "req.txt", "six==1.17.0\n")
    write(folder / "code" / "index.py", HANDLER)
    write(folder / "empty" / "README", "nothing\n")
    write(folder / "layers" / "tiny" / "python" / "tiny.py", "VALUE = 1\n")
    write(folder / "layers" / "tiny" / "bin" / "tool", "#!/bin/sh\necho a tool\n", 0o755)
    for name in ("first", "second"):
        write(folder / "layers" / name / "python" / "which.py", f"LAYER = {name!r}\n")
    write(folder / "layers" / "runtime" / "bootstrap", BOOTSTRAP, 0o755)
    write(folder / "layers" / "runtime" / "data.txt", "data")
    write(folder / "layers" / "extension" / "extensions" / "noted", EXTENSION, 0o755)
    done = subprocess.run(
        [sys.executable, "app.py"],
        cwd=folder,
        env={
            # Of the module, so before what each test gets: on a CI system no lock would be made.
            **{name: value for name, value in os.environ.items() if name not in ci_variables()},
            "CDK_OUTDIR": str(folder / "cdk.out"),
            "LAYER_CONSTRUCTS_CACHE_DIR": str(shared_layer_cache),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "cdk.out"


@pytest.mark.parametrize("minor", range(9, 15))
def test_a_handler_runs_with_its_layers_under_the_runtimes_own_python(
    outdir: Path, pythons: Mapping[str, Path], minor: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if f"3.{minor}" not in pythons:
        pytest.skip(f"no Python 3.{minor} on this machine")
    monkeypatch.setenv("OUTSIDE", "not for functions")
    done = LambdaRuntime.of(outdir, f"Stack/Python3{minor}").invoke({"a": ["ü"]})
    assert done.error is None, done.log
    response = done.response
    assert {name: response[name] for name in ("event", "tiny", "which", "python", "memory", "color", "secret")} == {
        "event": {"a": ["ü"]},
        "tiny": 1,
        "which": "second",  # the later layer's
        "python": f"3.{minor}",
        "memory": "512",
        "color": "blue",
        "secret": None,
    }
    assert response["cwd"] == response["task"]
    assert response["tool"] == "a tool"
    assert not response["pytest"]  # what this machine's Python has is not there
    assert 0 < response["left"] <= 20_000
    assert done.log == "a line of the log\n"
    assert done.init_seconds
    assert 0 < done.init_seconds <= done.seconds
    assert "ID is not set: its value is known only when it's deployed" in done.notes


def test_opt_is_the_real_path_or_it_is_said_what_it_is(outdir: Path) -> None:
    done = LambdaRuntime.of(outdir, "Stack/Python311").invoke()
    assert done.error is None
    said = [note for note in done.notes if note.startswith("/opt is ")]
    assert done.response["where"].startswith("/opt/python/" if not said else said[0].split()[2])


def test_without_the_right_to_mount_it_runs_all_the_same(outdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "unshare" else real(name))
    done = LambdaRuntime.of(outdir, "Stack/Python311").invoke()
    assert (done.error, done.response["which"], done.response["tool"]) == (None, "second", "a tool")
    assert any(note.startswith("/opt is /") for note in done.notes)


def test_a_stage_and_a_nested_stack_are_no_hindrance(outdir: Path) -> None:
    done = LambdaRuntime.of(outdir, "Stage/Inner/Nested/Deep").invoke()
    assert (done.error, done.response["which"], done.response["region"]) == (None, "first", "cn-north-1")


def test_a_layer_of_this_library_serves_inline_code(outdir: Path) -> None:
    done = LambdaRuntime.of(outdir, "Stack/Inline").invoke()
    assert (done.error, done.response) == (None, "1.17.0")


def test_a_custom_runtime_layer_really_serves_an_invocation(outdir: Path) -> None:
    done = LambdaRuntime.of(outdir, "Stack/Custom").invoke({"n": 7})
    assert done.error is None, done.log
    assert done.response == {"served": {"n": 7}, "by": "the.handler", "data": "data"}
    assert done.log == "custom runtime for the.handler\n"


def test_an_extension_of_a_layer_is_started(outdir: Path) -> None:
    done = LambdaRuntime.of(outdir, "Stack/Extended").invoke()
    assert done.response == 1
    if not any(note.startswith("/opt is ") for note in done.notes):
        assert "the extension is there\n" in done.log


def test_what_the_function_raises_is_its_error(outdir: Path) -> None:
    done = LambdaRuntime.of(outdir, "Stack/Fails").invoke()
    assert done.response is None
    assert done.error
    assert (done.error.type, done.error.message) == ("ValueError", "this is wrong")
    assert "in fails" in done.error.stack_trace[0]


def test_a_missing_layer_is_the_reason_that_the_handler_does_not_import(outdir: Path) -> None:
    done = LambdaRuntime.of(outdir, "Stack/NoLayer").invoke()
    assert str(done.error) == ("Unable to import module 'index': No module named 'tiny' (Runtime.ImportModuleError)")
    assert "LAMBDA_WARNING" not in done.log


def test_its_timeout_ends_it_and_a_user_can_name_another(outdir: Path) -> None:
    done = LambdaRuntime.of(outdir, "Stack/Sleeps").invoke()
    assert str(done.error) == "Task timed out after 1.00 seconds (Sandbox.Timedout)"
    assert LambdaRuntime.of(outdir, "Stack/Sleeps", timeout=9).function.timeout == 9


def test_the_runtimes_sdk_is_there(outdir: Path) -> None:
    assert LambdaRuntime.of(outdir, "Stack/Sdk").invoke().response == "eu-west-1"


def test_nothing_is_left_running(outdir: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    LambdaRuntime.of(outdir, "Stack/Fails").invoke(port=port)
    LambdaRuntime.of(outdir, "Stack/Fails").invoke(port=port)  # the port is free again


def test_a_port_that_is_taken_is_an_error(outdir: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ArgumentError, match=f"can't listen on port {port}: Address already in use"):
            LambdaRuntime.of(outdir, "Stack/Fails").invoke(port=port)


@pytest.fixture
def podman(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container engine with the images of this project: AWS's can't be fetched everywhere."""
    needs_images(IMAGE, ARM_IMAGE)
    monkeypatch.setenv("CDK_DOCKER", "podman")


def containers() -> set[str]:
    listed = subprocess.run(
        ["podman", "ps", "-a", "--format", "{{.Names}}"], capture_output=True, text=True, check=True
    )
    return {name for name in listed.stdout.split() if name.startswith(f"layer-constructs-{os.getpid()}-")}


@pytest.mark.usefixtures("podman")
def test_it_runs_in_a_container_as_on_lambda(outdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTSIDE", "not for functions")
    done = LambdaRuntime.of(outdir, "Stack/Python313", image=IMAGE).invoke({"a": "ü"})
    assert done.error is None, done.log
    expected = {
        "event": {"a": "ü"},
        "where": "/opt/python/tiny.py",
        "which": "second",
        "task": "/var/task",
        "cwd": "/var/task",
        "tool": "a tool",
        "color": "blue",
        "secret": None,
    }
    assert {name: done.response[name] for name in expected} == expected
    assert containers() == set()


@pytest.mark.usefixtures("podman")
def test_a_custom_runtime_serves_in_a_container(outdir: Path) -> None:
    done = LambdaRuntime.of(outdir, "Stack/Custom", image=IMAGE).invoke({"n": 7})
    assert done.response == {"served": {"n": 7}, "by": "the.handler", "data": "data"}


@pytest.mark.usefixtures("podman")
def test_a_function_of_another_architecture_runs_in_a_container(outdir: Path) -> None:
    done = LambdaRuntime.of(outdir, "Stack/Arm", image=ARM_IMAGE).invoke()
    assert (done.error, done.response and done.response["which"]) == (None, "first"), done.log


@pytest.mark.usefixtures("podman")
def test_a_container_is_gone_after_an_error_too(outdir: Path) -> None:
    done = LambdaRuntime.of(outdir, "Stack/Python311", image=IMAGE).invoke()  # it has Python 3.13
    assert done.error
    assert "python3.11: not found" in done.error.message
    assert containers() == set()


def test_without_an_image_or_an_engine_it_says_so(outdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDK_DOCKER", "no-such-engine")
    with pytest.raises(EngineError, match="there is no no-such-engine on this machine") as caught:
        LambdaRuntime.of(outdir, "Stack/Python313", container=True).invoke()
    assert "wheels" not in str(caught.value)  # that is what helps a build


def test_an_event_that_is_no_json_is_an_error(outdir: Path) -> None:
    for event in ({1, 2}, float("nan")):
        with pytest.raises(ArgumentError, match="the event is no JSON"):
            LambdaRuntime.of(outdir, "Stack/Fails").invoke(event)


def test_a_function_of_another_architecture_is_for_a_container(outdir: Path) -> None:
    with pytest.raises(NotRunnableError, match=r"Stack/Arm is for Linux on arm64, and this machine is Linux on x86_64"):
        LambdaRuntime.of(outdir, "Stack/Arm").invoke()


def test_a_custom_runtime_without_its_program_is_an_error(outdir: Path) -> None:
    with pytest.raises(NotRunnableError, match="no file bootstrap in its code or a layer\n  layers: Stack/tiny"):
        LambdaRuntime.of(outdir, "Stack/NoBootstrap").invoke()


def test_without_network_and_cache_it_says_what_is_missing(
    outdir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    with pytest.raises(LayerError, match="AWS's runtime emulator is not in the cache yet, and can't be fetched"):
        LambdaRuntime.of(outdir, "Stack/Fails", cache=Cache(tmp_path / "cache")).invoke()
