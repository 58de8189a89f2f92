"""The lock file: a PEP 751 document that also says what it was made from.

Every runtime has its own entries, so that another target never changes what is there. Of each package it names only
the wheels that a Lambda target installs: one for each architecture, or one for both.
"""

from __future__ import annotations

import os
import tempfile
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from packaging.pylock import Pylock

from layer_constructs.building import selection
from layer_constructs.building.resolve import Pins
from layer_constructs.building.target import ARCHITECTURES, GLIBC_MINOR, ArchitectureName, Target
from layer_constructs.building.wheel import LockedWheel
from layer_constructs.errors import LockError, LockInvalidError, WheelUnavailableError, Where

# The format of this library's table. A lock of a newer format is an error, one of an older format is stale.
FORMAT = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class MadeFrom:
    """Everything that decides what a lock says, as text that can be compared without network.

    :param source: the file's name.
    :param requirements: each as written, with its hashes, index and the hash of what is local.
    :param indexes: without credentials and with variables unexpanded.
    """

    source: str
    requirements: tuple[str, ...]
    constraints: tuple[str, ...] = ()
    indexes: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    prereleases: bool = False

    def changes_since(self, before: MadeFrom) -> list[str]:
        """What differs from ``before``, one line each; empty if nothing does."""
        changes: list[str] = []
        for item in fields(self):
            old, new = getattr(before, item.name), getattr(self, item.name)
            if old == new:
                continue
            label = item.name.replace("_", "-")
            if isinstance(new, tuple):
                changes += [f"{label}: added {entry}" for entry in new if entry not in old]
                changes += [f"{label}: removed {entry}" for entry in old if entry not in new]
                if sorted(old) == sorted(new):
                    changes.append(f"{label}: their order changed")
            else:
                changes.append(f"{label}: {old} became {new}")
        return changes


@dataclass(frozen=True, kw_only=True, slots=True)
class Lock:
    """A lock as it stands in its file.

    :param document: the PEP 751 part.
    :param unavailable: per runtime, why an architecture has no answer.
    """

    path: Path
    made_from: MadeFrom
    exclude_newer: str | None = None
    runtimes: Mapping[str, Mapping[ArchitectureName, str]] = field(default_factory=dict)
    document: Pylock

    def select(self, target: Target) -> tuple[LockedWheel, ...]:
        """The wheels for one target whose runtime is locked.

        :raises WheelUnavailableError: if there were none when it was locked.
        """
        reason = self.runtimes[target.runtime].get(target.architecture)
        if reason:
            raise WheelUnavailableError(
                package="one package", target=str(target), where=Where(self.path), reason=reason,
                offered=[str(Target(target.runtime, a)) for a in ARCHITECTURES if a != target.architecture],
            )  # fmt: skip
        return selection.select(self.document, target, path=self.path)

    def pins(self, runtime: str) -> Pins:
        """What is locked for a runtime, on both architectures."""
        unavailable = self.runtimes[runtime]
        there = [a for a in ARCHITECTURES if a not in unavailable]
        return Pins(wheels={a: self.select(Target(runtime, a)) for a in there}, unavailable=unavailable)


