"""A real AWS API on this machine, and the CDK's CLI that deploys to it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

ROOT = Path(__file__).parents[2]
CDK = ROOT / "node_modules" / ".bin" / "cdk"

ACCOUNT = "123456789012"  # moto's own
REGION = "us-east-1"
SERVER = "tests.support.cloudformation"  # by its name: moto asks each model for its module's
_PATIENCE = 30.0
_LONGEST = 180.0  # of one command, which takes 5 s on a machine that does nothing else


@dataclass(frozen=True, kw_only=True, slots=True)
class Api:
    """:param home: of the CLI, which remembers accounts there."""

    port: int
    home: Path

    @property
    def environment(self) -> Mapping[str, str]:
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_"))},
            "AWS_ENDPOINT_URL": f"http://localhost:{self.port}",  # moto finds no template under 127.0.0.1
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": str(self.home / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.home / "credentials"),
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "CDK_HOME": str(self.home),  # not HOME: in another one, jsii unpacks the CDK for 40 s
            "NO_PROXY": "localhost",
            "no_proxy": "localhost",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "LAYER_CONSTRUCTS_QUIET": "1",
        }

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=f"http://localhost:{self.port}",
            region_name=REGION,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )

    def cdk(self, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
        """Run the CLI, in a folder with an app or none."""
        done = subprocess.run(
            [str(CDK), "--no-notices", "--ci", *arguments],
            cwd=folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=_LONGEST,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done


@contextmanager
def running(folder: Path) -> Iterator[Api]:
    """The API until the end of the block.

    :param folder: for the CLI's home and the server's log.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    home, log = folder / "home", folder / "moto.log"
    home.mkdir()
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-c", f"from {SERVER} import serve; serve()", "-p", str(port)],
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait(server, port, log)
            yield Api(port=port, home=home)
        finally:
            server.terminate()
            server.wait(timeout=_PATIENCE)


def _wait(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until and server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(f"moto's server doesn't answer: {log.read_text(encoding='utf-8')}")
