"""Whatever a file holds, reading it gives a value or a LayerError, and no password is in the error."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st

from layer_constructs.building.reading.project import read_project
from layer_constructs.building.reading.requirements import RequirementsFile, parse_requirements, read_requirements
from layer_constructs.errors import LayerError

SECRET = "-".join(["hunter"] * 2)  # computed, or Hypothesis would use it as a name of its own

TOKENS = st.sampled_from(
    [
        "requests", "Foo.Bar", "[a,b]", "[", "]", "==1.0", ">=2,<3", "==1.*", "=2", ">>1", "===x", " ", "  ", "\t",
        "\\\n",
        "\\", "\n", "\r\n", " # note", "#", " ; ", ";", "python_version < '3.12'", "extra == 'x'", "(", ")", "@", " @ ",
        "https://", f"https://me:{SECRET}@host", "/foo-1.0-py3-none-any.whl", "/x.tar.gz", "git+", "file://", "file:",
        "./", "../", "/", ".", "~", "libs", "\0", "\ufeff", "\u2028", "\x0c", "é", "'", '"', "-", "--",
        "-r ", "-c ", "-rother.txt", "-c other.txt", "-r req.txt", "-e ", "-i ", "--index-url=", "--extra-index-url ",
        "--find-links ", "--no-index", "--pre", "--require-hashes", " --hash=sha256:", " --hash=md5:", "a" * 64,
        "#sha256=",
        "--only-binary :all:", "--unknown", "=", "&", "?", "%00", "%", "${VAR}", "1" * 5000, "  # index: ", "::",
        "[::1]",
    ]
)  # fmt: skip
TEXTS = st.lists(TOKENS, max_size=12).map("".join)
FILES = st.one_of(
    st.binary(max_size=80), st.text(max_size=80).map(lambda text: text.encode(errors="surrogatepass")),
    TEXTS.map(str.encode),
)  # fmt: skip

KEYS = st.sampled_from(
    ["project", "name", "dependencies", "dynamic", "optional-dependencies", "dependency-groups", "include-group",
     "tool",
     "uv", "poetry", "sources", "index", "url", "path", "workspace", "members", "exclude", "default", "explicit",
     "format",
     "constraint-dependencies", "override-dependencies", "find-links", "a", "b", "six"]
)  # fmt: skip
STRINGS = st.one_of(TEXTS, KEYS, st.sampled_from(["six", "six[a]", "flat", "allow", "*", "**"]))
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.booleans(), st.integers(-5, 5), st.floats(), STRINGS, st.dates()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)
REQUIREMENTS = st.lists(STRINGS, max_size=3)
SOURCES = st.dictionaries(st.sampled_from(["six", "a"]), VALUES, max_size=2)
PROJECTS = st.fixed_dictionaries(
    {},
    optional={
        "project": st.fixed_dictionaries(
            {},
            optional={
                "name": STRINGS,
                "dependencies": REQUIREMENTS,
                "dynamic": VALUES,
                "optional-dependencies": st.dictionaries(KEYS, st.one_of(REQUIREMENTS, VALUES), max_size=3),
            },
        ),
        "dependency-groups": st.dictionaries(KEYS, VALUES, max_size=3),
        "tool": st.fixed_dictionaries(
            {},
            optional={
                "uv": st.one_of(VALUES, st.fixed_dictionaries({}, optional={"sources": SOURCES, "index": VALUES}))
            },
        ),
    },
)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "other.txt").write_text("six==1.16.0\n")
        (folder / "libs").mkdir()
        (folder / "libs" / "setup.py").touch()
        (folder / "foo-1.0-py3-none-any.whl").touch()
        yield folder


def or_error(read: Callable[[], RequirementsFile]) -> RequirementsFile | None:
    """What was read; None for a LayerError. Anything else ends the test."""
    found = None
    try:
        found = read()
    except LayerError as error:
        shown = str(error)
    else:
        shown = "".join(str(line.requirement) for line in found.requirements)
        assert found.requirements
        assert all(line.requirement or line.path for line in found.requirements)
        assert isinstance(found.is_pinned, bool)
    assert SECRET not in shown
    return found


@settings(max_examples=500, deadline=None)
@given(data=FILES)
def test_reading_any_file_gives_requirements_or_a_layer_error(folder: Path, data: bytes) -> None:
    path = folder / "req.txt"
    path.write_bytes(data)
    or_error(lambda: read_requirements(path))


@settings(max_examples=300, deadline=None)
@given(noise=TEXTS)
def test_noise_in_another_line_never_hides_a_requirement(folder: Path, noise: str) -> None:
    found = or_error(lambda: parse_requirements(f"numpy==2.0\n{noise}\n", folder / "req.txt"))
    assert found is None or found.requirements[0].name == "numpy"


@settings(max_examples=300, deadline=None)
@given(data=st.one_of(PROJECTS.map(tomlkit.dumps).map(str.encode), FILES), extra=KEYS, group=KEYS)
def test_reading_any_project_gives_requirements_or_a_layer_error(
    folder: Path, data: bytes, extra: str, group: str
) -> None:
    path = folder / "pyproject.toml"
    path.write_bytes(data)
    or_error(lambda: read_project(path))
    or_error(lambda: read_project(path, extras=[extra]))
    or_error(lambda: read_project(path, groups=[group]))
