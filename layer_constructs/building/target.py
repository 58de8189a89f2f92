"""A Lambda target: one runtime on one architecture, and what follows from it for wheels and markers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from layer_constructs.errors import UnsupportedTargetError

if TYPE_CHECKING:
    from packaging.markers import Environment
    from packaging.tags import Tag

ArchitectureName = Literal["x86_64", "arm64"]

ARCHITECTURES: tuple[ArchitectureName, ...] = ("x86_64", "arm64")

# The C library's minor version of each runtime's operating system: 2.26 is Amazon Linux 2, 2.34 Amazon Linux 2023.
# Source: the AWS Lambda runtimes page (operating systems) and the glibc those systems ship; the same table stands
# in aws-lambda-builders, Chalice and Pants.
GLIBC_MINOR: dict[str, int] = {
    "python3.8": 26,
    "python3.9": 26,
    "python3.10": 26,
    "python3.11": 26,
    "python3.12": 34,
    "python3.13": 34,
    "python3.14": 34,
}

RUNTIMES: tuple[str, ...] = tuple(GLIBC_MINOR)

# The same of the runtimes that aren't Python's, for files of the user's own.
OTHER_GLIBC_MINOR: dict[str, int] = {
    "dotnet6": 26,
    "dotnet8": 34,
    "dotnet10": 34,
    "java8.al2": 26,
    "java11": 26,
    "java17": 26,
    "java21": 34,
    "java25": 34,
    "nodejs16.x": 26,
    "nodejs18.x": 26,
    "nodejs20.x": 34,
    "nodejs22.x": 34,
    "nodejs24.x": 34,
    "provided.al2": 26,
    "provided.al2023": 34,
    "ruby3.2": 26,
    "ruby3.3": 34,
    "ruby3.4": 34,
}

# Moved by a major version of this library only: a new default would republish every layer that relies on it.
DEFAULT_RUNTIME = "python3.13"
DEFAULT_ARCHITECTURE: ArchitectureName = "x86_64"

# What uv knows between manylinux 2.17 and 2.28 is nothing: for glibc 2.26 only 2.17 is safe.
_UV_MANYLINUX = {26: "manylinux_2_17", 34: "manylinux_2_34"}

# `platform.machine()` on Lambda, which is also the architecture part of wheel tags.
_MACHINE: dict[ArchitectureName, str] = {"x86_64": "x86_64", "arm64": "aarch64"}


@dataclass(frozen=True, order=True, slots=True)
class Platform:
    """Any Lambda runtime on one architecture: what a compiled file meets there.

    :param runtime: the runtime's identifier, such as ``provided.al2023``.
    :param architecture: ``x86_64`` or ``arm64``.
    :raises UnsupportedTargetError: for anything else.
    """

    runtime: str
    architecture: ArchitectureName = DEFAULT_ARCHITECTURE

    def __post_init__(self) -> None:
        allowed = self._runtimes()
        if self.runtime not in allowed:
            raise UnsupportedTargetError(value=self.runtime, allowed=tuple(allowed), what=self._what())
        if self.architecture not in ARCHITECTURES:
            raise UnsupportedTargetError(value=self.architecture, allowed=ARCHITECTURES, what=self._what())

    def __str__(self) -> str:
        return f"{self.runtime}/{self.architecture}"

    @classmethod
    def _runtimes(cls) -> dict[str, int]:
        return {**GLIBC_MINOR, **OTHER_GLIBC_MINOR}

    @classmethod
    def _what(cls) -> str:
        return "a Lambda target whose system libraries are known"

    @property
    def glibc(self) -> tuple[int, int]:
        return (2, self._runtimes()[self.runtime])

    @property
    def machine(self) -> str:
        """``x86_64`` or ``aarch64``, as in markers and wheel tags."""
        return _MACHINE[self.architecture]


@dataclass(frozen=True, order=True, slots=True)
class Target(Platform):
    """One of Lambda's Python runtimes on one architecture.

    :param runtime: the runtime's identifier, such as ``python3.13``.
    :param architecture: ``x86_64`` or ``arm64``.
    :raises UnsupportedTargetError: for anything else.
    """

    runtime: str = DEFAULT_RUNTIME

    @classmethod
    def _runtimes(cls) -> dict[str, int]:
        return GLIBC_MINOR

    @classmethod
    def _what(cls) -> str:
        return "a Lambda target that a Python layer can be built for"

    @property
    def python(self) -> str:
        """The Python version, ``3.13``."""
        return self.runtime.removeprefix("python")

    @property
    def uv_platform(self) -> str:
        """The value of uv's ``--python-platform``: never newer than the runtime's glibc."""
        return f"{self.machine}-{_UV_MANYLINUX[GLIBC_MINOR[self.runtime]]}"

    @property
    def platforms(self) -> list[str]:
        """The platform tags that load here, best first (PEP 600 and its predecessors)."""
        top = GLIBC_MINOR[self.runtime]
        tags = [f"manylinux_2_{minor}_{self.machine}" for minor in range(top, 16, -1)]
        tags.append(f"manylinux2014_{self.machine}")
        if self.machine == "x86_64":
            tags += [f"manylinux_2_{minor}_x86_64" for minor in range(16, 11, -1)]
            tags.append("manylinux2010_x86_64")
            tags += [f"manylinux_2_{minor}_x86_64" for minor in range(11, 4, -1)]
            tags.append("manylinux1_x86_64")
        tags.append(f"linux_{self.machine}")
        return tags

    def tags(self) -> Iterator[Tag]:
        """The wheel tags that install here, best first."""
        from packaging.tags import compatible_tags, cpython_tags

        major, minor = map(int, self.python.split("."))
        interpreter = f"cp{major}{minor}"
        yield from cpython_tags((major, minor), [interpreter], self.platforms)
        yield from compatible_tags((major, minor), interpreter, self.platforms)

    def environment(self) -> Environment:
        """The values that PEP 508 markers have on this target.

        ``python_full_version`` is the first release of the minor version: Lambda moves the patch by itself, so a marker
        that tells patches apart has no fixed answer, and uv assumes the same.
        """
        return cast(
            "Environment",
            {
                "implementation_name": "cpython",
                "implementation_version": f"{self.python}.0",
                "os_name": "posix",
                "platform_machine": self.machine,
                "platform_python_implementation": "CPython",
                "platform_release": "",
                "platform_system": "Linux",
                "platform_version": "",
                "python_full_version": f"{self.python}.0",
                "python_version": self.python,
                "sys_platform": "linux",
            },
        )
