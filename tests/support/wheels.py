"""Small real wheels for tests: valid, hashed and the same bytes every time."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

_NOTHING: Mapping[str, bytes] = MappingProxyType({})
_TIME = (1980, 1, 1, 0, 0, 0)


def make_wheel(
    folder: Path,
    name: str,
    version: str,
    *,
    files: Mapping[str, bytes] = _NOTHING,
    requires: Sequence[str] = (),
    tag: str = "py3-none-any",
    entry_points: str | None = None,
    extra_raw: Mapping[str, bytes] = _NOTHING,
    requires_python: str | None = None,
) -> Path:
    """Write a wheel into ``folder`` and return its path.

    :param files: archive path to content; without any, one module of the project's name.
    :param extra_raw: members put into the archive as they are and left out of RECORD, for hostile archives.
    :param requires: ``Requires-Dist`` values.
    :param tag: the wheel's compatibility tag; anything but ``any`` makes it a platform wheel.
    :param entry_points: the text of ``entry_points.txt``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    escaped = name.replace("-", "_").replace(".", "_")
    info = f"{escaped}-{version}.dist-info"
    members = dict(files) or {f"{escaped.lower()}.py": f'__version__ = "{version}"\n'.encode()}
    metadata = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    if requires_python:
        metadata.append(f"Requires-Python: {requires_python}")
    metadata += [f"Requires-Dist: {each}" for each in requires]
    pure = "true" if tag.endswith("-any") else "false"
    members[f"{info}/METADATA"] = ("\n".join(metadata) + "\n").encode()
    members[f"{info}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: tests (1.0)\nRoot-Is-Purelib: {pure}\nTag: {tag}\n".encode()
    )
    if entry_points is not None:
        members[f"{info}/entry_points.txt"] = entry_points.encode()
    record = [f"{path},sha256={_digest(content)},{len(content)}" for path, content in members.items()]
    record.append(f"{info}/RECORD,,")
    members[f"{info}/RECORD"] = ("\n".join(record) + "\n").encode()
    wheel = folder / f"{escaped}-{version}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, content in [*members.items(), *extra_raw.items()]:
            member = zipfile.ZipInfo(path, _TIME)
            member.external_attr = 0o100644 << 16
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, content)
    return wheel


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
