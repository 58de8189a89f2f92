"""Pins -> the text of a lock, and that text in its place."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from layer_constructs.building.locking import entries
from layer_constructs.building.locking.lock import FORMAT, MadeFrom
from layer_constructs.building.locking.pins import LockedFile, Pins
from layer_constructs.building.sdist import LockedSdist
from layer_constructs.building.target import ARCHITECTURES, ArchitectureName, Target
from layer_constructs.building.wheel import LockedWheel
from layer_constructs.errors import LockError, Where


def render(
    path: Path, *, made_from: MadeFrom, pins: Mapping[str, Pins], exclude_newer: str | None, command: str
) -> str:
    """The text of a lock: the same for the same facts, with entries sorted by package and runtime."""
    import tomlkit

    document = tomlkit.document()
    document.add(tomlkit.comment(f"Made by layer-constructs from {made_from.source}. Commit it."))
    document.add(tomlkit.comment(f"To change it: {command}"))
    document["lock-version"] = "1.0"
    environments = [
        _marker(runtime, a) for runtime in _ordered(pins) for a in ARCHITECTURES if a in pins[runtime].wheels
    ]
    document["environments"] = tomlkit.item(environments).multiline(True)
    document["created-by"] = "layer-constructs"
    packages = tomlkit.aot()
    for entry in sorted(_entries(path, pins), key=lambda e: (e["name"], _runtime_order(e["runtime"]), e["marker"])):
        table = tomlkit.table()
        for key, value in entry.items():
            if key == "wheels":
                table[key] = _wheels(value)
            elif key == "sdist":
                table[key] = _inline(value)
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
    facts["runtimes"] = {runtime: _runtime(pins[runtime]) for runtime in _ordered(pins)}
    table = tomlkit.item(facts)
    for key, value in table["made-from"].items():
        if isinstance(value, list):
            table["made-from"][key].multiline(True)
    tool = tomlkit.table(is_super_table=True)
    tool[entries.TOOL] = table
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
        Path(temporary).chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
        Path(temporary).replace(path)
    except OSError as error:
        if temporary:
            with suppress(OSError):
                Path(temporary).unlink()
        raise LockError(
            f"the lock can't be written: {error.strerror or error}", where=Where(path.absolute()),
            fix="lock where the folder can be written and commit the file, or name another place with lock=",
        ) from error  # fmt: skip
    return True


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _runtime(pins: Pins) -> dict[str, Any]:
    parts: dict[str, dict[str, Any]] = {
        "unavailable": {a: pins.unavailable[a] for a in ARCHITECTURES if a in pins.unavailable},
        "images": {
            a: {key: value for key, value in asdict(pins.images[a]).items() if value is not None}
            for a in ARCHITECTURES
            if a in pins.images
        },
    }
    named: dict[str, Any] = {"bytecode": pins.bytecode} if pins.bytecode else {}
    return named | {key: value for key, value in parts.items() if value}


def _entries(path: Path, pins: Mapping[str, Pins]) -> list[dict[str, Any]]:
    entries = []
    for runtime, answer in pins.items():
        grouped: dict[tuple[str, str], dict[ArchitectureName, LockedFile]] = {}
        for architecture in ARCHITECTURES:
            for wheel in answer.wheels.get(architecture, ()):
                grouped.setdefault((wheel.name, wheel.version), {})[architecture] = wheel
        for (name, version), by_architecture in grouped.items():
            only = next(iter(by_architecture)) if len(by_architecture) == 1 and len(answer.wheels) > 1 else None
            entry: dict[str, Any] = {
                "runtime": runtime, "name": name, "version": version,
                "marker": _marker(runtime, only), "index": next(iter(by_architecture.values())).index,
                **_content(by_architecture, path),
            }  # fmt: skip
            entries.append(entry)
    return entries


def _content(by_architecture: Mapping[ArchitectureName, LockedFile], lock: Path) -> dict[str, Any]:
    """What a package consists of: a local project, wheels, or a source distribution and what was built of it."""
    wheels: dict[str, dict[str, Any]] = {}
    built: dict[str, dict[str, Any]] = {}
    content: dict[str, Any] = {}
    for architecture, file in by_architecture.items():
        if isinstance(file, LockedSdist):
            content["sdist"] = _file(file, lock)
        elif file.built is not None:
            content["sdist"] = _file(file.built.sdist, lock)
            built[architecture] = {
                "wheel": file.filename, "sha256": file.sha256, "backend": list(file.built.backend)
            }  # fmt: skip
        elif file.project is not None:
            return {
                "directory": {"path": _relative(file.project.path, lock), "editable": False},
                "tool": {
                    entries.TOOL: {
                        "wheel": file.filename,
                        "wheel-sha256": file.sha256,
                        "source-sha256": file.project.source_sha256,
                        **({"license": file.license} if file.license else {}),
                    }
                },
            }
        else:
            wheels.setdefault(file.sha256, _file(file, lock))
    if wheels:
        content["wheels"] = list(wheels.values())
    facts: dict[str, Any] = {}
    licences = {file.license for file in by_architecture.values() if isinstance(file, LockedWheel) and file.license}
    if licences:
        facts["license"] = min(licences)  # one, whatever the architecture
    if built:
        facts["built"] = built
    if facts:
        content["tool"] = {entries.TOOL: facts}
    return content


def _file(file: LockedFile, lock: Path) -> dict[str, Any]:
    place = {"path": _relative(file.path, lock)} if file.path else {"url": file.url}
    return {**place, "hashes": {"sha256": file.sha256}}


def _wheels(wheels: list[dict[str, Any]]) -> Any:
    import tomlkit

    array = tomlkit.array().multiline(True)
    for wheel in wheels:
        array.append(_inline(wheel))
    return array


def _inline(file: Mapping[str, Any]) -> Any:
    import tomlkit

    inline, hashes = tomlkit.inline_table(), tomlkit.inline_table()
    hashes.update(file["hashes"])
    inline.update(file)
    inline["hashes"] = hashes
    return inline


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
