"""The terminal in which a guide is followed: a folder, real programs, and stand-ins for what needs an account."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.support.docs_guide import ROOT

TOKEN = "codeartifact-t0ken"

# The AWS CLI as far as it goes without an account: the operation and its parameters are those of AWS's own model.
_AWS = f"""\
import re, sys
import botocore.loaders
service, operation, *rest = sys.argv[1:]
model = botocore.loaders.Loader().load_service_model(service, "service-2")
name = "".join(word.capitalize() for word in operation.split("-"))
members = model["shapes"][model["operations"][name]["input"]["shape"]]["members"]
allowed = {{"--" + re.sub("([A-Z])", lambda found: "-" + found[1].lower(), member) for member in members}}
wrong = {{word for word in rest if word.startswith("--")}} - allowed - {{"--query", "--output", "--region"}}
sys.exit(f"unknown: {{wrong}}") if wrong else print("{TOKEN}")
"""
_KEYRING = f"import sys; print('{TOKEN}') if sys.argv[1] == 'get' and sys.argv[3] == 'aws' else sys.exit(1)\n"


# What `cdk synth` is to an app, in half the time.
_CDK = """\
import os, sys
assert sys.argv[1] == "synth", sys.argv
os.execvpe("python3", ["python3", "app.py"], {**os.environ, "CDK_OUTDIR": "cdk.out"})
"""


class Terminal:
    """:param folder: where the guide is followed; empty but for what ``cdk init`` and ``git init`` leave.

    :param environment: more variables.
    :param cli: whether ``cdk`` is the real CDK CLI.
    :ivar worked: what a CI system ran.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None, *, cli: bool = False) -> None:
        self.folder = folder / "project"
        self.folder.mkdir()
        self.home = folder / "home"
        self.home.mkdir()
        programs = folder / "programs"
        programs.mkdir()
        self._sessions = folder / "sessions"
        self._sessions.mkdir()
        self.worked: set[str] = set()
        stand_ins = {"aws": _AWS, "keyring": _KEYRING, "pip": "", "npm": ""} | ({} if cli else {"cdk": _CDK})
        for name, code in stand_ins.items():
            (programs / name).write_text(f"#!{sys.executable}\n{code}", encoding="utf-8")
            (programs / name).chmod(0o755)
        here = [programs, Path(sys.executable).parent, ROOT / "node_modules" / ".bin"]
        self._environment = {
            **os.environ,
            "PATH": os.pathsep.join([*map(str, here), os.environ["PATH"]]),
            "LAYER_CONSTRUCTS_CACHE_DIR": str(folder / "layers"),  # a guide shows what is built for the first time
            "LAYER_CONSTRUCTS_QUIET": "",
            "GIT_CONFIG_GLOBAL": os.devnull,
            **{f"GIT_{who}_{what}": "me@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
            **(environment or {}),
        }
        self.write("cdk.json", '{"app": "python3 app.py"}\n')
        self.write(".gitignore", "cdk.out\n__pycache__\n")
        self.type("git init --quiet --initial-branch main")

    def write(self, name: str, text: str) -> None:
        """Save a file, below the home folder where its name begins with ``~/``."""
        path = self.home / name[2:] if name.startswith("~/") else self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def type(
        self, commands: str, variables: Mapping[str, str] | None = None, *, session: str = "reader"
    ) -> subprocess.CompletedProcess[str]:
        """Run commands in a shell that stops at the first that fails; what they export stays in the session."""
        exported = self._sessions / session
        exported.touch()
        given = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in (variables or {}).items())
        script = f"set -euo pipefail\n. {exported}\ntrap 'export -p > {exported}' EXIT\n{given}{commands}"
        return self._run(["bash", "-c", script])

    def python(self, code: str) -> subprocess.CompletedProcess[str]:
        """Run a program."""
        return self._run([sys.executable, "-c", code])

    def _run(self, argv: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            argv,
            cwd=self.folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
