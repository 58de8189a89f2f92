"""What a layer from the cache costs, in things that can be counted: none of them may creep back.

Times are measured by ``make bench``; a count is the same on every machine.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from layer_constructs.building.build import build_planned
from layer_constructs.building.cache import Cache
from layer_constructs.building.dependencies import Dependencies
from layer_constructs.building.planning import make_plan
from layer_constructs.building.target import Target
from tests.support.costs import Counts, run_counted
from tests.support.wheels import make_wheel

LAYERS = 3
MEGABYTE = 1 << 20  # of each layer, and of no text that is read for it

PLAN = "a remembered plan"

# What is read for each layer, once.
TEXTS = frozenset(
    {
        PLAN,
        "requirements.txt",
        "pylock.requirements.toml",
        "layer.json",  # what it is
        "seen.json",  # how it looked when it was verified
        "record.json",  # what is in it
        "audit-python3.13-x86_64.json",  # what was found in it
    }
)

# What builds, compresses, draws or talks is not here; the CDK imports its own modules when they are used.
IMPORTED = frozenset({"aws_cdk"})

# Of the standard library, tens of milliseconds each.
SLOW = frozenset({"asyncio", "concurrent", "http", "multiprocessing", "sqlite3", "ssl", "tomllib", "unittest", "xml"})

# Those that can't be tuples: public and checked (the first four), with a field that tuples have a method for, and with
# one that must stay out of its text. Each takes some 0.7 ms to import, a NamedTuple a fifth of that.
DATACLASSES = frozenset({"Bundling", "Contents", "Platform", "Target", "LockedWheel", "Planned"})

# One for the code and one for the version, as the CDK's own needs: the runtime and the architectures are known by then.
CALLS_PER_LAYER = 2

SCRIPT = """
import sys

with counted("the package"):
    import layer_constructs

with counted("the CDK"):
    import aws_cdk as cdk
    from aws_cdk import aws_lambda as lambda_, aws_s3_assets

with counted("the construct"):
    from layer_constructs import PythonDepsLayer

outdir, plain, *files = sys.argv[1:]

for moment in ("fresh", "kept"):
    app = cdk.App(outdir=outdir, analytics_reporting=False)
    stack = cdk.Stack(app, "Stack")
    for number, file in enumerate(files):
        with counted(f"{moment} {number}"):
            PythonDepsLayer(stack, f"Layer{number}", requirements=file)
    target = dict(
        compatible_runtimes=[lambda_.Runtime.PYTHON_3_13], compatible_architectures=[lambda_.Architecture.X86_64]
    )
    with counted(f"{moment} plain"):
        lambda_.LayerVersion(
            stack,
            "Plain",
            code=lambda_.Code.from_asset(plain),
            description="a layer",
            removal_policy=cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
            **target,
        )
    with counted(f"{moment} synth"):
        app.synth()
"""

PROOF = """
import hashlib, io, socket, subprocess, sys

with counted("proof"):
    subprocess.run([sys.executable, "-c", ""])
    with socket.socket() as nobody:
        nobody.connect_ex(("127.0.0.1", 9))
    with open(__file__, "rb") as file:
        hashlib.file_digest(file, "sha256")
    hashlib.new("md5", b"four", usedforsecurity=False)
    hashlib.sha256(b"four").update(b"four")
    import colorsys

with counted("nothing"):
    pass
"""


@pytest.fixture(scope="module")
def counts(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Counts]:
    """Of an app with three layers that were built before, synthesised into a fresh folder and again into that."""
    folder = tmp_path_factory.mktemp("costs")
    cache = Cache(folder / "cache")
    files = [folder / f"app{number}" / "requirements.txt" for number in range(LAYERS)]
    for number, file in enumerate(files):
        make_wheel(folder / "wheels", f"tiny{number}", "1.0", files={f"tiny{number}.bin": os.urandom(MEGABYTE)})
        file.parent.mkdir()
        file.write_text(f"--no-index\n--find-links ../wheels\ntiny{number}==1.0\n", encoding="utf-8")
        planned = make_plan(Dependencies(requirements=file, locked=False), Target(), cache=cache)
        build_planned(planned, cache=cache, label="layer")
    (folder / "plain").mkdir()
    (folder / "app.py").write_text(SCRIPT, encoding="utf-8")
    environment = {"LAYER_CONSTRUCTS_CACHE_DIR": str(cache.root)}
    return run_counted(folder / "app.py", folder / "cdk.out", folder / "plain", *files, env=environment)


def layers(counts: Mapping[str, Counts], *moments: str) -> dict[str, Counts]:
    """Of each layer."""
    return {name: counts[name] for name in (f"{m} {number}" for m in moments for number in range(LAYERS))}


def names(counts: Counts) -> list[str]:
    """Of the files that were opened; a remembered plan has a hash for its name."""
    paths = [Path(path) for path in counts.opened]
    return [PLAN if path.parent.name == "plans" else path.name for path in paths]


def others(counts: Counts) -> set[str]:
    """The packages of the modules that aren't ours, and those of the standard library that take their time."""
    found = {module.partition(".")[0] for module in counts.modules} - {"layer_constructs"}
    return found - (sys.stdlib_module_names - SLOW)


