"""PEP 751 locks of any origin, and which of their files a target gets."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

from layer_constructs.building.locking import selection
from layer_constructs.building.target import Target
from layer_constructs.building.wheel import LockedWheel
from layer_constructs.errors import (
    ArgumentError,
    LayerError,
    LockInvalidError,
    UnsupportedRequirementError,
    WheelUnavailableError,
)

LOCK = Path("/repo/pylock.toml")
SHA = "ab" * 32
X86, ARM = Target("python3.13", "x86_64"), Target("python3.13", "arm64")


def wheel(filename: str, **more: str) -> str:
    rest = "".join(f", {key} = '{value}'" for key, value in more.items())
    place = "" if more.keys() & {"path", "url"} else f", url = 'https://files.example/{filename}'"
    return f"{{ name = '{filename}'{place}{rest}, hashes = {{ sha256 = '{SHA}' }} }}"


def package(name: str, *wheels: str, version: str = "1.0", marker: str | None = None, extra: str = "") -> str:
    lines = ["[[packages]]", f"name = '{name}'", f"version = '{version}'"]
    lines += [f'marker = "{marker}"'] if marker else []
    lines += [f"wheels = [{', '.join(wheels)}]"] if wheels else []
    return "\n".join([*lines, extra])


def select(
    *packages: str, target: Target = X86, top: str = "", extras: Sequence[str] = (), groups: Sequence[str] = ()
) -> tuple[LockedWheel, ...]:
    text = "\n".join(["lock-version = '1.0'", "created-by = 'test'", top, *packages])
    lock = selection.parse(tomllib.loads(text), LOCK)
    files = selection.select(lock, target, path=LOCK, extras=extras, groups=groups)
    return tuple(file for file in files if isinstance(file, LockedWheel))


def names(
    *packages: str, target: Target = X86, top: str = "", extras: Sequence[str] = (), groups: Sequence[str] = ()
) -> list[str]:
    return [wheel.name for wheel in select(*packages, target=target, top=top, extras=extras, groups=groups)]


def refused(
    leaf: type[LayerError],
    *packages: str,
    target: Target = X86,
    top: str = "",
    extras: Sequence[str] = (),
    groups: Sequence[str] = (),
) -> str:
    with pytest.raises(LayerError) as caught:
        select(*packages, target=target, top=top, extras=extras, groups=groups)
    assert type(caught.value) is leaf, str(caught.value)
    assert str(caught.value).startswith(f"{LOCK}: ")
    return str(caught.value)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (X86, "alpha-1.0-cp313-cp313-manylinux_2_34_x86_64.whl"),
        (ARM, "alpha-1.0-cp313-cp313-manylinux_2_17_aarch64.whl"),
        (Target("python3.11", "x86_64"), "alpha-1.0-cp39-abi3-manylinux_2_26_x86_64.whl"),
        (Target("python3.11", "arm64"), "alpha-1.0-py3-none-any.whl"),
    ],
    ids=str,
)
def test_takes_the_newest_file_that_loads_on_the_target(target: Target, expected: str) -> None:
    files = [
        "alpha-1.0-py3-none-any.whl",
        "alpha-1.0-cp313-cp313-manylinux_2_17_x86_64.whl",
        "alpha-1.0-cp313-cp313-manylinux_2_17_aarch64.whl",
        "alpha-1.0-cp313-cp313-manylinux_2_34_x86_64.whl",
        "alpha-1.0-cp313-cp313-manylinux_2_35_x86_64.whl",
        "alpha-1.0-cp313-cp313-musllinux_1_2_x86_64.whl",
        "alpha-1.0-cp313-cp313-win_amd64.whl",
        "alpha-1.0-cp39-abi3-manylinux_2_26_x86_64.whl",
        "alpha-1.0-cp39-abi3-manylinux_2_27_x86_64.whl",
    ]
    (found,) = select(package("alpha", *map(wheel, files)), target=target)
    assert (found.filename, found.sha256) == (expected, SHA)


def test_follows_markers_of_the_target_and_sorts_by_name() -> None:
    packages = [
        package("zeta", wheel("zeta-1.0-py3-none-any.whl"), marker="python_version < '3.14'"),
        package("alpha", wheel("alpha-1.0-py3-none-any.whl"), marker="platform_machine == 'aarch64'"),
        package("old", wheel("old-1.0-py3-none-any.whl"), marker="python_version < '3.12'"),
        package("win", wheel("win-1.0-py3-none-any.whl"), marker="sys_platform == 'win32'"),
    ]
    assert names(*packages, target=X86) == ["zeta"]
    assert names(*packages, target=ARM) == ["alpha", "zeta"]


def test_follows_extras_and_groups() -> None:
    top = "extras = ['socks']\ndependency-groups = ['dev', 'docs']\ndefault-groups = ['docs']"
    packages = [
        package("base", wheel("base-1.0-py3-none-any.whl")),
        package("pysocks", wheel("pysocks-1.0-py3-none-any.whl"), marker="'socks' in extras"),
        package("pytest", wheel("pytest-1.0-py3-none-any.whl"), marker="'dev' in dependency_groups"),
        package("sphinx", wheel("sphinx-1.0-py3-none-any.whl"), marker="'docs' in dependency_groups"),
    ]
    assert names(*packages, top=top) == ["base", "sphinx"]
    assert names(*packages, top=top, extras=["Socks"], groups=["dev"]) == ["base", "pysocks", "pytest"]


def test_refuses_an_extra_or_group_that_the_lock_does_not_have() -> None:
    top = "extras = ['socks']\ndependency-groups = ['dev']"
    entry = package("base", wheel("base-1.0-py3-none-any.whl"))
    assert "there is no extra nosuch\n  extras: socks" in refused(ArgumentError, entry, top=top, extras=["nosuch"])
    text = refused(ArgumentError, entry, top=top, groups=["nosuch"])
    assert "there is no dependency group nosuch\n  dependency groups: dev" in text


def test_knows_urls_paths_and_file_urls() -> None:
    found = select(
        package("alpha", wheel("alpha-1.0-py3-none-any.whl"), extra="index = 'https://index.example/simple'"),
        package("beta", wheel("beta-1.0-py3-none-any.whl", path="../wheels/beta-1.0-py3-none-any.whl")),
        package("delta", wheel("delta-1.0-py3-none-any.whl", path="c\\delta-1.0-py3-none-any.whl")),
        package("gamma", wheel("gamma-1.0-py3-none-any.whl", url="file:///a%20b/100%2525/gamma-1.0-py3-none-any.whl")),
    )
    assert [(w.url, w.path, w.index) for w in found] == [
        ("https://files.example/alpha-1.0-py3-none-any.whl", None, "https://index.example/simple"),
        (None, Path("/wheels/beta-1.0-py3-none-any.whl"), None),
        (None, Path("/repo/c/delta-1.0-py3-none-any.whl"), None),
        (None, Path("/a b/100%25/gamma-1.0-py3-none-any.whl"), None),
    ]


def test_a_package_without_a_wheel_for_the_target_names_those_that_have_one() -> None:
    files = ["ibm_db-1.0-cp313-cp313-manylinux_2_17_x86_64.whl", "ibm_db-1.0-cp312-cp312-manylinux_2_17_x86_64.whl"]
    text = refused(WheelUnavailableError, package("ibm-db", *map(wheel, files)), target=ARM)
    assert "no wheel of ibm-db==1.0 runs on python3.13/arm64" in text
    assert "wheels for: python3.12/x86_64, python3.13/x86_64\n" in text


def test_an_sdist_is_not_built() -> None:
    sdist = f"sdist = {{ url = 'https://x/docopt-1.0.tar.gz', hashes = {{ sha256 = '{SHA}' }} }}"
    text = refused(WheelUnavailableError, package("docopt", extra=sdist))
    assert "there is only a source distribution" in text
    native = wheel("docopt-1.0-cp313-cp313-manylinux_2_17_x86_64.whl")
    assert "wheels for: python3.13/x86_64\n" in refused(
        WheelUnavailableError, package("docopt", native, extra=sdist), target=ARM
    )


@pytest.mark.parametrize(
    ("extra", "leaf", "said"),
    [
        (
            "vcs = { type = 'git', url = 'https://x/y.git', commit-id = 'abc' }",
            UnsupportedRequirementError,
            "comes from version control",
        ),
        ("directory = { path = './lib' }", UnsupportedRequirementError, "is a local project (./lib)"),
        (
            f"archive = {{ url = 'https://x/alpha-1.0.zip', hashes = {{ sha256 = '{SHA}' }} }}",
            WheelUnavailableError,
            "it is not a wheel",
        ),
        (
            f"archive = {{ url = 'https://x/alpha-1.0-cp313-cp313-win_amd64.whl', hashes = {{ sha256 = '{SHA}' }} }}",
            WheelUnavailableError,
            "wheels for: no Lambda target",
        ),
        (
            "archive = { url = 'https://x/alpha-1.0-py3-none-any.whl', hashes = { md5 = 'ab' } }",
            LockInvalidError,
            "alpha-1.0-py3-none-any.whl has no sha256",
        ),
        (
            f"archive = {{ url = 'https://x/beta-1.0-py3-none-any.whl', hashes = {{ sha256 = '{SHA}' }} }}",
            LockInvalidError,
            "which is another package or version",
        ),
        (
            "directory = { path = './lib' }\n[packages.tool.layer-constructs]\nwheel = '../../x.whl'",
            LockInvalidError,
            "the entry of the local project alpha was edited",
        ),
        (
            (
                "directory = { path = './lib' }\n[packages.tool.layer-constructs]\n"
                "wheel = 'alpha-1.0-py3-none-any.whl'\nwheel-sha256 = '../../etc'\nsource-sha256 = 'x'"
            ),
            LockInvalidError,
            "has no sha256",
        ),
    ],
)
def test_refuses_what_pins_no_wheel_by_hash(extra: str, leaf: type[LayerError], said: str) -> None:
    assert said in refused(leaf, package("alpha", extra=extra))


def test_a_url_wheel_is_taken_as_it_is() -> None:
    archive = f"archive = {{ url = 'https://x/alpha-1.0-py3-none-any.whl', hashes = {{ sha256 = '{SHA.upper()}' }} }}"
    (found,) = select(package("alpha", extra=archive))
    assert (found.url, found.sha256) == ("https://x/alpha-1.0-py3-none-any.whl", SHA)


@pytest.mark.parametrize(
    ("top", "said"),
    [
        ("requires-python = '>=3.14'", "python3.13/x86_64"),
        ("environments = [\"sys_platform == 'win32'\"]", "can't be installed on python3.13/x86_64"),
    ],
)
def test_a_lock_for_something_else_is_refused(top: str, said: str) -> None:
    assert said in refused(LockInvalidError, package("alpha", wheel("alpha-1.0-py3-none-any.whl")), top=top)


def test_two_entries_for_one_target_contradict_each_other() -> None:
    entry = package("alpha", wheel("alpha-1.0-py3-none-any.whl"))
    assert "Multiple packages with the name 'alpha'" in refused(LockInvalidError, entry, entry)
