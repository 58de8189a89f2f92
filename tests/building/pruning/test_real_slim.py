"""``slim`` by import: every module that imports before imports afterwards.

The long list takes about half an hour: ``LAYER_CONSTRUCTS_LONG=1 pytest tests/building/pruning/test_real_slim.py``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from layer_constructs.building.pruning.prune import prune
from layer_constructs.building.pruning.savings import savings
from layer_constructs.building.size import LIMIT, LayerTooLargeError, check_size
from tests.building.pruning.conftest import Install

pytestmark = [pytest.mark.network, pytest.mark.real]

# Each with why it is here: what it needs at run time looks like what others don't.
SHORT = (
    "django",  # django.test is what users import
    "tables",  # imports its tests
    "astropy",  # the same
    "scikit-image",  # reads its .pyi
    "cffi",  # names headers
    "pydantic",
    "sqlalchemy",
    "boto3",
    "lxml",
)
LONG = (
    *SHORT,
    "numpy", "pandas", "scipy", "pyarrow", "cryptography", "pillow", "aiohttp", "matplotlib", "scikit-learn", "grpcio",
    "protobuf", "psycopg2-binary", "redis", "jinja2", "requests", "fastapi", "opencv-python-headless", "orjson",
    "pynacl", "bcrypt", "pymupdf", "shapely", "statsmodels", "numba", "polars", "duckdb", "google-cloud-storage",
    "openpyxl", "beautifulsoup4", "pymysql", "asyncpg", "pymongo", "aws-lambda-powertools", "opentelemetry-sdk",
    "xgboost", "sympy", "networkx", "jsonschema", "nltk", "spacy", "pyyaml", "pycryptodome", "pandera", "h5py",
    "cython", "gevent", "zstandard", "pyzmq", "fiona", "rasterio", "pyproj", "dask", "xarray", "setuptools", "psutil",
    "celery", "flask", "marshmallow", "alembic", "tornado", "paramiko", "snowflake-connector-python",
)  # fmt: skip

# Prints what can't be imported of all modules below some names, but tests and scripts.
WALK = """
import importlib, json, os, sys, warnings
warnings.simplefilter("ignore")
site, *tops = sys.argv[1:]
sys.path.insert(0, site)
said = os.dup(1)
os.dup2(2, 1)
failed = {}
for top in tops:
    names = [top] if os.path.isfile(f"{site}/{top}.py") else []
    for folder, folders, files in os.walk(f"{site}/{top}"):
        folders[:] = sorted(n for n in folders if n.isidentifier() and n not in ("tests", "benchmarks"))
        package = os.path.relpath(folder, site).replace(os.sep, ".")
        for file in sorted(files):
            stem = file.split(".")[0]
            if file.endswith((".py", ".so")) and stem.isidentifier() and stem not in ("__main__", "conftest"):
                names.append(package if stem == "__init__" else f"{package}.{stem}")
    for name in dict.fromkeys(names):
        try:
            importlib.import_module(name)
        except BaseException as error:
            failed[name] = f"{type(error).__name__}: {error}"
os.write(said, json.dumps(failed).encode())
os._exit(0)
"""


def tops(root: Path) -> list[str]:
    names = {path.name.split(".")[0] for path in (root / "python").iterdir() if not path.name.endswith(".dist-info")}
    return sorted(name for name in names if name.isidentifier() and name not in {"bin", "share", "include"})


def failures(root: Path, top: str, home: Path) -> dict[str, str]:
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", WALK, root / "python", top],
        env={"PATH": os.defpath, "HOME": str(home), "MPLBACKEND": "Agg"},
        cwd=home,
        capture_output=True,
        timeout=900,
        check=False,
    )
    found: dict[str, str] = json.loads(done.stdout or '{"": "a module ended the process"}')
    return found


def test_every_module_that_imports_before_imports_afterwards(install: Install, tmp_path: Path) -> None:
    # Only the packages named here are walked in the normal run: what they need is imported by them.
    long = bool(os.environ.get("LAYER_CONSTRUCTS_LONG"))
    root, full = install(*(LONG if long else SHORT))
    walked = tops(root) if long else ["boto3", "cffi", "lxml", "pydantic", "sqlalchemy", "tables", "skimage"]
    modules = "import django.test, django.test.client, astropy.table, astropy.io.fits, skimage.filters, numpy.testing"
    before = {top: failures(root, top, tmp_path) for top in walked}
    assert long or not any("" in failed for failed in before.values())
    estimate = savings(root, full).slim
    pruned = prune(root, full, slim=True).tree
    assert full.unzipped_size - pruned.unzipped_size >= estimate > 1_000_000
    for top in walked:
        assert failures(root, top, tmp_path).keys() <= before[top].keys()
    code = f"import sys; sys.path.insert(0, {str(root / 'python')!r}); {modules}"
    subprocess.run([sys.executable, "-I", "-S", "-B", "-c", code], check=True, cwd=tmp_path)


def test_numpy_pandas_and_pyarrow_are_over_the_limit_and_under_it_with_slim(install: Install) -> None:
    root, full = install("numpy==2.5.5", "pandas==3.1.1", "pyarrow==26.0.1", "--python-version", "3.13",
                         "--python-platform", "x86_64-manylinux_2_34")  # fmt: skip
    estimate = savings(root, full)
    with pytest.raises(LayerTooLargeError, match=r"fix: slim=True, then about 2\d\d\.\d MB"):
        check_size(full.unzipped_size, sizes=full.sizes, savings=estimate)
    pruned = prune(root, full, slim=True).tree
    assert pruned.unzipped_size <= LIMIT
    warning = check_size(pruned.unzipped_size, sizes=pruned.sizes, savings=savings(root, pruned))
    assert warning is not None
    assert "pyarrow" in warning
    assert "slim" not in warning
