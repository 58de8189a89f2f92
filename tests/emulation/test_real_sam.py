"""`sam local invoke` on what is synthesised, up to where SAM asks for its image: which function, layers and paths.

SAM itself does that, on an answering machine in the place of a container engine, so that nothing is pulled.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.support.wheels import make_wheel

pytestmark = pytest.mark.real

ROOT = Path(__file__).parents[2]

APP = """
import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from layer_constructs import PythonDepsLayer

app = cdk.App()
stack = cdk.Stack(app, "Stack")
same = dict(requirements="req.txt", runtime=lambda_.Runtime.PYTHON_3_13)
folder = PythonDepsLayer(stack, "Folder", asset_format="directory", **same)
other = lambda_.LayerVersion(stack, "Other", code=lambda_.Code.from_asset("other"))
lambda_.Function(stack, "Function", runtime=lambda_.Runtime.PYTHON_3_13, handler="index.handler",
                 code=lambda_.Code.from_asset("code"), layers=[folder, other])
app.synth()
"""

# What the CDK's command line passes to an app, without which templates don't say where assets are.
CONTEXT = {"aws:cdk:enable-asset-metadata": True, "aws:cdk:enable-path-metadata": True}


@pytest.fixture
def engine() -> Iterator[str]:
    """Says that it is there and has no image."""

    class Engine(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.endswith(("/_ping", "/version")):
                self.answer(200, {"ApiVersion": "1.44", "Version": "1"})
            else:
                self.answer(404, {"message": "no such image"})

        def do_HEAD(self) -> None:
            self.answer(200, {})

        def do_POST(self) -> None:
            self.answer(500, {"message": "here it ends"})

        def answer(self, status: int, body: object) -> None:
            said = b"" if self.command == "HEAD" else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Api-Version", "1.44")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *arguments: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Engine)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"tcp://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_sam_finds_the_function_and_each_layer_in_its_order(tmp_path: Path, engine: str) -> None:
    sam = shutil.which("sam", path=str(ROOT / ".tools" / "bin")) or shutil.which("sam")
    if sam is None:
        pytest.skip("no AWS SAM CLI here: `make test` installs it into .tools")
    make_wheel(tmp_path / "dists", "tiny", "1.0")
    (tmp_path / "req.txt").write_text("--no-index\n--find-links dists\ntiny\n", encoding="utf-8")
    for name in ("code", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.py").write_text(f"# {name}\ndef handler(event, context): ...\n", encoding="utf-8")
    (tmp_path / "app.py").write_text(APP, encoding="utf-8")
    outdir = tmp_path / "cdk.out"
    environment = {**os.environ, "CDK_OUTDIR": str(outdir), "CDK_CONTEXT_JSON": json.dumps(CONTEXT)}
    made = subprocess.run(
        [sys.executable, "app.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr

    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAM_", "DOCKER_"))}
    home = tmp_path / "home"
    home.mkdir()
    done = subprocess.run(
        [sam, "local", "invoke", "--template", str(outdir / "Stack.template.json"), "Function", "--debug",
         "--region", "us-east-1"],
        cwd=tmp_path,
        env={**kept, "HOME": str(home), "DOCKER_HOST": engine, "SAM_CLI_TELEMETRY": "0"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )  # fmt: skip
    log = done.stderr
    resources = json.loads((outdir / "Stack.template.json").read_text(encoding="utf-8"))["Resources"]
    (function,) = (each for each in resources.values() if each["Type"] == "AWS::Lambda::Function")
    layers = [layer["Ref"] for layer in function["Properties"]["Layers"]]
    assert "Found one Lambda function with name 'Function'" in log
    assert "Invoking index.handler (python3.13)" in log
    assert f"Resolved real code path to {outdir / function['Metadata']['aws:asset:path']}" in log
    places = [log.index(f"{layer} is a local Layer in the template") for layer in layers]
    assert places == sorted(places)
    for layer in layers:
        path = outdir / resources[layer]["Metadata"]["aws:asset:path"]
        assert f"CodeUri={path}\n" in log
        assert path.is_dir()
    assert (outdir / resources[layers[0]]["Metadata"]["aws:asset:path"] / "python" / "tiny.py").is_file()
    # The rest is an engine's: it wants to make an image of Lambda's, with the layers in it.
    assert log.index("Local image was not found") > places[-1]
    assert "here it ends" in log