def test_the_counters_see_what_they_are_for(tmp_path: Path) -> None:
    script = tmp_path / "proof.py"
    script.write_text(PROOF, encoding="utf-8")
    seen = run_counted(script)
    proof = seen["proof"]
    assert len(proof.started) == 1
    assert len(proof.connected) == 1
    assert proof.hashed == script.stat().st_size + 12
    assert "colorsys" in proof.modules
    assert seen["nothing"] == Counts()


def test_the_counters_see_node_and_its_calls(counts: Mapping[str, Counts]) -> None:
    assert any("node" in started for started in counts["the CDK"].started)
    assert counts["kept plain"].calls >= CALLS_PER_LAYER


def test_importing_the_package_imports_nothing_but_itself(counts: Mapping[str, Counts]) -> None:
    assert counts["the package"] == Counts(modules=["layer_constructs"])


def test_importing_the_construct_reads_no_file_and_imports_few_packages(counts: Mapping[str, Counts]) -> None:
    imported = counts["the construct"]
    assert (imported.opened, imported.hashed, imported.calls, imported.started) == ([], 0, 0, [])
    assert others(imported) <= IMPORTED


def test_a_layer_from_the_cache_compiles_few_classes(counts: Mapping[str, Counts]) -> None:
    moments = (counts["the construct"], counts["fresh 0"], counts["fresh synth"])
    assert {name for moment in moments for name in moment.dataclasses} == DATACLASSES


def test_a_layer_from_the_cache_imports_few_packages(counts: Mapping[str, Counts]) -> None:
    assert set().union(*(others(each) for each in layers(counts, "fresh", "kept").values())) <= IMPORTED


def test_only_the_first_layer_imports_anything(counts: Mapping[str, Counts]) -> None:
    for name, each in layers(counts, "fresh", "kept").items():
        assert name == "fresh 0" or each.modules == [], name


def test_a_synth_from_the_cache_starts_nothing_and_connects_to_nobody(counts: Mapping[str, Counts]) -> None:
    done = {name: (each.started, each.connected) for name, each in counts.items() if name != "the CDK"}
    assert done == dict.fromkeys(done, ([], []))


def test_a_layer_from_the_cache_is_not_hashed_again(counts: Mapping[str, Counts]) -> None:
    """Only names and the small texts are, and once in a process what tells one version of this library from another."""
    hashed = {name: each.hashed for name, each in layers(counts, "fresh", "kept").items()}
    assert hashed.pop("fresh 0") <= 32 << 10
    assert max(hashed.values()) <= 4 << 10


def test_with_a_kept_output_each_text_is_read_once_and_the_archive_never(counts: Mapping[str, Counts]) -> None:
    for each in layers(counts, "kept").values():
        assert len(each.opened) == len(set(each.opened)), each.opened
        assert set(names(each)) <= TEXTS


def test_with_a_fresh_output_the_archive_is_read_once_and_written_once(counts: Mapping[str, Counts]) -> None:
    for name, each in layers(counts, "fresh").items():
        once = {"vendors.json"} if name == "fresh 0" else set()  # what ci_info knows CI systems by
        archive, copy = (path for path in names(each) if path not in TEXTS | once)
        assert archive == "layer.zip"
        assert re.fullmatch(r"\.asset\.[0-9a-f]{64}\.zip\.\d+", copy)


def test_a_further_layer_calls_jsii_as_often_as_a_plain_one(counts: Mapping[str, Counts]) -> None:
    further = {name: each.calls for name, each in layers(counts, "fresh", "kept").items() if not name.endswith("0")}
    assert further == dict.fromkeys(further, CALLS_PER_LAYER)
    assert {counts["fresh plain"].calls, counts["kept plain"].calls} == {CALLS_PER_LAYER}


def test_the_checks_of_an_app_read_its_template_once(counts: Mapping[str, Counts]) -> None:
    for moment in ("fresh", "kept"):
        assert sorted(names(counts[f"{moment} synth"])) == ["Stack.assets.json", "Stack.template.json"]
        assert counts[f"{moment} synth"].hashed == 0


def test_a_further_app_asks_jsii_only_for_what_is_its_own(counts: Mapping[str, Counts]) -> None:
    """Its context, its folder, the stack, and the doors for the checks."""
    assert counts["kept 0"].calls <= 17
    assert counts["kept synth"].calls <= 6
