"""One package without a wheel among thirty with one, over each part alone."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.case import Case, Row, Unavailable
from benchmarks.pairs import Subject, process
from benchmarks.workspace import APPS, Workspace
from layer_constructs.building.containers.engine import ENGINE_VARIABLE

# Made by the tests' own script, tests/engine/prepare.
_IMAGE = "localhost/layer-constructs/python3.13:bookworm"

# C, without libraries of its own, and no wheel after Python 3.9.
_SOURCE = "netifaces==0.11.0"

# Popular, small, and with a wheel for the target, some of them compiled.
THIRTY = (
    "anyio==4.10.0", "attrs==25.3.0", "certifi==2025.8.3", "charset-normalizer==3.4.3", "click==8.2.1",
    "colorama==0.4.6", "decorator==5.2.1", "filelock==3.19.1", "fsspec==2025.7.0", "h11==0.16.0", "httpcore==1.0.9",
    "httpx==0.28.1", "idna==3.10", "iniconfig==2.1.0", "itsdangerous==2.2.0", "jinja2==3.1.6", "jmespath==1.0.1",
    "markupsafe==3.0.2", "packaging==25.0", "platformdirs==4.3.8", "pluggy==1.6.0", "pygments==2.19.2",
    "pyyaml==6.0.2", "requests==2.32.5", "six==1.17.0", "sniffio==1.3.1", "tqdm==4.67.1",
    "typing-extensions==4.14.1", "urllib3==2.5.0", "werkzeug==3.1.3",
)  # fmt: skip

MIXED, APART, SOURCE, WHEELS = "mixed", "both, one after the other", "the source alone", "the thirty wheels alone"


def _subjects(workspace: Workspace) -> list[Subject]:
    environment = workspace.environment | {ENGINE_VARIABLE: _engine()}
    wheels = "\n".join(THIRTY)
    source = workspace.file("mixed", "source", "requirements.txt", text=f"{_SOURCE}\n")
    locals_ = workspace.file("mixed", "wheels", "requirements.txt", text=f"{wheels}\n")
    mixed = workspace.file("mixed", "mixed", "requirements.txt", text=f"{_SOURCE}\n{wheels}\n")

    def subject(name: str, *files: Path) -> Subject:
        cache = workspace.place("mixed-layers")
        argv: list[str | Path] = [sys.executable, APPS / "mixed.py", cache, _IMAGE, *files]
        return Subject(name=name, action=process(argv, env=environment), prepare=workspace.gone("mixed-layers"))

    return [
        subject(APART, source, locals_),
        subject(MIXED, mixed),
        subject(SOURCE, source),
        subject(WHEELS, locals_),
    ]


def _engine() -> str:
    for engine in ("podman", "docker"):
        inspect = [engine, "image", "inspect", _IMAGE]
        if shutil.which(engine) and subprocess.run(inspect, capture_output=True, check=False).returncode == 0:
            return engine
    raise Unavailable(f"no container engine has the image `{_IMAGE}`, which `tests/engine/prepare` makes")


CASE = Case(
    name="mixed",
    about=(
        f"`{_SOURCE}`, which has no wheel for Python 3.13, and thirty packages that have one, for python3.13/x86_64: "
        "one is built in a container, the rest are installed on this machine. Over two builds, of the source alone and "
        "of the thirty alone. Locked, wheels in uv's cache, no built wheel and no layer in ours. In milliseconds."
    ),
    subjects=_subjects,
    rows=[Row(ours=MIXED, over=APART, limit=2000, per=1), Row(ours=MIXED, over=WHEELS, per=1)],
)
