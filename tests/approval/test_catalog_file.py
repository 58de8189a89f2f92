"""A catalog as a file: what it may say, what each mistake is told as, and that it is written as it was read."""

from __future__ import annotations

import json
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from layer_constructs.approval import catalog_file, presets
from layer_constructs.approval.approved_layer import ApprovedLayer
from layer_constructs.approval.catalog import LayerCatalog
from layer_constructs.approval.catalog_reader import CatalogFileError
from layer_constructs.errors import ArgumentError
from tests.approval.test_proof import Case, cases

SCHEMA = json.loads(catalog_file.schema())
VALIDATOR: Any = import_module("jsonschema").Draft202012Validator(SCHEMA)  # it has no types
ARN = "arn:aws:lambda:eu-west-1:111122223333:layer:core:12"


def load(folder: Path, text: str) -> LayerCatalog:
    path = folder / "catalog.yaml"
    path.write_text(text, encoding="utf-8")
    return LayerCatalog.load(path)


def accepted(text: str) -> bool:
    """Whether the schema accepts it; a day is a text in JSON."""
    data = json.loads(json.dumps(yaml.safe_load(text), default=str))
    return bool(VALIDATOR.is_valid(data))


@settings(deadline=None, max_examples=60, derandomize=True)
@given(cases(), st.text(st.characters(codec="utf-8"), min_size=1, max_size=20).filter(str.strip))
def test_what_was_saved_reads_as_the_same_again(
    tmp_path_factory: pytest.TempPathFactory, case: Case, text: str
) -> None:
    made = case.catalog() | LayerCatalog(
        ApprovedLayer.preset("cdk", reason=text, owner=text, required_as="A1"), ApprovedLayer.account("012345678901")
    )
    seen = {entry.selection: entry for entry in made.entries}
    made = LayerCatalog(*seen.values(), revoked={each.arn: each for each in made.revoked}.values())
    path = tmp_path_factory.mktemp("catalog") / "catalog.yaml"
    made.save(path)
    assert LayerCatalog.load(path) == made
    before = path.read_bytes()
    LayerCatalog.load(path).save(path)
    assert path.read_bytes() == before
    assert accepted(before.decode())


def test_a_saved_catalog_reads_well(tmp_path: Path) -> None:
    catalog = LayerCatalog(
        ApprovedLayer.named("core", account="012345678901", min_version=2, regions=["eu-west-1"], owner="platform"),
        ApprovedLayer.own_account(expires=date(2027, 1, 31)),
    ).revoke(ARN, since=date(2027, 2, 1))
    catalog.save(tmp_path / "catalog.yaml")
    assert (tmp_path / "catalog.yaml").read_text(encoding="utf-8") == (
        "version: 1\n"
        "layers:\n"
        '  - name: "core"\n'
        '    account: "012345678901"\n'
        "    min_version: 2\n"
        '    regions: ["eu-west-1"]\n'
        '    owner: "platform"\n'
        "  - own_account: true\n"
        "    expires: 2027-01-31\n"
        "revoked:\n"
        f'  - arn: "{ARN}"\n'
        "    since: 2027-02-01\n"
    )


@pytest.mark.parametrize(
    "entry",
    [
        ApprovedLayer.account("${Token[AWS.AccountId.4]}"),
        ApprovedLayer.own_account(regions=["${Token[AWS.Region.4]}"]),
        ApprovedLayer.arn("arn:${Token[AWS.Partition.3]}:lambda:eu-west-1:111122223333:layer:core:12"),
    ],
)
def test_a_token_can_not_be_saved(entry: ApprovedLayer, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="known only at deployment, and can't be saved"):
        LayerCatalog(entry).save(tmp_path / "catalog.yaml")
    assert not (tmp_path / "catalog.yaml").exists()


