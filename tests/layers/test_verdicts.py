"""What an app makes of what was seen of a layer: on a build and on a hit, and never for another app."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_lambda as lambda_

from layer_constructs import LayerError, PythonDepsLayer
from layer_constructs.building import record, sealed_file
from layer_constructs.building.audit.finding import RULES
from layer_constructs.building.cache import Cache
from layer_constructs.building.runtime_packages import DRIFT, RuntimePackagesError
from layer_constructs.building.size import LIMIT, LayerTooLargeError
from layer_constructs.errors import (
    ArgumentError,
    AuditError,
    LicenseNotAllowedError,
    LockInvalidError,
    LockStaleError,
    RequirementsError,
)
from tests.building.test_record import PYTHON, opened, write_lock
from tests.support.wheels import make_wheel

RUNTIME = lambda_.Runtime.PYTHON_3_13
HERE = getattr(lambda_.Runtime, f"PYTHON_3_{sys.version_info.minor}")  # of the Python that is there for certain
NOT_BUNDLED: dict[str, Any] = {"aws:cdk:bundling-stacks": []}
WRONG = {"tiny.cpython-311-x86_64-linux-gnu.so": b""}  # for another Python than 3.13


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("LAYER_CONSTRUCTS_CACHE_DIR", str(folder))
    return folder


@pytest.fixture
def app(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    folder.mkdir()
    return folder


def stack_in(folder: Path, name: str = "cdk.out", context: dict[str, Any] | None = None) -> cdk.Stack:
    return cdk.Stack(cdk.App(outdir=str(folder / name), context=context), "Stack")


def said(stack: cdk.Stack, kind: str) -> list[str]:
    """What is annotated: `warning`, `info` or `error`."""
    entries = [entry for construct in stack.node.find_all() for entry in construct.node.metadata]
    return [str(entry.data) for entry in entries if entry.type == f"aws:cdk:{kind}"]


def layer(stack: cdk.Stack, lock: Path, name: str = "Deps", **options: Any) -> PythonDepsLayer:
    return PythonDepsLayer(stack, name, requirements=lock, **{"runtime": RUNTIME, **options})


def licensed(folder: Path, name: str, classifier: str | None) -> Path:
    """A wheel whose metadata name a licence."""
    wheel = make_wheel(folder, name, "1.0")
    if classifier is None:
        return wheel
    with zipfile.ZipFile(wheel) as archive:
        members = {each: archive.read(each) for each in archive.namelist()}
    with zipfile.ZipFile(wheel, "w") as archive:
        for each, content in members.items():
            more = f"License: {classifier}\n".encode() if each.endswith("METADATA") else b""
            archive.writestr(each, content + more)
    return wheel


# --- the audit


def test_a_finding_is_an_error_on_the_build_and_on_every_hit(app: Path) -> None:
    lock = write_lock(app, make_wheel(app, "tiny", "1.0", files=WRONG))

    for number in range(2):
        stack = stack_in(app, f"out{number}")
        with pytest.raises(AuditError, match=r"(?s)tiny won't work on python3\.13/x86_64.*python-abi: python/tiny"):
            layer(stack, lock)
        assert stack.node.children == []
    assert len(Cache.default().layers()) == 1


def test_what_one_app_allows_is_not_let_into_another(app: Path) -> None:
    lock = write_lock(app, make_wheel(app, "tiny", "1.0", files=WRONG))
    lenient = stack_in(app)
    layer(lenient, lock, allow={"tiny": "imported by nobody"})
    strict = stack_in(app, "other.out")

    assert [note for note in said(lenient, "info") if "imported by nobody" in note]
    assert said(lenient, "warning") == []
    with pytest.raises(AuditError, match="tiny"):
        layer(strict, lock)
    layer(strict, lock, allow={"tiny:python-abi": "seen"})
    with pytest.raises(AuditError, match="tiny"):
        layer(strict, lock, "Third", allow={"tiny:wheel-tag": "another matter"})


def test_an_exception_that_nothing_needs_is_a_warning(app: Path) -> None:
    lock = write_lock(app, make_wheel(app, "tiny", "1.0"))
    stack = stack_in(app)
    layer(stack, lock, allow={"tiny": "was bad once", "absent:glibc-too-new": "?"})

    assert [("allow has 'tiny'" in text, "absent" in text) for text in said(stack, "warning")] == [
        (True, False), (False, True)
    ]  # fmt: skip


def test_a_newer_set_of_rules_is_judged_on_a_hit(app: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = write_lock(app, make_wheel(app, "tiny", "1.0", files=WRONG))
    deps = layer(stack_in(app), lock, allow={"tiny": "seen"})
    cached = Cache.default().find(deps.digest)
    assert cached is not None
    kept = cached.archive.with_name("audit-python3.13-x86_64.json")
    blind = {"rules": RULES, "findings": []}  # as rules that don't know of it
    sealed_file.write(kept, blind)
    layer(stack_in(app, "blind.out"), lock)
    monkeypatch.setattr(record, "RULES", RULES + 1)

    with pytest.raises(AuditError, match="tiny"):
        layer(stack_in(app, "newer.out"), lock)


def test_one_digest_is_judged_for_each_runtime(app: Path) -> None:
    lock = write_lock(app, make_wheel(app, "tiny", "1.0", files=WRONG))
    stack = stack_in(app)
    fine = layer(stack, lock, "Fine", runtime=lambda_.Runtime.PYTHON_3_11)

    with pytest.raises(AuditError, match=r"python3\.12"):
        layer(stack, lock, "Bad", runtime=lambda_.Runtime.PYTHON_3_12)
    also = layer(stack, lock, "Allowed", runtime=lambda_.Runtime.PYTHON_3_12, allow={"tiny": "seen"})
    assert also.digest == fine.digest


# --- the size


def large(folder: Path, size: int, **options: Any) -> Path:
    big = make_wheel(folder, "big", "1.0", files={"big/data.bin": bytes(size), "big/__init__.py": b""}, **options)
    return write_lock(folder, big, make_wheel(folder, "tiny", "1.0", files={"tiny.pyi": bytes(3_000_000)}))


def test_over_the_limit_is_an_error_on_the_build_and_on_every_hit(app: Path) -> None:
    lock = large(app, LIMIT - 2_000_000)
    says = r"(?s)251\.0 MB unzipped.* 248\.1 MB  big\n *2\.9 MB  tiny\n.*slim=True would save about 2\.9 MB"

    for number in range(2):
        with pytest.raises(LayerTooLargeError, match=says):
            layer(stack_in(app, f"out{number}"), lock)


def test_little_room_is_a_warning_that_can_be_acknowledged(app: Path) -> None:
    lock = large(app, int(0.81 * LIMIT))
    stack = stack_in(app)
    deps = layer(stack, lock)

    (warning,) = said(stack, "warning")
    assert "82% of what Lambda takes" in warning
    assert "big" in warning
    assert "layer-constructs:size" in warning
    cdk.Annotations.of(deps).acknowledge_warning("layer-constructs:size", "it is alone")
    assert said(stack, "warning") == []


# --- licences


def test_a_licence_that_is_not_allowed_is_an_error_on_the_build_and_on_every_hit(app: Path) -> None:
    lock = write_lock(app, licensed(app, "tiny", "MIT"), licensed(app, "dark", None))
    layer(stack_in(app), lock)

    for number, names in enumerate([["MIT"], ["Apache-2.0"], []]):
        with pytest.raises(LicenseNotAllowedError, match=r"dark 1\.0: unknown"):
            layer(stack_in(app, f"out{number}"), lock, licenses=names)
    with pytest.raises(LicenseNotAllowedError, match="dark"):
        layer(stack_in(app, "lean.out"), lock, licenses=["MIT"], exclude=["*.dist-info"])
    stack = stack_in(app, "allowed.out")
    layer(stack, lock, licenses=["MIT"], license_exceptions={"dark": "ours", "tiny": "needless"})
    assert [text for text in said(stack, "info") if "dark 1.0: unknown" in text and "ours" in text]
    assert [text for text in said(stack, "warning") if "'tiny'" in text and "needs none" in text]


def test_exceptions_without_a_list_of_licences_are_a_warning(app: Path) -> None:
    stack = stack_in(app)
    layer(stack, write_lock(app, make_wheel(app, "tiny", "1.0")), license_exceptions={"tiny": "ours"})

    assert [text for text in said(stack, "warning") if "without licenses" in text]


# --- what the runtime has


def requirements(app: Path, *lines: str) -> Path:
    """Locked for real, of wheels in a folder."""
    make_wheel(app / "wheels", "tiny", "1.0", requires=["six>=1.15", "boto3 (>dev)"][:1])
    make_wheel(app / "wheels", "six", "1.16.0")
    path = app / "req.txt"
    path.write_text(f"--no-index\n--find-links {app / 'wheels'}\n" + "".join(f"{line}\n" for line in lines))
    return path


def test_what_the_runtime_ships_is_left_to_it_and_said(app: Path) -> None:
    stack = stack_in(app)
    deps = layer(stack, requirements(app, "tiny"), provided_by_runtime=True)

    assert dict(deps.packages) == {"tiny": "1.0"}
    notes = said(stack, "info")
    assert len([note for note in notes if DRIFT in note]) == 1
    assert [note for note in notes if "tiny 1.0 asks for six>=1.15" in note and "is not known" in note]
    assert "layer-constructs:provided-by-runtime" in notes[0]


def test_a_line_that_the_runtime_does_not_meet_is_named(app: Path) -> None:
    file = requirements(app, "tiny", "six>=1.16")

    with pytest.raises(RuntimePackagesError, match=r"req\.txt:4 asks for six>=1\.16, and python3\.13 had 1\.15"):
        layer(stack_in(app), file, provided_by_runtime={"six": "1.15"})


def test_what_one_app_knows_of_the_runtime_does_not_let_another_in(app: Path) -> None:
    file = requirements(app, "tiny")
    layer(stack_in(app), file, provided_by_runtime={"six": "1.17.0"})

    for number in range(2):
        with pytest.raises(RuntimePackagesError, match=r"tiny 1\.0 asks for six>=1\.15"):
            layer(stack_in(app, f"out{number}"), file, provided_by_runtime={"six": "1.14"})


def test_nothing_but_what_the_runtime_has_is_no_layer(app: Path) -> None:
    with pytest.raises(RequirementsError, match="has everything in it"):
        layer(stack_in(app), requirements(app, "six"), provided_by_runtime=True)


def test_metadata_that_ask_for_nonsense_are_passed_over(app: Path) -> None:
    old = make_wheel(app, "old", "1.0", requires=["six (>dev)", "six>=1.10"])
    stack = stack_in(app)
    layer(stack, write_lock(app, old, make_wheel(app, "six", "1.16.0")), provided_by_runtime=True)

    assert [note for note in said(stack, "info") if "old 1.0 asks for six>=1.10" in note]


# --- bytecode


def test_true_is_recorded_in_the_lock_and_kept(app: Path) -> None:
    file = requirements(app, "tiny")
    first = layer(stack_in(app), file, runtime=HERE, bytecode=True)
    lock = file.with_name("pylock.req.toml")
    text = lock.read_text(encoding="utf-8")

    assert f'bytecode = "{PYTHON}"' in text
    assert "--bytecode any" in text
    assert layer(stack_in(app, "2"), file, runtime=HERE, bytecode=True).digest == first.digest
    assert layer(stack_in(app, "3"), file, runtime=HERE, bytecode=PYTHON).digest == first.digest
    assert layer(stack_in(app, "4"), file, runtime=HERE).digest != first.digest
    assert lock.read_text(encoding="utf-8") == text

    file.write_text(file.read_text() + "six==1.16.0\n")
    layer(stack_in(app, "5"), file, runtime=HERE)
    assert f'bytecode = "{PYTHON}"' in lock.read_text(encoding="utf-8")


def test_a_lock_without_the_python_is_an_error_on_ci_that_names_the_command(app: Path) -> None:
    file = requirements(app, "tiny")
    layer(stack_in(app), file, runtime=HERE)

    with pytest.raises(LockStaleError, match=r"(?s)none became one that is there.*lock .*--bytecode any"):
        layer(stack_in(app, "2"), file, runtime=HERE, bytecode=True, locked=True)
    with pytest.raises(LockStaleError, match=rf"(?s)none became {PYTHON}.*lock .*--bytecode {PYTHON}"):
        layer(stack_in(app, "3"), file, runtime=HERE, bytecode=PYTHON, locked=True)
    layer(stack_in(app, "4"), file, runtime=HERE, bytecode=PYTHON)
    other = f"{PYTHON.rpartition('.')[0]}.199"
    with pytest.raises(LockStaleError, match=rf"(?s){PYTHON} became {other}.*two layers.*lock="):
        layer(stack_in(app, "5"), file, runtime=HERE, bytecode=other, locked=True)


def test_a_locked_python_that_is_not_here_is_an_error_and_never_another(
    app: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = requirements(app, "tiny")
    layer(stack_in(app), file, runtime=HERE, bytecode=True)
    lock = file.with_name("pylock.req.toml")
    absent = f"{PYTHON.rpartition('.')[0]}.199"
    lock.write_text(lock.read_text().replace(f'bytecode = "{PYTHON}"', f'bytecode = "{absent}"'))
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")

    with pytest.raises(LayerError, match=rf"(?s)Python {absent}, which makes .*found: {PYTHON}"):
        layer(stack_in(app, "2"), file, runtime=HERE, bytecode=True)
    layer(stack_in(app, "3"), file, runtime=HERE)


@pytest.mark.parametrize("value", ["2.7.18", "any", "", "3.13"])
def test_an_edited_python_is_an_error(app: Path, value: str) -> None:
    file = requirements(app, "tiny")
    layer(stack_in(app), file, runtime=HERE, bytecode=True)
    lock = file.with_name("pylock.req.toml")
    lock.write_text(lock.read_text().replace(f'bytecode = "{PYTHON}"', f'bytecode = "{value}"'))

    with pytest.raises(LockInvalidError, match="bytecode is"):
        layer(stack_in(app, "2"), file, runtime=HERE, bytecode=True)


def test_the_command_line_names_the_python(app: Path) -> None:
    from click.testing import CliRunner

    from layer_constructs.cli import main

    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(main, ["lock", str(file), *arguments])
        return done.exit_code, done.output

    file = requirements(app, "tiny")
    lock = file.with_name("pylock.req.toml")
    assert run("--runtime", HERE.name)[0] == 0
    assert run("--check", "--bytecode", "any")[0] == 1
    status, output = run("--check", "--bytecode", PYTHON)
    assert (status, f"none became {PYTHON}" in output) == (1, True)
    before = lock.read_bytes()
    for nonsense in ("2.7.18", "3.99.1", "newest", f"{PYTHON}rc1", ""):
        status, output = run("--bytecode", nonsense)
        assert (status, lock.read_bytes()) == (1, before), (nonsense, output)
    assert "no release of Python" in run("--bytecode", "3.99.1")[1]
    assert run("--bytecode", "any")[0] == 0
    assert f'bytecode = "{PYTHON}"' in lock.read_text()
    assert run("--check", "--bytecode", "any")[0] == 0
    other = f"{PYTHON.rpartition('.')[0]}.0"
    if other != PYTHON:
        assert run("--check", "--bytecode", other)[0] == 1
    assert run("--bytecode", other)[0] == 0
    assert f'bytecode = "{other}"' in lock.read_text()
    assert run("--bytecode", "any")[1].endswith("nothing changed\n")
    assert run("--bytecode", "any", "--upgrade")[0] == 0
    assert f'bytecode = "{PYTHON}"' in lock.read_text()


# --- how it is said


def test_a_glob_that_matches_nothing_is_a_warning_on_the_build_and_on_every_hit(app: Path) -> None:
    lock = write_lock(app, make_wheel(app, "tiny", "1.0"))
    for number in range(2):
        stack = stack_in(app, f"out{number}")
        deps = layer(stack, lock, exclude=["*.rst"])
        (warning,) = said(stack, "warning")
        assert "exclude has '*.rst', which matches no file [ack: layer-constructs:exclude]" in warning
        if number:
            cdk.Validations.of(deps).acknowledge(cdk.Acknowledgment(id="layer-constructs:exclude", reason="not yet"))
        else:
            cdk.Annotations.of(deps).acknowledge_warning("layer-constructs:exclude")
        assert said(stack, "warning") == []


def test_a_synth_succeeds_with_warnings(app: Path) -> None:
    lock = write_lock(app, make_wheel(app, "tiny", "1.0"))
    stack = stack_in(app)
    layer(stack, lock, exclude=["*.rst"], allow={"absent": "?"})

    stack.node.root.synth()  # type: ignore[attr-defined]
    assert {len(said(stack, kind)) for kind in ("warning", "error")} == {2, 0}


def test_a_stack_that_is_not_bundled_is_not_judged_and_has_the_same_template(app: Path) -> None:
    options: dict[str, Any] = {"slim": True, "exclude": ["*.rst"], "licenses": ["MIT"]}
    lock = write_lock(app, licensed(app, "tiny", "MIT"))
    bundled, skipped = stack_in(app), stack_in(app, "skipped.out", NOT_BUNDLED)
    layer(bundled, lock, **options)
    layer(skipped, lock, **options)

    templates = [json.dumps(assertions.Template.from_stack(stack).to_json()) for stack in (bundled, skipped)]
    assert templates[0] == templates[1]
    assert said(skipped, "warning") == []
    layer(stack_in(app, "strict.out", NOT_BUNDLED), lock, licenses=[])


def test_a_hit_starts_nothing_and_unpacks_nothing_with_all_options(app: Path) -> None:
    file = requirements(app, "tiny")
    options: dict[str, Any] = {
        "exclude": ["*.md"], "slim": True, "strip": True, "provided_by_runtime": {"six": "1.17.0"}, "bytecode": True,
        "allow": {"tiny": "?"}, "licenses": ["MIT"], "license_exceptions": {"tiny": "ours"},
    }  # fmt: skip
    layer(stack_in(app), file, runtime=HERE, **options)
    stack = stack_in(app)  # the same output folder: nothing is copied either

    with opened() as seen:
        layer(stack, file, runtime=HERE, **options)

    assert not {"subprocess.Popen", "os.posix_spawn", "socket.connect", "layer.zip"} & set(seen)


# --- what is no value


@pytest.mark.parametrize(
    "options",
    [
        {"exclude": "*.md"},
        {"exclude": ["!x"]},
        {"exclude": [Path("x")]},
        {"slim": "no"},
        {"strip": 1},
        {"provided_by_runtime": "boto3"},
        {"provided_by_runtime": ["boto3"]},
        {"provided_by_runtime": None},
        {"provided_by_runtime": {"boto": "1.42.0"}},
        {"provided_by_runtime": {"boto3": "latest"}},
        {"provided_by_runtime": {"boto3": 1}},
        {"bytecode": "3.12.1"},
        {"bytecode": "3.13"},
        {"bytecode": "any"},
        {"bytecode": 3.13},
        {"bytecode": None},
        {"allow": "tiny"},
        {"allow": ["tiny"]},
        {"allow": {"tiny": ""}},
        {"allow": {"tiny": True}},
        {"licenses": "MIT"},
        {"licenses": ["MTI"]},
        {"licenses": ["MIT OR Apache-2.0"]},
        {"licenses": ["MIT"], "license_exceptions": {"tiny": " "}},
        {"license_exceptions": ["tiny"]},
    ],
    ids=str,
)
def test_a_value_that_is_none_is_an_error_of_ours(app: Path, options: dict[str, Any]) -> None:
    lock = write_lock(app, licensed(app, "tiny", "MIT"), make_wheel(app, "six", "1.16.0"))

    with pytest.raises(ArgumentError):
        layer(stack_in(app), lock, **options)


def test_a_layer_of_which_everything_is_excluded_is_an_error(app: Path) -> None:
    lock = write_lock(app, make_wheel(app, "tiny", "1.0"))

    with pytest.raises(LayerError, match="exclude"):
        layer(stack_in(app), lock, exclude=["**"])
