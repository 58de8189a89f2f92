"""Trees as an installer leaves them, with one thing wrong each; and real wheels that are right or wrong."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import uv

from layer_constructs.building.audit.audit import audit
from layer_constructs.building.audit.finding import Finding
from layer_constructs.building.containers import engine
from layer_constructs.building.containers.options import ContainerOptions
from layer_constructs.building.containers.work import Job, work
from layer_constructs.building.process import run
from layer_constructs.building.target import Target
from layer_constructs.building.tree import Tree, TreeFile, normalise
from tests.support.elf import AARCH64, elf
from tests.support.engine import needs_images
from tests.support.wheels import make_wheel

AL2, AL2023 = Target("python3.11"), Target("python3.13")
ARM64 = Target("python3.13", "arm64")
TRIXIE = "localhost/layer-constructs/python3.13:trixie-amd64"  # glibc 2.41
EVERYDAY = ("numpy", "pandas", "requests", "cryptography")

UNMAPPED = (
    "has a segment that the loader can't map: alignment {}, offset 0x0, address {}; `strip` does that to some libraries"
)
NATIVE = "cp313-cp313-linux_x86_64"


def installed(root: Path, *wheels: Path) -> Tree:
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(root / "python")
    return normalise(root)


def found_in(
    tmp_path: Path, files: Mapping[str, bytes], target: Target = AL2023, tag: str = "py3-none-any"
) -> list[tuple[str, str]]:
    """The rules and sentences that a package ``tiny`` with these files is found to break."""
    tree = installed(tmp_path / "root", make_wheel(tmp_path, "tiny", "1.0", files=files, tag=tag))
    findings = audit(tmp_path / "root", tree, target)
    assert {finding.package for finding in findings} <= {"tiny"}
    return [(finding.rule, str(finding)) for finding in findings]


def from_pypi(root: Path, target: Target, *requirements: str) -> Tree:
    command: list[str | Path] = [
        uv.find_uv_bin(), "pip", "install", "-q", "--no-config", "--no-build", "--link-mode", "copy",
        "--python-version", target.python, "--python-platform", target.uv_platform,
        "--target", root / "python", *requirements,
    ]  # fmt: skip
    subprocess.run(command, check=True)
    return normalise(root)


def rules(findings: Sequence[Finding]) -> set[tuple[str, str | None]]:
    return {(finding.rule, finding.package) for finding in findings}


def test_a_package_that_needs_only_what_is_there_has_no_finding(tmp_path: Path) -> None:
    library = elf("libc.so.6", "libz.so.1", versions={"libc.so.6": ["GLIBC_2.34"], "libz.so.1": ["ZLIB_1.2.9"]})

    assert found_in(tmp_path, {"tiny/__init__.py": b"", "tiny/fast.abi3.so": library}) == []


@pytest.mark.parametrize(("library", "version", "rule", "newest"), [
    ("libc.so.6", "GLIBC_2.27", "glibc-too-new", "GLIBC_2.26"),
    ("libstdc++.so.6", "GLIBCXX_3.4.25", "library-too-new", "GLIBCXX_3.4.24"),
    ("libstdc++.so.6", "CXXABI_1.3.12", "library-too-new", "CXXABI_1.3.11"),
    ("libz.so.1", "ZLIB_1.2.9", "library-too-new", "ZLIB_1.2.7"),
])  # fmt: skip
def test_names_the_file_that_needs_a_newer_library(
    library: str, version: str, rule: str, newest: str, tmp_path: Path
) -> None:
    files = {"tiny/fast.abi3.so": elf(library, versions={library: [version]})}

    assert found_in(tmp_path, files, AL2) == [
        (rule, f"python/tiny/fast.abi3.so needs {version} of {library}, and the runtime has {newest}")
    ]


def test_names_a_library_that_is_nowhere(tmp_path: Path) -> None:
    assert found_in(tmp_path, {"tiny/fast.abi3.so": elf("libGL.so.1")}) == [
        ("library-missing", "python/tiny/fast.abi3.so needs libGL.so.1, which neither the layer nor the runtime has")
    ]


def test_a_library_of_another_package_counts_as_found(tmp_path: Path) -> None:
    user = make_wheel(tmp_path, "user", "1.0", files={"user/fast.abi3.so": elf("libGL.so.1")})
    bringer = make_wheel(tmp_path, "bringer", "1.0", files={"bringer.libs/libGL.so.1": elf()})

    tree = installed(tmp_path / "root", user, bringer)

    assert audit(tmp_path / "root", tree, AL2023) == ()


@pytest.mark.parametrize(("content", "rule", "text"), [
    (elf(machine=AARCH64), "wrong-machine", "is for aarch64"),
    (b"\xcf\xfa\xed\xfe" + bytes(100), "wrong-machine", "is for macOS"),
    (elf("libc.so.6")[:150], "damaged", "is a shared library that can't be read"),
    (elf(alignment=16), "alignment", UNMAPPED.format("0x10", "0x0")),
    (elf(address=0x800), "alignment", UNMAPPED.format("0x1000", "0x800")),
], ids=["arm64", "macOS", "cut off", "not of a page", "not at a page"])  # fmt: skip
def test_names_what_the_loader_refuses(content: bytes, rule: str, text: str, tmp_path: Path) -> None:
    assert found_in(tmp_path, {"tiny/fast.so": content}) == [(rule, f"python/tiny/fast.so {text}")]


def test_a_library_with_the_large_pages_of_arm64_is_fine(tmp_path: Path) -> None:
    assert found_in(tmp_path, {"tiny/fast.so": elf(machine=AARCH64, alignment=65536)}, ARM64) == []


@pytest.mark.parametrize(
    "name",
    [
        "fast.cpython-312-x86_64-linux-gnu.so", "fast.cpython-313t-x86_64-linux-gnu.so", "fast.cp313-win_amd64.pyd",
        "fast.cpython-313-x86_64-linux-musl.so", "fast.cpython-313-darwin.so", "fast.pypy311-pp73-x86_64-linux-gnu.so",
    ],
)  # fmt: skip
def test_names_an_extension_of_another_python(name: str, tmp_path: Path) -> None:
    [(rule, text)] = found_in(tmp_path, {f"tiny/{name}": elf()})

    assert rule == "python-abi"
    assert text == (
        f"python/tiny/{name} is not what python3.13 loads, which is *.cpython-313-x86_64-linux-gnu.so or *.abi3.so"
    )


def test_extensions_for_others_beside_the_right_one_are_fine(tmp_path: Path) -> None:
    names = ("a.cpython-312-x86_64-linux-gnu.so", "a.cpython-313-x86_64-linux-gnu.so", "b.so", "c.abi3.so", "libd.1.so")

    assert found_in(tmp_path, {f"tiny/{name}": elf() for name in names}) == []


@pytest.mark.parametrize(
    ("tag", "fits"),
    [
        ("py2.py3-none-any", True), ("cp39-abi3-manylinux_2_17_x86_64", True), (NATIVE, True),
        ("cp313-cp313-manylinux_2_35_x86_64", False), ("cp312-cp312-manylinux_2_17_x86_64", False),
        ("cp313-cp313-musllinux_1_2_x86_64", False), ("cp313-cp313-macosx_11_0_arm64", False), ("nonsense", False),
    ],
)  # fmt: skip
def test_a_package_says_for_what_it_is_made(tag: str, fits: bool, tmp_path: Path) -> None:
    found = found_in(tmp_path, {"tiny.py": b""}, tag=tag)

    path = "python/tiny-1.0.dist-info/WHEEL"
    said = f"{path} says that the package is for {tag}, and not for python3.13/x86_64"
    assert found == ([] if fits else [("wheel-tag", said)])


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("tiny.pth", b"import tiny\n", True), ("tiny.pth", b"/elsewhere", True), ("tiny.pth", b"\n# nothing\n", False),
        ("tiny-1.0-py3.13-nspkg.pth", b"import sys, types, os;...\n", False), ("tiny/data.pth", b"import x\n", False),
    ],
)  # fmt: skip
def test_a_pth_file_that_does_something_elsewhere_is_named(
    name: str, content: bytes, found: bool, tmp_path: Path
) -> None:
    assert [rule for rule, _ in found_in(tmp_path, {name: content})] == (["pth-file"] if found else [])


def test_names_a_module_that_two_packages_bring(tmp_path: Path) -> None:
    first = make_wheel(tmp_path, "a-cv", "1.0", files={"cv/__init__.py": b"1", "cv/x.py": b"1", "cv/NOTICE": b"1"})
    second = make_wheel(tmp_path, "b-cv", "1.0", files={"cv/__init__.py": b"2", "cv/x.py": b"2", "cv/NOTICE": b"2"})

    [found] = audit(tmp_path / "root", installed(tmp_path / "root", first, second), AL2023)

    assert (found.rule, found.package) == ("name-collision", "b-cv")
    assert str(found) == (
        "python/cv/__init__.py is brought by a-cv and b-cv with different contents, and 1 more such: "
        "only that of b-cv is there"
    )


@pytest.mark.parametrize("path", ["space/__init__.py", "tests/__init__.py", "LICENSE.txt", "bin/tool.py"])
def test_what_is_spread_over_packages_or_never_imported_is_no_collision(path: str, tmp_path: Path) -> None:
    content = b'__path__ = __import__("pkgutil").extend_path(__path__, __name__)'
    first = make_wheel(tmp_path, "first", "1.0", files={path: content})
    second = make_wheel(tmp_path, "second", "1.0", files={path: content + b"\n"})

    assert audit(tmp_path / "root", installed(tmp_path / "root", first, second), AL2023) == ()


def test_the_same_file_of_two_packages_is_no_collision(tmp_path: Path) -> None:
    first, second = (
        make_wheel(tmp_path, name, "1.0", files={"space/__init__.py": b"", f"space/{name}.py": b""}) for name in "ab"
    )

    assert audit(tmp_path / "root", installed(tmp_path / "root", first, second), AL2023) == ()


def test_names_a_module_that_a_package_hides(tmp_path: Path) -> None:
    module = make_wheel(tmp_path, "module", "1.0", files={"util.py": b""})
    package = make_wheel(tmp_path, "package", "1.0", files={"util/__init__.py": b""})

    [found] = audit(tmp_path / "root", installed(tmp_path / "root", module, package), AL2023)

    assert (found.rule, found.package) == ("name-collision", "module")
    assert str(found) == "python/util.py is never imported: the package util of package comes first"


def test_names_that_differ_only_in_case_are_named_once(tmp_path: Path) -> None:
    files = {"Tiny/a.py": b"", "Tiny/b.py": b"", "tiny/a.py": b"", "tiny/B.py": b"", "tiny/b.py": b""}

    found = found_in(tmp_path, files)

    assert [(rule, text.split(" only in case")[0]) for rule, text in found] == [
        ("case-collision", "python/tiny differs from python/Tiny"),
        ("case-collision", "python/tiny/b.py differs from python/tiny/B.py"),
    ]


@pytest.mark.parametrize(("target", "fine"), [
    ("real.py", True), ("../python/real.py", True), ("/opt/python/real.py", True), ("gone.py", True),
    ("/etc/passwd", False), ("../../outside.py", False), ("/opt/../etc/passwd", False), ("/optional", False),
    ("link.py", True),
])  # fmt: skip
def test_a_link_must_stay_in_the_layer(target: str, fine: bool, tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "python").mkdir(parents=True)
    (root / "python/real.py").touch()
    (root / "python/link.py").symlink_to(target)
    paths = ("python/link.py", "python/real.py")
    tree = Tree(files=tuple(TreeFile(path=path, size=0, executable=False) for path in paths), sizes={}, contested={})

    found = audit(root, tree, AL2023)

    expected = f"python/link.py is a symbolic link to {target}, which is not in the layer"
    assert [str(each) for each in found] == ([] if fine else [expected])
    assert [each.rule for each in found] == ([] if fine else ["outside-link"])


def test_what_is_neither_a_file_nor_a_link_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.so")
    tree = Tree(files=(TreeFile(path="pipe.so", size=100, executable=False),), sizes={}, contested={})

    assert audit(tmp_path, tree, AL2023) == ()


def test_a_finding_survives_json(tmp_path: Path) -> None:
    tree = installed(tmp_path / "root", make_wheel(tmp_path, "tiny", "1.0", files={"tiny.abi3.so": elf("libGL.so.1")}))

    [finding] = audit(tmp_path / "root", tree, AL2023)

    assert Finding(**json.loads(json.dumps(finding._asdict()))) == finding


def test_a_file_that_no_package_brought_has_no_package(tmp_path: Path) -> None:
    (tmp_path / "python").mkdir()
    (tmp_path / "python/own.so").write_bytes(elf("libGL.so.1"))

    [finding] = audit(tmp_path, normalise(tmp_path), AL2023)

    assert finding.package is None


@pytest.mark.network
@pytest.mark.real
@pytest.mark.parametrize("runtime", ["python3.11", "python3.12", "python3.13"])
def test_everyday_packages_are_clean(runtime: str, tmp_path: Path) -> None:
    for architecture in ("x86_64", "arm64"):
        target = Target(runtime, architecture)
        root = tmp_path / architecture
        tree = from_pypi(root, target, *EVERYDAY)

        assert audit(root, tree, target) == ()
        shutil.rmtree(root)


@pytest.mark.network
@pytest.mark.real
def test_opencv_python_lacks_the_libraries_of_a_screen(tmp_path: Path) -> None:
    found = audit(tmp_path, from_pypi(tmp_path, AL2023, "--no-deps", "opencv-python"), AL2023)

    assert rules(found) == {("library-missing", "opencv-python")}
    assert any("needs libGL.so.1, which neither" in finding.text for finding in found)


@pytest.mark.network
@pytest.mark.real
def test_setuptools_brings_a_pth_file(tmp_path: Path) -> None:
    [found] = audit(tmp_path, from_pypi(tmp_path, AL2023, "setuptools"), AL2023)

    assert (found.rule, found.package, found.path) == ("pth-file", "setuptools", "python/distutils-precedence.pth")


@pytest.mark.network
@pytest.mark.real
def test_a_wheel_for_arm64_is_found_in_a_layer_for_x86_64(tmp_path: Path) -> None:
    found = audit(tmp_path, from_pypi(tmp_path, ARM64, "markupsafe"), AL2023)

    assert rules(found) == {("wrong-machine", "markupsafe"), ("wheel-tag", "markupsafe")}


@pytest.mark.network
@pytest.mark.real
def test_what_strip_breaks_is_found(tmp_path: Path) -> None:
    if not shutil.which("strip"):
        pytest.skip("no strip here")
    from_pypi(tmp_path, AL2023, "--no-deps", "scipy==1.16.3")
    broken = []
    for library in (tmp_path / "python/scipy.libs").iterdir():
        subprocess.run(["strip", library], check=True)
        load = [shutil.which("python3") or "python3", "-c", f"import ctypes; ctypes.CDLL({str(library)!r})"]
        done = subprocess.run(load, check=False, capture_output=True, text=True)
        if "ELF load command" in done.stderr:
            broken.append(f"python/scipy.libs/{library.name}")

    found = audit(tmp_path, normalise(tmp_path), AL2023)

    assert broken
    assert set(broken) <= {finding.path for finding in found if finding.rule == "alignment"}


@pytest.mark.real
def test_what_was_compiled_on_a_newer_system_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs_images(TRIXIE)
    monkeypatch.setenv("CDK_DOCKER", "podman")
    image = engine.image_of(TRIXIE, AL2023, engine="podman", env=os.environ, needed_by="tiny==1.0", run=run)
    source = b"#include <string.h>\nvoid fast(char *to, const char *from) { strlcpy(to, from, 9); }\n"  # of glibc 2.38
    compile_it = "gcc -shared -fPIC -o {root}/out/fast.so {root}/fast.c"
    work(
        Job(
            files={"fast.c": source, "out/nothing": b""},
            commands=[("gcc", ["/bin/sh", "-c", compile_it])],
            environment={},
        ),
        image, AL2023, ContainerOptions(),
        into=tmp_path / "made", log=tmp_path / "log.txt", needed_by="tiny==1.0",
    )  # fmt: skip

    found = found_in(tmp_path, {"tiny/fast.so": (tmp_path / "made/fast.so").read_bytes()}, tag=NATIVE)

    assert found == [
        ("glibc-too-new", "python/tiny/fast.so needs GLIBC_2.38 of libc.so.6, and the runtime has GLIBC_2.34")
    ]
