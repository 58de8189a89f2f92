"""Libraries made by the machine's own compiler, with versions of our choice."""

from __future__ import annotations

import io
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from layer_constructs.building.base_libraries import base_libraries, newest_versions
from layer_constructs.building.elf import LibraryMissing, VersionMissing, WrongMachine, obstacles, read_elf
from layer_constructs.building.target import RUNTIMES, Target
from tests.support.wheels import make_wheel

# What e_machine is: it is put in place of the compiler's own.
X86_64, AARCH64 = b"\x3e\x00", b"\xb7\x00"
AL2 = Target("python3.11")
AL2023 = Target("python3.13")


class Libraries:
    """A folder of shared libraries, none of which needs the machine's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make(self, name: str, source: str, *links: str, soname: str = "", script: str = "", options: str = "") -> Path:
        """Compile one.

        :param links: other libraries of this folder that it needs.
        :param script: versions of its symbols, as the linker takes them.
        """
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.with_suffix(".c").write_text(source)
        arguments = ["gcc", "-shared", "-fPIC", "-nostdlib", f"-Wl,-soname,{soname or name}", *options.split()]
        if script:
            path.with_suffix(".map").write_text(script)
            arguments.append(f"-Wl,--version-script={path.with_suffix('.map')}")
        linked = [str(self.folder / link) for link in links]
        subprocess.run([*arguments, "-o", path, path.with_suffix(".c"), *linked], check=True)
        return path

    def libc(self, *versions: str) -> None:
        """A C library with one function for each version: ``in_0``, ``in_1``."""
        script = "".join(f"{version} {{ in_{number}; }};\n" for number, version in enumerate(versions))
        source = "".join(f"void in_{number}(void) {{}}\n" for number in range(len(versions)))
        self.make("libc.so", source, soname="libc.so.6", script=script)

    def user_of_libc(self, *versions: str) -> bytes:
        """The bytes of an x86_64 library that calls each of the functions."""
        self.libc(*versions)
        calls = "".join(f"in_{number}();" for number in range(len(versions)))
        declared = "".join(f"void in_{number}(void);" for number in range(len(versions)))
        return for_machine(self.make("user.so", f"{declared} void user(void) {{ {calls} }}", "libc.so"))


@pytest.fixture
def libraries(tmp_path: Path) -> Libraries:
    if not shutil.which("gcc"):
        pytest.skip("no gcc here")
    return Libraries(tmp_path / "libraries")


def for_machine(library: Path, machine: bytes = X86_64) -> bytes:
    content = bytearray(library.read_bytes())
    content[18:20] = machine  # e_machine
    return bytes(content)


def wheel_of(tmp_path: Path, **files: bytes) -> Path:
    return make_wheel(
        tmp_path, "tiny", "1.0", tag="cp313-cp313-linux_x86_64",
        files={f"tiny/{name}.so": content for name, content in files.items()},
    )  # fmt: skip


def test_reads_what_a_library_needs(libraries: Libraries) -> None:
    libraries.make("libother.so", "void other(void) {}", soname="libother.so.1")
    library = libraries.make(
        "libuser.so", "void other(void); void user(void) { other(); }", "libother.so",
        options="-Wl,--enable-new-dtags,-rpath,$ORIGIN/a:/b -Wl,-z,max-page-size=65536",
    )  # fmt: skip

    elf = read_elf(io.BytesIO(for_machine(library, AARCH64)))

    assert elf is not None
    assert elf.machine == "aarch64"
    assert elf.needed == ("libother.so.1",)
    assert elf.soname == "libuser.so"
    assert elf.search == ("$ORIGIN/a", "/b")
    assert elf.alignment == 65536
    assert elf.versions == ()


def test_knows_the_newest_version_by_its_number(libraries: Libraries) -> None:
    elf = read_elf(io.BytesIO(libraries.user_of_libc("GLIBC_2.9", "GLIBC_2.34", "GLIBC_2.4", "GLIBCXX_3.4.29")))

    assert elf is not None
    assert {(each.library, each.name, each.number) for each in elf.versions} == {
        ("libc.so.6", "GLIBC_2.34", (2, 34)),
        ("libc.so.6", "GLIBCXX_3.4.29", (3, 4, 29)),
    }


def test_does_not_count_versions_without_a_number(libraries: Libraries) -> None:
    elf = read_elf(io.BytesIO(libraries.user_of_libc("GLIBC_PRIVATE", "OTHER_9.9")))

    assert elf is not None
    assert elf.versions == ()


def test_packed_relocations_need_the_glibc_that_brought_them(libraries: Libraries) -> None:
    elf = read_elf(io.BytesIO(libraries.user_of_libc("GLIBC_2.2.5", "GLIBC_ABI_DT_RELR")))

    assert elf is not None
    assert [(each.name, each.number) for each in elf.versions] == [("GLIBC_ABI_DT_RELR", (2, 36))]


def test_takes_nothing_else_for_a_library(libraries: Libraries) -> None:
    compiled = libraries.make("object.o", "void object(void) {}", options="-c -Wno-unused-command-line-argument")

    assert read_elf(io.BytesIO(compiled.read_bytes())) is None
    assert read_elf(io.BytesIO(b"#!/bin/sh\n")) is None
    assert read_elf(io.BytesIO(b"")) is None
    assert read_elf(io.BytesIO(b"\x7fELF")) is None


def test_a_damaged_library_is_none_or_something_and_never_fails(libraries: Libraries) -> None:
    whole = libraries.user_of_libc("GLIBC_2.34")
    chance = random.Random(1)  # noqa: S311 - the same every time

    for length in range(0, len(whole), 101):
        read_elf(io.BytesIO(whole[:length]))
    for _ in range(500):
        damaged = bytearray(whole)
        for _ in range(8):
            damaged[chance.randrange(1500)] = chance.randrange(256)
        read_elf(io.BytesIO(bytes(damaged)))


def test_a_wheel_that_needs_only_what_is_there_has_no_obstacle(libraries: Libraries, tmp_path: Path) -> None:
    wheel = wheel_of(tmp_path, user=libraries.user_of_libc("GLIBC_2.2.5", "GLIBC_2.34"))

    assert obstacles(wheel, AL2023) == []
    assert obstacles(make_wheel(tmp_path, "pure", "1.0"), AL2023) == []


def test_names_the_file_the_library_and_the_version_that_is_too_new(libraries: Libraries, tmp_path: Path) -> None:
    wheel = wheel_of(tmp_path, user=libraries.user_of_libc("GLIBC_2.2.5", "GLIBC_2.34"))

    [found] = obstacles(wheel, AL2)

    assert found == VersionMissing(file="tiny/user.so", library="libc.so.6", version="GLIBC_2.34", newest="GLIBC_2.26")
    assert str(found) == "tiny/user.so needs GLIBC_2.34 of libc.so.6, and the runtime has GLIBC_2.26"


@pytest.mark.parametrize(("version", "target", "fine"), [
    ("GLIBCXX_3.4.24", AL2, True), ("GLIBCXX_3.4.25", AL2, False),
    ("GLIBCXX_3.4.29", AL2023, True), ("GLIBCXX_3.4.30", AL2023, False),
    ("CXXABI_1.3.11", AL2, True), ("CXXABI_1.3.12", AL2, False),
    ("CXXABI_1.3.13", AL2023, True), ("CXXABI_1.3.14", AL2023, False),
])  # fmt: skip
def test_knows_how_new_the_c_plus_plus_library_is(
    version: str, target: Target, fine: bool, libraries: Libraries, tmp_path: Path
) -> None:
    wheel = wheel_of(tmp_path, user=libraries.user_of_libc(version))

    assert (obstacles(wheel, target) == []) is fine


def test_names_a_library_that_is_nowhere(libraries: Libraries, tmp_path: Path) -> None:
    libraries.make("libother.so", "void other(void) {}", soname="libother.so.1")
    user = libraries.make("user.so", "void other(void); void user(void) { other(); }", "libother.so")

    [found] = obstacles(wheel_of(tmp_path, user=for_machine(user)), AL2023)

    assert found == LibraryMissing(file="tiny/user.so", library="libother.so.1")


@pytest.mark.parametrize("name", ["libother", "another-name"])
def test_a_library_in_the_wheel_is_there_however_new_it_is(name: str, libraries: Libraries, tmp_path: Path) -> None:
    soname = "libother.so"
    other = libraries.make("libother.so", "void other(void) {}", soname=soname, script="GLIBCXX_9.9 { other; };")
    user = libraries.make("user.so", "void other(void); void user(void) { other(); }", "libother.so")

    wheel = wheel_of(tmp_path, **{"user": for_machine(user), name: for_machine(other)})

    assert obstacles(wheel, AL2) == []


def test_names_a_file_for_another_processor(libraries: Libraries, tmp_path: Path) -> None:
    library = libraries.make("libuser.so", "void user(void) {}")

    [found] = obstacles(wheel_of(tmp_path, user=for_machine(library, AARCH64)), AL2023)

    assert found == WrongMachine(file="tiny/user.so", machine="aarch64")
    assert str(found) == "tiny/user.so is for aarch64"


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_every_target_has_its_base_libraries(runtime: str) -> None:
    x86, arm = Target(runtime), Target(runtime, "arm64")

    assert base_libraries(x86) - base_libraries(arm) == {"ld-linux-x86-64.so.2", "libmvec.so.1"}
    assert {"libc.so.6", "libm.so.6", "libstdc++.so.6", "libgcc_s.so.1"} <= base_libraries(arm)
    assert newest_versions(x86)["GLIBC"] == x86.glibc
