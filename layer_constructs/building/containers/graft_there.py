"""Runs in the container: puts the shared libraries that a wheel needs, and Lambda lacks, into the wheel.

``graft_there.py FOLDER POLICY PLATFORM COMMAND...`` looks at the wheel in the folder. If it needs a library that the
policy doesn't permit, it turns into the command, which starts this file again where auditwheel can be imported:
``graft_there.py FOLDER POLICY PLATFORM``. It is sent there as text: Python 3.8, and the standard library until then.

What auditwheel can't mend stays as it is. The host looks at what comes back, and says what is the matter with it.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import struct
import sys
import zipfile
from pathlib import Path, PurePosixPath


def main() -> int:
    folder, policy, platform, *command = sys.argv[1:]
    wheels = sorted(Path(folder).glob("*.whl"))
    if not command:
        for wheel in wheels:
            _graft(wheel, Path(policy), platform)
    elif any(_needs_more(wheel, Path(policy)) for wheel in wheels):
        os.execv(command[0], [*command, *sys.argv[:4]])  # noqa: S606 - no shell
    return 0


def _needs_more(wheel: Path, policy: Path) -> bool:
    there = set(json.loads(policy.read_text())[-1]["lib_whitelist"])
    needed = set()
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            there.add(PurePosixPath(name).name)
            with archive.open(name) as member:
                head = member.read(6)
                if head == b"\x7fELF\x02\x01":  # of 64 bits, little-endian
                    needed.update(_needed(head + member.read()))
    return not needed <= there


def _needed(data: bytes) -> list[str]:
    """DT_NEEDED, by the layout of an ELF file (elf(5)); nothing of a file that has none."""
    try:
        [start] = struct.unpack_from("<Q", data, 32)
        size, count = struct.unpack_from("<HH", data, 54)
        segments = [struct.unpack_from("<IIQQQQ", data, start + number * size) for number in range(count)]
        entries = [
            entry
            for kind, _, offset, _, _, length in segments
            if kind == 2  # PT_DYNAMIC
            for entry in struct.iter_unpack("<qQ", data[offset : offset + length // 16 * 16])
        ]
        strings = next(
            offset + address - first
            for tag, address in entries
            if tag == 5  # DT_STRTAB, an address in a PT_LOAD
            for kind, _, offset, first, _, length in segments
            if kind == 1 and first <= address < first + length
        )
        places = [strings + value for tag, value in entries if tag == 1]  # DT_NEEDED
        return [data[place : data.index(b"\0", place)].decode() for place in places]
    except (struct.error, StopIteration, ValueError):
        return []


def _graft(wheel: Path, policy: Path, platform: str) -> None:
    # It has no argument for a policy of one's own; this is where the pinned versions look.
    glibc = importlib.import_module("auditwheel.libc").Libc.GLIBC
    importlib.import_module("auditwheel.policy")._POLICY_JSON_MAP[glibc] = policy  # noqa: SLF001
    auditwheel = importlib.import_module("auditwheel.main").main

    into = policy.with_name("grafted")
    # The tag stays linux_*: what came of it is judged on the host. And the processor is the image's.
    options = ["--plat", platform, "--only-plat", "--no-update-tags", "--wheel-dir", str(into)]
    if sys.version_info >= (3, 9):  # noqa: UP036 - auditwheel for 3.8 doesn't know this one
        options.append("--disable-isa-ext-check")
    while True:
        sys.argv = ["auditwheel", "repair", *options, str(wheel)]
        try:
            auditwheel()
        except (ValueError, RuntimeError) as error:
            sys.stderr.write(f"auditwheel: {error}\n")
            missing = re.search(r'library "(.+)" could not be located', str(error))
            if missing is None or missing[1] in options:
                return
            options += ["--exclude", missing[1]]  # the others can still be had
        else:
            break
    grafted = into / wheel.name
    if grafted.exists():
        grafted.replace(wheel)


if __name__ == "__main__":
    sys.exit(main())
