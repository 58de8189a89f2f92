"""A function's code and layers as folders, as Lambda has them in ``/var/task`` and ``/opt``."""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from layer_constructs.emulation.function import LocalFunction
from layer_constructs.inspection.unpacking import unpack


def lay_out(function: LocalFunction, folder: Path) -> tuple[Path, Path]:
    """Unpack a function into an empty folder.

    :returns: the folders for ``/var/task`` and for ``/opt``.
    :raises ArgumentError: for an archive that can't be read, or with files that would leave the folder.
    """
    task, opt = folder / "task", folder / "opt"
    task.mkdir()
    opt.mkdir()
    if isinstance(function.code, str):
        (task / "index.py").write_text(function.code, encoding="utf-8")
    else:
        _lay(function.code, task)
    lay_layers([layer.content for layer in function.layers], opt)
    return task, opt


def lay_layers(contents: Sequence[Path], opt: Path) -> None:
    """One over the other, in order: of two with one file, the later's counts (Lambda developer guide, "Layers")."""
    for content in contents:
        _lay(content, opt)


def _lay(content: Path, into: Path) -> None:
    if content.is_dir():
        _merge(content, into, move=False)
        return
    with tempfile.TemporaryDirectory(dir=into.parent) as scratch:
        root = Path(scratch)
        unpack(content, root)
        with zipfile.ZipFile(content) as archive:
            for member in archive.infolist():
                path, mode = root / member.filename, member.external_attr >> 16 & 0o777
                if mode and path.is_file() and not path.is_symlink():
                    path.chmod(mode | 0o600)
        _merge(root, into, move=True)


def _merge(source: Path, into: Path, *, move: bool) -> None:
    """What is there already goes, a link too: written through, it would change another file."""
    for entry in os.scandir(source):
        target = into / entry.name
        is_folder = entry.is_dir(follow_symlinks=False)
        if target.is_symlink() or target.is_file():
            target.unlink()
        elif target.is_dir() and not is_folder:
            shutil.rmtree(target)
        if is_folder:
            target.mkdir(exist_ok=True)
            _merge(Path(entry.path), target, move=move)
        elif move:
            Path(entry.path).replace(target)
        else:
            shutil.copy2(entry.path, target, follow_symlinks=False)
