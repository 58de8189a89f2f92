"""`layer-constructs revoke`: with boto3 itself, against moto's server, and stubbed where moto is unlike Lambda."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from typing import Any
from urllib.request import Request, urlopen

import boto3
import pytest
from botocore.stub import Stubber
from click.testing import CliRunner, Result
from moto.server import ThreadedMotoServer

from layer_constructs.cli import main
from tests.sharing.test_grants import ONE, ORGANIZATION, OTHER, policy

LAYER_ARN = "arn:aws:lambda:eu-west-1:123456789012:layer:core"


def revoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["revoke", *arguments])


@pytest.fixture(autouse=True)
def own_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Nothing of the machine's AWS configuration."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, credentials: None) -> Iterator[Any]:
    """A layer ``core`` in moto's account: versions 1 and 2 were replaced, 3 is the latest; each is shared."""
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://localhost:{port}")
    urlopen(Request(f"http://localhost:{port}/moto-api/reset", method="POST")).close()  # other tests' accounts
    client = boto3.client("lambda")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as layer:
        layer.writestr("python/one.py", "")
    for version in (1, 2, 3):
        client.publish_layer_version(LayerName="core", Content={"ZipFile": archive.getvalue()})
        for sid, whom in (("one", ONE), ("all", "*")):
            client.add_layer_version_permission(
                LayerName="core",
                VersionNumber=version,
                StatementId=f"{sid}-{version}",
                Action="lambda:GetLayerVersion",
                Principal=whom,
            )
    try:
        yield client
    finally:
        client.close()
        server.stop()


def left(client: Any) -> dict[int, list[str]]:
    """The statements of each version that are in the account."""
    found = {}
    for version in (1, 2, 3):
        try:
            text = client.get_layer_version_policy(LayerName="core", VersionNumber=version)["Policy"]
        except client.exceptions.ResourceNotFoundException:
            text = '{"Statement": []}'
        found[version] = [statement["Sid"] for statement in json.loads(text)["Statement"]]
    return found


ALL = {1: ["one-1", "all-1"], 2: ["one-2", "all-2"], 3: ["one-3", "all-3"]}


def test_it_lists_the_grants_of_replaced_versions_and_removes_nothing(account: Any) -> None:
    done = revoke("core")
    assert (done.exit_code, left(account)) == (0, ALL)
    assert done.stdout.splitlines() == [
        "version  shared with   statement",
        f"      1  {ONE}  one-1",
        "      1  public        all-1",
        f"      2  {ONE}  one-2",
        "      2  public        all-2",
        "nothing was removed; --yes removes them",
    ]


def test_with_yes_it_removes_them_and_the_latest_versions_stay(account: Any) -> None:
    done = revoke("core", "--yes")
    assert (done.exit_code, left(account)) == (0, {1: [], 2: [], 3: ["one-3", "all-3"]})
    assert done.stdout.splitlines()[-1] == "removed 4 grants"
    again = revoke("core", "--yes")
    assert (again.exit_code, again.stdout) == (0, "there are no such grants; the latest version is 3\n")


def test_it_removes_only_what_is_asked_for(account: Any) -> None:
    assert revoke("core", "--keep", "2", "--share", ONE, "--yes").stdout.splitlines()[-1] == "removed 1 grant"
    assert left(account) == {**ALL, 1: ["all-1"]}


def test_the_latest_version_is_touched_only_if_it_is_named(account: Any) -> None:
    assert revoke("core", "--version", "3", "--share", "public", "--yes").exit_code == 0
    assert left(account) == {**ALL, 3: ["one-3"]}


def test_json_is_for_programs_and_asks_nothing(account: Any) -> None:
    done = revoke("core", "--version", "1", "--json")
    assert json.loads(done.stdout) == {
        "layer": "core",
        "latest": 3,
        "grants": [
            {"version": 1, "statement_id": "one-1", "shared_with": ONE},
            {"version": 1, "statement_id": "all-1", "shared_with": "public"},
        ],
        "removed": False,
    }
    assert left(account) == ALL
    assert json.loads(revoke("core", "--version", "1", "--json", "--yes").stdout)["removed"] is True
    assert left(account) == {**ALL, 1: []}


@pytest.mark.parametrize(("answer", "after"), [("y", {**ALL, 1: []}), ("n", ALL), ("", ALL)])
def test_a_terminal_is_asked(account: Any, answer: str, after: dict[int, list[str]]) -> None:
    pty = pytest.importorskip("pty", reason="no terminals here")
    leader, follower = pty.openpty()
    program = "from layer_constructs.cli import main; main(['revoke', 'core', '--version', '1'])"
    with subprocess.Popen([sys.executable, "-c", program], stdin=follower, stdout=follower, stderr=follower) as process:
        os.close(follower)
        os.write(leader, f"{answer}\n".encode())
        text = b""
        with contextlib.suppress(OSError):  # Linux's way to say that nothing more comes
            while more := os.read(leader, 65536):
                text += more
    os.close(leader)
    assert b"remove 2 grants? [y/N]" in text
    assert (process.returncode, left(account)) == (0, after), text


def test_a_layer_that_is_not_there_is_status_1(account: Any) -> None:
    done = revoke("other")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "error: there is no layer 'other' with a version here" in done.stderr


