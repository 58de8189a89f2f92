"""`layer-constructs policy`: what it prints, and that it prints the same with no CDK at all."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from layer_constructs.approval import catalog_file
from layer_constructs.approval.catalog import LayerCatalog
from layer_constructs.approval.policy_size import document
from layer_constructs.commands.policy import FORMS, policy
from layer_constructs.errors import ArgumentError, LayerError

CATALOG = """\
version: 1
layers:
  - name: core
    account: "111122223333"
    min_version: 12
    required_as: core
  - arn: arn:aws-cn:lambda:cn-north-1:111122223333:layer:core:3
revoked:
  - arn: arn:aws:lambda:eu-west-1:111122223333:layer:core:14
"""


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    path = tmp_path / "catalog.yaml"
    path.write_text(CATALOG, encoding="utf-8")
    return path


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(policy, [str(argument) for argument in arguments])


@pytest.mark.parametrize("form", FORMS)
def test_each_form_is_a_policy_and_the_same_each_time(form: str, catalog: Path) -> None:
    done = run(catalog, "--form", form)
    assert done.exit_code == 0, done.output
    made = json.loads(done.stdout)
    assert made["Version"] == "2012-10-17"
    assert made["Statement"]
    assert len({statement["Sid"] for statement in made["Statement"]}) == len(made["Statement"])
    assert all(statement["Sid"].isalnum() for statement in made["Statement"])
    assert run(catalog, "--form", form).stdout == done.stdout


def test_it_is_what_the_catalog_compiles_to(catalog: Path) -> None:
    loaded = LayerCatalog.load(catalog)
    assert json.loads(run(catalog, "--form", "scp").stdout) == document(loaded.deny_statements("scp"))
    part = loaded.only(regions=["eu-west-1"])
    assert json.loads(run(catalog, "--form", "scp", "--region", "eu-west-1").stdout) == document(
        part.deny_statements("scp")
    )
    assert "aws-cn" not in run(catalog, "--form", "get-layer-version", "--partition", "aws").stdout


def test_an_scp_has_no_white_space_since_it_would_count(catalog: Path) -> None:
    assert not set(" \n") & set(run(catalog, "--form", "scp").stdout.rstrip("\n"))


def test_it_writes_a_file(catalog: Path, tmp_path: Path) -> None:
    done = run(
        catalog, "--form", "publishing", "--publisher", "arn:aws:iam::*:role/pipeline", "--output", tmp_path / "out"
    )
    assert (done.exit_code, done.stdout) == (0, "")
    assert "role/pipeline" in (tmp_path / "out").read_text(encoding="utf-8")


def test_the_schema_is_printed() -> None:
    assert run("--schema").stdout == catalog_file.schema()


@pytest.mark.parametrize(
    "arguments",
    [[], ["x.yaml"], ["--form", "scp"], ["x.yaml", "--schema"], ["x.yaml", "--form", "scp", "--publisher", "a"],
     ["x.yaml", "--form", "rcp"]],
)  # fmt: skip
def test_arguments_that_say_too_little_or_too_much_are_told(arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


def test_a_mistake_is_an_error_of_ours(catalog: Path, tmp_path: Path) -> None:
    assert isinstance(run(tmp_path / "none.yaml", "--form", "scp").exception, LayerError)
    assert isinstance(run(catalog, "--form", "scp", "--output", tmp_path).exception, ArgumentError)
    catalog.write_text(
        "version: 1\nlayers:\n  - arn: arn:aws:lambda:eu-west-1:111122223333:layer:core:3\n", encoding="utf-8"
    )
    nothing = run(catalog, "--form", "scp", "--region", "eu-wset-1").exception
    assert "eu-wset-1: a policy for there would refuse every layer" in str(nothing)
    catalog.write_text("version: 1\nlayers: []\n", encoding="utf-8")
    assert run(catalog, "--form", "scp").exit_code == 0
    assert isinstance(run(catalog, "--form", "revocations").exception, ArgumentError)


def test_neither_the_cdk_nor_node_is_needed(catalog: Path) -> None:
    program = (
        "import sys\n"
        "for name in ('aws_cdk', 'constructs', 'jsii'): sys.modules[name] = None\n"
        "from layer_constructs.commands.policy import policy\n"
        "policy()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(catalog), "--form", "identity"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["Statement"]
