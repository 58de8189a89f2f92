"""Small real source distributions of C extensions for tests."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

_MODULE = """\
#include <Python.h>
{source}
static struct PyModuleDef definition = {{PyModuleDef_HEAD_INIT, "{name}", 0, -1, 0}};
PyMODINIT_FUNC PyInit_{name}(void) {{ return PyModule_Create(&definition); }}
"""


def make_sdist(folder: Path, name: str, version: str = "1.0", *, source: str = "", setup: str = "") -> Path:
    """Write a source distribution with one C module into ``folder`` and return its path.

    :param source: more C, before the module's own.
    :param setup: more lines at the top of ``setup.py``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        "pyproject.toml": '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
        f'[project]\nname = "{name}"\nversion = "{version}"\n',
        "setup.py": f'{setup}\nfrom setuptools import Extension, setup\nsetup(ext_modules=[Extension("{name}", '
        '["module.c"])])\n',
        "module.c": _MODULE.format(name=name, source=source),
    }
    path = folder / f"{name}-{version}.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for place, text in files.items():
            member = tarfile.TarInfo(f"{name}-{version}/{place}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return path