def test_a_region_has_its_own_layers(account: Any) -> None:
    assert revoke("core", "--region", "us-east-1").exit_code == 1


@pytest.fixture
def lambda_(monkeypatch: pytest.MonkeyPatch, credentials: None) -> Iterator[Stubber]:
    """boto3's own client, which checks every parameter; its answers are Lambda's. For what moto doesn't do: pages, an
    ARN for a name, an organisation as a condition, and refusals."""
    client = boto3.client("lambda", region_name="eu-west-1")
    monkeypatch.setattr(boto3.Session, "client", lambda *_, **__: client)
    with Stubber(client) as stubber:
        yield stubber
    client.close()


def versions(stubber: Stubber, *numbers: int, layer: str = "core", **page: str) -> None:
    found = {"LayerVersions": [{"Version": number} for number in numbers]}
    if "following" in page:
        found["NextMarker"] = page["following"]  # type: ignore[assignment] # a member of another type
    marker = {"Marker": page["marker"]} if "marker" in page else {}
    stubber.add_response("list_layer_versions", found, {"LayerName": layer, **marker})


def test_it_reads_every_page_and_an_organisation_and_removes_by_arn(lambda_: Stubber) -> None:
    one = {"LayerName": LAYER_ARN, "VersionNumber": 1}
    versions(lambda_, 52, layer=LAYER_ARN, following="more")
    versions(lambda_, 1, layer=LAYER_ARN, marker="more")
    lambda_.add_response("get_layer_version_policy", {"Policy": policy(a=ORGANIZATION, b=OTHER)}, one)
    lambda_.add_response("remove_layer_version_permission", {}, {**one, "StatementId": "a"})
    done = revoke(LAYER_ARN, "--share", ORGANIZATION, "--yes")
    lambda_.assert_no_pending_responses()
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "removed 1 grant")
    assert ORGANIZATION in done.stdout
    assert OTHER not in done.stdout


def test_a_grant_that_is_gone_meanwhile_is_as_good_as_removed(lambda_: Stubber) -> None:
    versions(lambda_, 2, 1)
    lambda_.add_response("get_layer_version_policy", {"Policy": policy(a=ONE)})
    lambda_.add_client_error("remove_layer_version_permission", "ResourceNotFoundException", http_status_code=404)
    assert revoke("core", "--yes").exit_code == 0


def deny(stubber: Stubber) -> None:
    stubber.add_client_error("list_layer_versions", "AccessDeniedException", "User: me is not authorized", 403)


def throttle(stubber: Stubber) -> None:
    versions(stubber, 2, 1)
    stubber.add_client_error("get_layer_version_policy", "TooManyRequestsException", "Rate exceeded", 429)


def refuse_the_second(stubber: Stubber) -> None:
    versions(stubber, 2, 1)
    stubber.add_response("get_layer_version_policy", {"Policy": policy(a=ONE, b=OTHER)})
    stubber.add_response("remove_layer_version_permission", {})
    stubber.add_client_error("remove_layer_version_permission", "AccessDeniedException", "not authorized", 403)


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        (deny, "AWS refuses ListLayerVersions: AccessDeniedException\n  User: me is not authorized"),
        (throttle, "AWS refuses GetLayerVersionPolicy: TooManyRequestsException\n  Rate exceeded"),
        (refuse_the_second, "AWS refuses RemoveLayerVersionPermission: AccessDeniedException"),
    ],
)
def test_what_aws_refuses_is_status_1_and_said(lambda_: Stubber, answers: Callable[[Stubber], None], says: str) -> None:
    answers(lambda_)
    done = revoke("core", "--yes")
    assert done.exit_code == 1
    assert f"error: {says}" in done.stderr
    assert "removed" not in done.stdout


def test_no_credentials_no_region_and_no_such_profile_are_status_1(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Unable to locate credentials" in revoke("core").stderr
    assert "(nobody) could not be found" in revoke("core", "--profile", "nobody").stderr
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    done = revoke("core")
    assert (done.exit_code, "You must specify a region" in done.stderr) == (1, True)


def test_an_arn_brings_its_region_and_another_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert "Unable to locate credentials" in revoke(LAYER_ARN).stderr
    done = revoke(LAYER_ARN, "--region", "us-east-1")
    assert (done.exit_code, "the layer is in eu-west-1" in done.stderr) == (1, True)


def test_without_boto3_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    done = revoke("core")
    assert done.exit_code == 1
    assert "fix: pip install 'layer-constructs[aws]'" in done.stderr


def test_boto3_is_imported_only_when_aws_is_asked() -> None:
    asked = "import sys; import layer_constructs.commands.revoke; print('boto3' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["core:1"], 1),
        ([f"{LAYER_ARN}:1"], 1),
        (["core", "--share", "1234"], 1),
        (["core", "--version", "0"], 2),
        (["core", "--version", "1", "--keep", "1"], 2),
        ([], 2),
    ],
)
def test_bad_arguments_are_errors_before_aws_is_asked(lambda_: Stubber, arguments: list[str], status: int) -> None:
    done = revoke(*arguments)
    assert (done.exit_code, done.stdout) == (status, "")
    assert done.stderr
