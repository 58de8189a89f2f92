"""The tables in docs/approval.md are what an independent evaluator answers; WRITE_DOCS=1 writes them anew."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest
import yaml

from layer_constructs.approval import presets
from layer_constructs.approval.approved_layer import ApprovedLayer
from layer_constructs.approval.catalog import LayerCatalog
from layer_constructs.approval.policy_size import Statement
from layer_constructs.approval.version_globs import globs
from tests.approval.simulator import CREATE, UPDATE, Form, Request, Simulator

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "approval.md"
GOOD, BAD = "arn:aws:lambda:eu-west-1:111122223333:layer:core:12", "arn:aws:lambda:eu-west-1:444455556666:layer:evil:1"
CATALOG = LayerCatalog(ApprovedLayer.named("core", account="111122223333", min_version=12, required_as="core"))
WORDS = {"A": "allowed", "i": "not allowed", "D": "**denied**"}
LISTS: dict[str, Sequence[str] | None] = {
    "an approved layer": [GOOD],
    "another layer": [BAD],
    "both": [GOOD, BAD],
    "layers not named": None,
}


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *(map(str, row) for row in rows)))


def answers(iam: Simulator, form: Form, statements: Sequence[Statement], action: str) -> list[str]:
    found = [
        WORDS[answer] for answer in iam.ask(form, statements, [Request(layers, action) for layers in LISTS.values()])
    ]
    (empty,) = iam.ask(form, statements, [Request([], action)])
    # A key without values, or no key: AWS doesn't say which one an empty list is.
    return [*found, found[-1] if WORDS[empty] == found[-1] else f"not settled: {WORDS[empty]} or {found[-1]}"]


def forms(iam: Simulator) -> str:
    compiled: list[tuple[str, Form, list[Statement]]] = [
        ('`deny_statements("identity")`', "identity", CATALOG.deny_statements("identity")),
        ('`deny_statements("boundary")`', "boundary", CATALOG.deny_statements("boundary")),
        ('`deny_statements("scp")`', "scp", CATALOG.deny_statements("scp")),
        ("`allow_statements()`", "allow", CATALOG.allow_statements()),
        ("`allow_statements(without_layers=False)`", "allow", CATALOG.allow_statements(without_layers=False)),
    ]
    rows = []
    for name, form, statements in compiled:
        row = answers(iam, form, statements, CREATE)
        assert row == answers(iam, form, statements, UPDATE)
        assert row[1] != row[0] == "allowed"
        assert row[2] == row[1]
        rows.append([name, *row])
    return table(["statements", *LISTS, "`Layers: []`"], rows)


def required(iam: Simulator) -> str:
    statements = CATALOG.required_statements()
    rows = [
        [f"`{action.removeprefix('lambda:')}`", *answers(iam, "scp", statements, action)] for action in (CREATE, UPDATE)
    ]
    return table(["call", "the required layer", *list(LISTS)[1:], "`Layers: []`"], rows)


def unsound(iam: Simulator) -> str:
    pattern = "arn:aws*:lambda:*:111122223333:layer:core:*"

    other = "arn:aws*:lambda:*:111122223333:layer:other:*"

    def statement(effect: str, operator: str, value: str = pattern) -> list[Statement]:
        condition = {operator: {"lambda:Layer": [value]}}
        return [{"Effect": effect, "Action": [CREATE, UPDATE], "Resource": "*", "Condition": condition}]

    compiled: list[tuple[str, Form, list[Statement], str]] = [
        ("Allow, `ForAnyValue:StringLike`", "allow", statement("Allow", "ForAnyValue:StringLike"),
         "one approved layer lets every other in"),
        ("Deny, `ForAllValues:StringNotLike`", "scp", statement("Deny", "ForAllValues:StringNotLike"),
         "the same, and updates that don't touch layers fail"),
        ("Deny, `StringNotLike`", "scp", statement("Deny", "StringNotLike"), "many values need a set operator"),
        ("Deny, `ForAnyValue:StringNotLike`, twice", "scp",
         [*statement("Deny", "ForAnyValue:StringNotLike"), *statement("Deny", "ForAnyValue:StringNotLike", other)],
         "an allow-list in two halves refuses everything"),
    ]  # fmt: skip
    rows = []
    for name, form, statements, why in compiled:
        row = answers(iam, form, statements, CREATE)[:-1]
        assert row != ["allowed", row[1], row[1], "allowed"]
        rows.append([name, *row, why])
    return table(["statement", *LISTS, "so"], rows)


def versions(_: Simulator) -> str:
    cases = {"all": (1, None), "5 or later": (5, None), "12 or later": (12, None), "12 to 40": (12, 40), "12": (12, 12)}
    rows = [[name, str(len(globs((interval,)))), " ".join(f"`{glob}`" for glob in globs((interval,)))]
            for name, interval in cases.items()]  # fmt: skip
    return table(["versions", "patterns", "which"], rows)


def entries(_: Simulator) -> str:
    account = 'account="111122223333"'
    shown = {
        '`.arn("arn:aws:lambda:eu-west-1:111122223333:layer:core:12")`': ApprovedLayer.arn(GOOD),
        '`.arn("arn:aws:lambda:::awslayer:AmazonLinux1803")`': ApprovedLayer.arn(
            "arn:aws:lambda:::awslayer:AmazonLinux1803"
        ),
        f'`.named("core", {account})`': ApprovedLayer.named("core", account="111122223333"),
        f'`.named("core", {account}, max_version=12, regions=["cn-north-1"])`': ApprovedLayer.named(
            "core", account="111122223333", max_version=12, regions=["cn-north-1"]
        ),
        f'`.with_prefix("test-", {account})`': ApprovedLayer.with_prefix("test-", account="111122223333"),
        '`.account("111122223333")`': ApprovedLayer.account("111122223333"),
        "`.own_account()`": ApprovedLayer.own_account(),
    }
    rows = []
    for name, entry in shown.items():
        texts = [text for pattern in entry.patterns() for text in pattern.texts()]
        more = f" and {len(texts) - 1} more" if len(texts) > 1 else ""
        rows.append([name, f"`{texts[0]}`{more}"])
    return table(["`ApprovedLayer`", "pattern"], rows)


def known_presets(_: Simulator) -> str:
    rows = []
    for name in presets.names():
        found = presets.patterns(name)
        regions = {pattern.region for pattern in found if pattern.region}
        everywhere = {pattern.partition or "every" for pattern in found if not pattern.region}
        where = [f"all of {place}" if place != "every" else "all" for place in sorted(everywhere)]
        where += [f"{len(regions)}"] if regions else []
        sources = ", ".join(f"[{number}]({url})" for number, url in enumerate(presets.sources(name), 1))
        rows.append([f"`{name}`", presets.what(name), " and ".join(where), sources])
    return table(["preset", "what", "regions", "sources"], rows)


@pytest.mark.real
@pytest.mark.parametrize("make", [forms, required, unsound, versions, entries, known_presets])
def test_a_table_is_what_the_evaluator_answers(make: object, iam: Simulator) -> None:
    assert callable(make)
    name = getattr(make, "__name__", "").removeprefix("known_")
    text = PAGE.read_text(encoding="utf-8")
    block = re.compile(rf"(<!-- made by the tests: {name} -->\n)(.*?)(<!-- end -->)", re.DOTALL)
    found = block.search(text)
    assert found, name
    wanted = f"\n{make(iam)}\n\n"
    if os.environ.get("WRITE_DOCS"):
        PAGE.write_text(block.sub(lambda match: match[1] + wanted + match[3], text), encoding="utf-8")
    else:
        assert found[2] == wanted


def test_the_example_in_the_docs_is_the_same_in_python_and_in_yaml(tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    python, written = (re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)[0] for language in ("python", "yaml"))
    (tmp_path / "catalog.yaml").write_text(written, encoding="utf-8")
    names: dict[str, object] = {}
    exec(python, names)  # noqa: S102 - it is ours
    assert LayerCatalog.load(tmp_path / "catalog.yaml") == names["catalog"]
    assert yaml.safe_load(written)["layers"][0]["expires"] == date(2027, 6, 30)
    assert CATALOG.deny_statements() != names["policy"]