def load(path: Path) -> Lock | None:
    """The lock at ``path``; None if there is none.

    :raises LockInvalidError: if it is not a lock that this library made.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise LockInvalidError(f"the lock can't be read: {error}", where=Where(path)) from error
    again = f"delete {path.name} and lock again, or take it back from version control"
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise LockInvalidError(f"not valid TOML: {error}", where=Where(path), fix=again) from error
    facts = document.get("tool", {}).get(selection.TOOL) if isinstance(document.get("tool", {}), dict) else None
    if not isinstance(facts, dict):
        raise LockInvalidError(
            "the file is there, but layer-constructs did not make it", where=Where(path),
            fix="name another file with lock=, or pass this one as requirements= if it is to be installed as it is",
        )  # fmt: skip
    if facts.get("format") != FORMAT:
        raise LockInvalidError(
            f"its format is {facts.get('format')!r}, and this version of layer-constructs reads {FORMAT}",
            where=Where(path),
            fix="use the version of layer-constructs that made it, or delete it and lock again",
        )
    pylock = selection.parse(document, path)
    try:
        made: dict[str, Any] = {
            k.replace("-", "_"): tuple(v) if isinstance(v, list) else v for k, v in facts["made-from"].items()
        }
        made_from = MadeFrom(**made)
        runtimes = {str(name): dict(entry.get("unavailable", {})) for name, entry in facts["runtimes"].items()}
        exclude_newer = facts.get("exclude-newer")
    except (KeyError, TypeError, AttributeError) as error:
        raise LockInvalidError(
            f"its table [tool.{selection.TOOL}] was edited: {error}", where=Where(path), fix=again
        ) from error
    unknown = runtimes.keys() - GLIBC_MINOR.keys()
    if unknown:
        raise LockInvalidError(f"it locks unknown runtimes: {', '.join(sorted(unknown))}", where=Where(path), fix=again)
    return Lock(
        path=path, made_from=made_from, exclude_newer=exclude_newer, runtimes=runtimes, document=pylock
    )


def render(
    path: Path, *, made_from: MadeFrom, pins: Mapping[str, Pins], exclude_newer: str | None, command: str
) -> str:
    """The text of a lock: the same for the same facts, with entries sorted by package and runtime."""
    import tomlkit

    document = tomlkit.document()
    document.add(tomlkit.comment(f"Made by layer-constructs from {made_from.source}. Commit it."))
    document.add(tomlkit.comment(f"To change it: {command}"))
    document["lock-version"] = "1.0"
    environments = [_marker(runtime, a) for runtime in _ordered(pins) for a in pins[runtime].wheels]
    document["environments"] = tomlkit.item(environments).multiline(True)
    document["created-by"] = "layer-constructs"
    packages = tomlkit.aot()
    for entry in sorted(_entries(path, pins), key=lambda e: (e["name"], _runtime_order(e["runtime"]), e["marker"])):
        table = tomlkit.table()
        for key, value in entry.items():
            if key == "wheels":
                table[key] = _wheels(value)
            elif key != "runtime" and value is not None:
                table[key] = value
        packages.append(table)
    document["packages"] = packages
    facts: dict[str, Any] = {"format": FORMAT}
    if exclude_newer:
        facts["exclude-newer"] = exclude_newer
    facts["made-from"] = {
        key.replace("_", "-"): list(value) if isinstance(value, tuple) else value
        for key, value in asdict(made_from).items()
        if value or key == "requirements"
    }
    facts["runtimes"] = {
        runtime: {"unavailable": dict(pins[runtime].unavailable)} if pins[runtime].unavailable else {}
        for runtime in _ordered(pins)
    }
    table = tomlkit.item(facts)
    for key, value in table["made-from"].items():
        if isinstance(value, list):
            table["made-from"][key].multiline(True)
    tool = tomlkit.table(is_super_table=True)
    tool[selection.TOOL] = table
    document["tool"] = tool
    return str(tomlkit.dumps(document))


def write(path: Path, text: str) -> bool:
    """Put a lock in its place at once; nothing is touched if it says the same already.

    :returns: whether the file changed.
    :raises LockError: if the folder can't be written.
    """
    try:
        if path.read_bytes().decode("utf-8").replace("\r\n", "\n") == text:
            return False
    except (FileNotFoundError, UnicodeDecodeError):
        pass
    temporary: str | None = None
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(temporary, path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
        os.replace(temporary, path)
    except OSError as error:
        if temporary:
            with suppress(OSError):
                os.unlink(temporary)
        raise LockError(
            f"the lock can't be written: {error.strerror or error}", where=Where(path.absolute()),
            fix="lock where the folder can be written and commit the file, or name another place with lock=",
        ) from error  # fmt: skip
    return True


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _entries(path: Path, pins: Mapping[str, Pins]) -> list[dict[str, Any]]:
    entries = []
    for runtime, answer in pins.items():
        grouped: dict[tuple[str, str], dict[ArchitectureName, LockedWheel]] = {}
        for architecture, wheels in answer.wheels.items():
            for wheel in wheels:
                grouped.setdefault((wheel.name, wheel.version), {})[architecture] = wheel
        for (name, version), by_architecture in grouped.items():
            only = list(by_architecture)[0] if len(by_architecture) == 1 and len(answer.wheels) > 1 else None
            files = list({wheel.sha256: wheel for wheel in by_architecture.values()}.values())
            entry: dict[str, Any] = {
                "runtime": runtime, "name": name, "version": version,
                "marker": _marker(runtime, only), "index": files[0].index,
            }  # fmt: skip
            project = files[0].project
            if project is not None:
                entry["directory"] = {"path": _relative(project.path, path), "editable": False}
                entry["tool"] = {
                    selection.TOOL: {
                        "wheel": files[0].filename,
                        "wheel-sha256": files[0].sha256,
                        "source-sha256": project.source_sha256,
                    }
                }
            else:
                entry["wheels"] = [
                    {"path": _relative(wheel.path, path)} | {"hashes": {"sha256": wheel.sha256}}
                    if wheel.path
                    else {"url": wheel.url, "hashes": {"sha256": wheel.sha256}}
                    for wheel in files
                ]
            entries.append(entry)
    return entries


def _wheels(wheels: list[dict[str, Any]]) -> Any:  # noqa: ANN401 - tomlkit's items are untyped
    import tomlkit

    array = tomlkit.array().multiline(True)
    for wheel in wheels:
        inline = tomlkit.inline_table()
        inline.update(wheel)
        hashes = tomlkit.inline_table()
        hashes.update(wheel["hashes"])
        inline["hashes"] = hashes
        array.append(inline)
    return array


def _marker(runtime: str, architecture: ArchitectureName | None) -> str:
    target = Target(runtime)
    marker = f"python_version == '{target.python}'"
    if architecture:
        marker += f" and platform_machine == '{Target(runtime, architecture).machine}'"
    return marker


def _relative(path: Path, lock: Path) -> str:
    return Path(os.path.relpath(path, lock.absolute().parent)).as_posix()


def _runtime_order(runtime: str) -> tuple[int, ...]:
    return tuple(int(part) for part in runtime.removeprefix("python").split("."))


def _ordered(pins: Mapping[str, Pins]) -> list[str]:
    return sorted(pins, key=_runtime_order)
