"""`layer-constructs verify`: with boto3 against moto's server, whose layers get the one thing that moto keeps none of:
an address for their content."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.request import Request, urlopen

import boto3
import pytest
from click.testing import CliRunner, Result
from moto.awslambda.models import LayerVersion
from moto.server import ThreadedMotoServer

from layer_constructs.building.cache import Cache
from layer_constructs.building.dependencies import Dependencies
from layer_constructs.building.planning import make_plan
from layer_constructs.building.target import Target
from layer_constructs.commands.verify import DIFFERS, verify
from layer_constructs.errors import LayerError
from layer_constructs.inspection.inspection import Wanted
from layer_constructs.inspection.layer_files import Comparison, compare
from layer_constructs.inspection.subject import plan_layer
from tests.support.wheels import make_wheel


def run(*arguments: str) -> Result:
    return CliRunner().invoke(verify, list(arguments), standalone_mode=True)


@pytest.fixture(autouse=True)
def own_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of the machine's AWS configuration."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    class Content(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = served[self.path]
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            """Nothing."""

    served: dict[str, bytes] = {}
    files = ThreadingHTTPServer(("localhost", 0), Content)
    Thread(target=files.serve_forever, daemon=True).start()
    real = LayerVersion.get_layer_version

    def with_address(version: LayerVersion) -> dict[str, Any]:
        said = real(version)
        path = f"/{version.name}/{version.version}"
        served.setdefault(path, version.code_bytes)
        said["Content"]["Location"] = f"http://localhost:{files.server_port}{path}"
        return said

    monkeypatch.setattr(LayerVersion, "get_layer_version", with_address)
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    port = server.get_host_and_port()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://localhost:{port}")
    urlopen(Request(f"http://localhost:{port}/moto-api/reset", method="POST")).close()  # other tests' accounts
    client = boto3.client("lambda", region_name="eu-west-1")
    client.served = served
    try:
        yield client
    finally:
        client.close()
        server.stop()
        files.shutdown()
        files.server_close()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    make_wheel(tmp_path / "dists", "tiny", "1.0")
    (tmp_path / "req.txt").write_text("--no-index\n--find-links dists\ntiny\n", encoding="utf-8")
    return tmp_path


def lock_and_build(project: Path) -> bytes:
    """What the construct would publish."""
    cache, dependencies = Cache.default(), Dependencies(requirements=Path("req.txt"))
    make_plan(dependencies, Target(), cache=cache)
    planned = plan_layer(dependencies, wanted=Wanted(), cache=cache)
    return planned.built(cache=cache, label="req.txt").archive.read_bytes()


def publish(client: Any, archive: bytes, **more: Any) -> str:
    done = client.publish_layer_version(LayerName="core", Content={"ZipFile": archive}, **more)
    return str(done["LayerVersionArn"])


def changed(archive: bytes, change: Callable[[zipfile.ZipInfo, bytes], bytes | None], **extra: bytes) -> bytes:
    """A zip with other members; None leaves one out."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(made, "w") as new:
        for member in old.infolist():
            body = change(member, old.read(member))
            if body is not None:
                new.writestr(member, body)
        for name, body in extra.items():
            new.writestr(name, body)
    return made.getvalue()


def test_what_was_published_from_the_lock_is_the_same(account: Any, project: Path) -> None:
    arn = publish(account, lock_and_build(project), CompatibleRuntimes=["python3.13"])
    done = run(arn, "--requirements", "req.txt")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{arn} has the files that req.txt for python3.13/x86_64 gives: ")


def test_how_it_was_zipped_does_not_matter(account: Any, project: Path) -> None:
    def recompress(member: zipfile.ZipInfo, body: bytes) -> bytes:
        member.compress_type, member.date_time = zipfile.ZIP_STORED, (2001, 1, 1, 1, 1, 0)
        return body

    arn = publish(account, changed(lock_and_build(project), recompress, **{"python/": b""}))
    assert run(arn, "--requirements", "req.txt").exit_code == 0


def test_every_file_that_differs_is_named(account: Any, project: Path) -> None:
    def meddle(member: zipfile.ZipInfo, body: bytes) -> bytes | None:
        if member.filename.endswith("METADATA"):
            return None
        if member.filename.endswith("WHEEL"):
            member.external_attr = 0o100777 << 16
        return body + b"import evil\n" if member.filename.endswith(".py") else body

    arn = publish(account, changed(lock_and_build(project), meddle, **{"python/evil.pth": b"import os"}))
    done = run(arn, "--requirements", "req.txt", "--json")
    assert done.exit_code == DIFFERS
    said = json.loads(done.stdout)
    assert (said["same"], said["layer_version"]) == (False, arn)
    assert said["missing"] == ["python/tiny-1.0.dist-info/METADATA"]
    assert said["extra"] == ["python/evil.pth"]
    assert said["modes"] == ["python/tiny-1.0.dist-info/WHEEL"]
    assert [Path(name).suffix for name in said["different"]] == [".py"]
    text = run(arn, "--requirements", "req.txt").stdout
    assert text.startswith(f"{arn} is not what req.txt for python3.13/x86_64 gives\n")
    assert "only in what is published: 1\n  python/evil.pth\n" in text


def test_a_download_that_is_not_what_aws_names_is_refused(account: Any, project: Path) -> None:
    arn = publish(account, lock_and_build(project))
    account.served["/core/1"] = b"something else"
    done = run(arn, "--requirements", "req.txt")
    assert done.exit_code == 1
    assert "is not what AWS says it is" in str(done.exception)


def test_without_a_lock_there_is_nothing_to_compare_with(account: Any, project: Path) -> None:
    done = run("arn:aws:lambda:eu-west-1:123456789012:layer:core:1", "--requirements", "req.txt")
    assert isinstance(done.exception, LayerError)
    assert str(done.exception).startswith("pylock.req.toml: there is no such lock")
    assert not (project / "pylock.req.toml").exists()


@pytest.mark.parametrize("arn", ["core:1", "arn:aws:lambda:::awslayer:AmazonLinux1803", "arn:aws:s3:::x"])
def test_only_the_arn_of_a_version_will_do(arn: str, project: Path) -> None:
    assert f"{arn!r} is not the ARN of a layer version" in str(run(arn, "--requirements", "req.txt").exception)


def test_a_version_that_is_not_there_is_said(account: Any, project: Path) -> None:
    lock_and_build(project)
    done = run("arn:aws-cn:lambda:cn-north-1:123456789012:layer:none:4", "--requirements", "req.txt")
    assert str(done.exception).startswith("AWS refuses GetLayerVersion: ResourceNotFoundException")


def test_links_and_the_last_of_two_with_one_name_count() -> None:
    def zipped(*members: tuple[str, int, bytes]) -> io.BytesIO:
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as archive:
            for name, mode, body in members:
                info = zipfile.ZipInfo(name)
                info.external_attr = mode << 16
                archive.writestr(info, body)
        return made

    def names(**found: tuple[str, ...]) -> Comparison:
        return Comparison(files=1, **{"missing": (), "extra": (), "different": (), "modes": (), **found})

    link, file = ("a", 0o120777, b"there"), ("a", 0o100644, b"there")
    assert compare(zipped(link), zipped(link)) == names()
    assert compare(zipped(link), zipped(file)) == names(different=("a",))
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = zipped(("a", 0o100644, b"old"), file)
    assert compare(twice, zipped(file)) == names()