START = "version: 1\nlayers:\n"
NAMED = '  - name: core\n    account: "111122223333"\n'


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("", None, "is empty"),
        ("layers: []\n", 1, "needs 'version'"),
        ("version: 1\n", 1, "needs 'layers'"),
        ("version: 2\nlayers: []\n", 1, "version is 2, and this program knows 1"),
        ('version: "1"\nlayers: []\n', 1, "version is 1, and must be a number from 1"),
        ("version: 1\nlayer: []\n", 2, "a catalog has no 'layer'"),
        ("version: 1\nlayers: {}\n", 2, "layers must be a list"),
        ("- arn\n", 1, "a catalog must be a mapping"),
        (START + "  - core\n", 3, "an entry must be a mapping"),
        (START + "  - reason: why\n", 3, "doesn't say what it approves"),
        (START + NAMED + "    min_versoin: 3\n", 5, "has no 'min_versoin'"),
        (START + NAMED + "    name: other\n", 5, "name stands twice in one entry"),
        (START + "  - name: core\n", 3, "an entry with name needs 'account'"),
        (
            START + "  - name: core\n    account: 111122223333\n",
            4,
            "account is 111122223333, and must be a text: write it",
        ),
        (START + NAMED + '    min_version: "3"\n', 5, "min_version is 3, and must be a number"),
        (START + NAMED + "    min_version: 3.5\n", 5, "must be a number"),
        (START + NAMED + "    min_version: 3\n    max_version: 2\n", 3, "no version is between"),
        (START + NAMED + "    regions: eu-west-1\n", 5, "regions must be a list"),
        (START + NAMED + "    regions: [eu-west-1, 3]\n", 5, "regions is 3, and must be a text"),
        (START + NAMED + "    expires: soon\n", 5, "expires is soon, and must be a day"),
        (START + NAMED + "    expires: 2027-02-30\n", 5, "must be a day"),
        (START + NAMED + "    expires: 2027-01-31T10:00:00Z\n", 5, "must be a day"),
        (START + NAMED + "    reason: [a]\n", 5, "reason is a sequence"),
        (START + NAMED + "    required_as: a-b\n", 3, "required_as is 'a-b'"),
        (START + '  - name: "core*"\n    account: "111122223333"\n', 3, "name is 'core\\*'"),
        (START + '  - name: "${aws:x}"\n    account: "111122223333"\n', 3, "may have no variables"),
        (START + f"  - arn: {ARN}\n    regions: [eu-west-1]\n", 4, "an entry with arn has no 'regions'"),
        (START + f"  - arn: {ARN}x\n", 3, "is not the ARN of a layer version"),
        (START + "  - own_account: false\n", 3, "own_account must be true"),
        (START + "  - own_account: yes\n", 3, "own_account must be true"),
        (START + NAMED + "    min_version: 012\n", 5, "min_version is 012"),
        (START + NAMED + "    expires: '20270131'\n", 5, "must be a day"),
        (START + "  - preset: klayers\n", 3, "there is no preset"),
        (START + NAMED + NAMED, 5, "the same is on line 3"),
        (START + NAMED + '  - {account: "111122223333", name: core, owner: me}\n', 5, "the same is on line 3"),
        (START + "  []\nrevoked:\n  - name: core\n", 5, "a revocation has no 'name'"),
        (START + f"  []\nrevoked:\n  - arn: {ARN}\n  - arn: {ARN}\n", 6, "the same is on line 5"),
        (START + "  - *nothing\n", 3, "is not YAML"),
        (START + "  - arn: [\n", 4, "is not YAML"),
        (START + "  []\n---\nversion: 1\n", 4, "is not YAML"),
    ],
)
def test_a_mistake_is_told_with_its_file_and_line(text: str, line: int | None, problem: str, tmp_path: Path) -> None:
    with pytest.raises(CatalogFileError, match=problem) as caught:
        load(tmp_path, text)
    assert caught.value.where
    assert (caught.value.where.path.name, caught.value.where.line) == ("catalog.yaml", line)


@pytest.mark.parametrize(
    ("words", "good"),
    [
        (f"arn: {ARN}", True),
        ("arn: arn:aws:lambda:::awslayer:AmazonLinux1803", True),
        ("arn: arn:aws:lambda:eu-west-1:111122223333:layer:core", False),
        ("arn: arn:aws:lambda:eu-west-1:111122223333:layer:core:012", False),
        (f"{{arn: {ARN}, account: '111122223333'}}", False),
        ("{name: core, account: '111122223333', max_version: 3, partition: aws-cn, required_as: a}", True),
        ("{name: core, account: '111122223333', min_version: 0}", False),
        ("{name: core, account: 111122223333}", False),
        ("{name: core}", False),
        ("{prefix: test-, account: '111122223333', regions: [us-gov-east-1], reason: why, owner: me}", True),
        ("{prefix: test-, account: '111122223333', min_version: 3}", False),
        ("{account: '1111'}", False),
        ("{account: '111122223333', expires: 2027-01-31}", True),
        ("{account: '111122223333', expires: soon}", False),
        ("own_account: true", True),
        ("own_account: false", False),
        ("{own_account: true, partition: mars}", False),
        ("preset: adot", True),
        ("preset: none", False),
        ("{preset: cdk, reason: ''}", False),
        ("reason: why", False),
    ],
)
def test_the_schema_and_the_reader_agree(words: str, good: bool, tmp_path: Path) -> None:
    text = f"{START}  - {words}\n"
    assert accepted(text) == good
    if good:
        assert len(load(tmp_path, text).entries) == 1
    else:
        with pytest.raises(CatalogFileError):
            load(tmp_path, text)


def test_the_schema_is_one_and_knows_every_preset() -> None:
    VALIDATOR.check_schema(SCHEMA)
    (known,) = [kind["properties"]["preset"]["enum"] for kind in SCHEMA["$defs"]["entry"]["oneOf"]
                if "preset" in kind["properties"]]  # fmt: skip
    assert sorted(known) == sorted(presets.names())


def test_a_file_that_is_not_there_or_no_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(CatalogFileError, match="there is no such file"):
        LayerCatalog.load(tmp_path / "none.yaml")
    (tmp_path / "catalog.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CatalogFileError, match=r"can't be read|is not YAML"):
        LayerCatalog.load(tmp_path / "catalog.yaml")
