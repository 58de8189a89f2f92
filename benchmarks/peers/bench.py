"""One piece of work, done by each."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from benchmarks.cases.first_build import TARGET
from benchmarks.pairs import CannotRun, Subject, process
from benchmarks.peers.installation import FOLDER, Container, Peers, container, peers
from benchmarks.peers.work import Work
from benchmarks.workspace import APPS, ROOT, Workspace
from layer_constructs.building.bundling import Bundling
from layer_constructs.building.cache_folder import DIRECTORY_VARIABLE
from layer_constructs.building.containers.engine import ENGINE_VARIABLE
from layer_constructs.building.dependencies import Dependencies
from layer_constructs.building.planning import make_plan

_PINS = "requirements.txt"
_SCRIPTS = ROOT / "benchmarks" / "peers"

_ENGINE = "podman"

OURS = "PythonDepsLayer"
ALPHA = "PythonLayerVersion of the alpha module"
DOCKER = "LayerVersion, bundled by Docker"
SAM_PIP, SAM_UV = "sam build, pip", "sam build, uv, a function"
PIP, UV = "pip install --platform", "uv pip install"
EMPTY, PLAIN = "an empty CDK app", "LayerVersion over an empty folder"


@dataclass(frozen=True, slots=True)
class Bench:
    """One piece of work, and where each of the peers does it.

    :param warm: the wheels are in everybody's cache; else every run starts with empty ones.
    """

    workspace: Workspace
    work: Work
    warm: bool

    def place(self, *names: str) -> Path:
        return self.workspace.place("peers", self.work.name, *names)

    @property
    def _caches(self) -> Path:
        return self.place("warm" if self.warm else "empty")

    @property
    def pip_cache(self) -> Path:
        return self._caches / "pip"

    @property
    def environment(self) -> dict[str, str]:
        """What all of them see, and where each keeps what it fetched."""
        env = {
            **self.workspace.environment,
            "UV_CACHE_DIR": str(self._caches / "uv"),
            DIRECTORY_VARIABLE: str(self._caches / "layers"),
            "PIP_CACHE_DIR": str(self.pip_cache),
            "PIP_CONFIG_FILE": "/dev/null",  # as uv's: what lies around on the machine has no say
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "SAM_CLI_TELEMETRY": "0",
            ENGINE_VARIABLE: _ENGINE,
        }
        if "SSL_CERT_FILE" in env:
            env["PIP_CERT"] = env["SSL_CERT_FILE"]
        return env

    @property
    def theirs(self) -> dict[str, str]:
        """The same without what makes our checkout importable, and with their programs first."""
        env = {name: value for name, value in self.environment.items() if not name.startswith("PYTHON")}
        return env | {"PATH": f"{FOLDER / 'bin'}:{env['PATH']}"}

    def subject(
        self,
        name: str,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str],
        result: str,
        count: int = 1,
        output: str | None = None,
        kept: bool = False,
        optional: bool = True,
    ) -> Subject:
        """
        :param result: a glob below its folder for what must be there afterwards.
        :param count: in so many folders, or so many files.
        :param output: its folder.
        :param kept: it finds there what its run before left.
        """
        folder = self.place(output or name)

        def prepare() -> None:
            if not kept:
                shutil.rmtree(folder, ignore_errors=True)
            if not self.warm:
                shutil.rmtree(self._caches, ignore_errors=True)
            self.pip_cache.mkdir(parents=True, exist_ok=True)  # a container's volume must be there

        act = process(argv, env=env, cwd=self.place())

        def action() -> None:
            act()
            found = {path if path.is_file() else path.parent for path in folder.glob(result)}
            if len(found) < count:
                raise CannotRun(f"it ended with {len(found)} of {count} {result}")

        return Subject(name=name, action=action, prepare=prepare, optional=optional)

    def ours(self, name: str = OURS, *, kept: bool = False, cached: bool = False) -> Subject:
        """:param cached: the layer is in the user's cache; else only what it is made of."""
        image = container().image if self.work.sdist else ""
        argv: list[str | Path] = [sys.executable, _SCRIPTS / "ours.py", self.place(name), image, *self._files]
        env = self.environment
        subject = self.subject(
            name, argv, env=env, result="asset.*.zip", count=len(self._files), kept=kept, optional=False
        )

        def prepare() -> None:
            if not cached:
                shutil.rmtree(self._caches / "layers" / "layers", ignore_errors=True)
            subject.prepare()

        return replace(subject, prepare=prepare)

    def cdk(self, name: str, script: str, *, output: str | None = None, kept: bool = False) -> Subject:
        """One of the two that bundle in a container."""

        def make(there: Peers, box: Container) -> Subject:
            argv: list[str | Path] = [
                there.program("python"), _SCRIPTS / script, self.place(output or name),
                box.image, box.ca_bundle, self.pip_cache, *self.entries,
            ]  # fmt: skip
            result = f"asset.*/python/{self.work.expected}"
            count = len(self.entries)
            return self.subject(name, argv, env=self.theirs, result=result, count=count, output=output, kept=kept)

        return or_missing(name, lambda: make(peers(), container()))

    def sam(self, name: str, resource: str, *, result: str, kept: bool = False) -> Subject:
        resources = (resource.format(number=number, entry=entry) for number, entry in enumerate(self.entries))
        file = self.workspace.file("peers", self.work.name, f"{name}.yaml", text=_SAM + "".join(resources))
        flags: list[str | Path] = [
            "--beta-features",
            "--build-dir",
            self.place(name),
            "--cache-dir",
            self.place(f"{name}, cache"),
        ]
        flags += ["--cached"] if kept else ["--no-cached"]
        flags += ["--parallel"] if self.work.apart else []

        def make(there: Peers) -> Subject:
            argv: list[str | Path] = [there.program("sam"), "build", "--template", file, *flags]
            there_after = f"{result}/{self.work.expected}"
            return self.subject(name, argv, env=self.theirs, result=there_after, count=len(self.entries), kept=kept)

        return or_missing(name, lambda: make(peers()))

    def sam_pip(self, name: str = SAM_PIP, *, kept: bool = False) -> Subject:
        return self.sam(name, _SAM_LAYER, result="Layer*/python", kept=kept)

    def sam_uv(self) -> Subject:
        return self.sam(SAM_UV, _SAM_FUNCTION, result="Function*")

    def pip(self) -> Subject:
        platforms = [f"{tag}_{TARGET.machine}" for tag in ("manylinux_2_26", "manylinux_2_17", "manylinux2014")]
        flags = [word for platform in platforms for word in ("--platform", platform)]

        def make(there: Peers) -> Subject:
            return self._installer(
                PIP,
                there.program("python"), "-m", "pip", "install", "--quiet", "--only-binary", ":all:", *flags,
                "--python-version", TARGET.python,
            )  # fmt: skip

        return or_missing(PIP, lambda: make(peers()))

    def uv(self) -> Subject:
        flags = [] if self.work.sdist else ["--only-binary", ":all:"]
        return self._installer(
            UV,
            Path(sys.executable).with_name("uv"), "pip", "install", "--no-config", "--quiet", *flags,
            "--python", sys.executable, "--python-version", TARGET.python,
            "--python-platform", f"{TARGET.machine}-manylinux2014", "--link-mode", "copy",
        )  # fmt: skip

    def _installer(self, name: str, *install: str | Path) -> Subject:
        """A program that is called for one layer after the other."""
        calls = [
            shlex.join(map(str, [*install, "--target", self.place(name, entry.name), "--requirement", entry / _PINS]))
            for entry in self.entries
        ]
        argv = ["sh", "-c", " && ".join(calls)]
        result = f"*/{self.work.expected}"
        return self.subject(name, argv, env=self.theirs, result=result, count=len(calls))

    def plain(self, name: str, *folders: Path, kept: bool = False) -> Subject:
        argv: list[str | Path] = [sys.executable, APPS / "plain.py", self.place(name), *folders]
        return self.subject(name, argv, env=self.environment, result="Stack.template.json", kept=kept, optional=False)

    def nothing(self) -> Path:
        """An empty folder."""
        folder = self.place("nothing")
        folder.mkdir(exist_ok=True)
        return folder

    @property
    def _files(self) -> list[Path]:
        return [self.place(f"layer{number}", _PINS) for number in range(len(self.work.layers))]

    @property
    def entries(self) -> list[Path]:
        """The folders of which the others make their layers."""
        return [self.place(f"entry{number}") for number in range(len(self._files) if self.work.apart else 1)]

    def write_inputs(self) -> None:
        """Our requirements with their lock, and for the others the same versions, all of them named."""
        image = container().image if self.work.sdist else None
        os.environ[ENGINE_VARIABLE] = _ENGINE  # for the lock, which is made in this process
        pins: list[dict[str, str]] = [{} for _ in self.entries]
        for number, (file, text) in enumerate(zip(self._files, self.work.layers, strict=True)):
            self.workspace.file(*file.relative_to(self.workspace.folder).parts, text=text)
            wanted = Dependencies(requirements=file, locked=False, bundling=Bundling.auto(image=image))
            pins[number % len(pins)] |= make_plan(wanted, TARGET, cache=self.workspace.cache()).plan.packages
        for entry, packages in zip(self.entries, pins, strict=True):
            text = "".join(f"{name}=={version}\n" for name, version in sorted(packages.items()))
            folder = entry.relative_to(self.workspace.folder).parts
            self.workspace.file(*folder, _PINS, text=text)
            self.workspace.file(*folder, "index.py", text="def handler(event, context): ...\n")


def or_missing(name: str, make: Callable[[], Subject]) -> Subject:
    """What ``make`` gives, or a subject that can't run and says why."""
    try:
        return make()
    except CannotRun as reason:
        return Subject(name=name, action=partial(_cannot, str(reason)), optional=True)


def _cannot(reason: str) -> None:
    raise CannotRun(reason)


_SAM = """\
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Resources:
"""
_SAM_LAYER = f"""\
  Layer{{number}}:
    Type: AWS::Serverless::LayerVersion
    Metadata: {{{{BuildMethod: {TARGET.runtime}, BuildArchitecture: {TARGET.architecture}}}}}
    Properties: {{{{ContentUri: {{entry}}, CompatibleRuntimes: [{TARGET.runtime}]}}}}
"""
_SAM_FUNCTION = f"""\
  Function{{number}}:
    Type: AWS::Serverless::Function
    Metadata: {{{{BuildMethod: python-uv}}}}
    Properties:
      CodeUri: {{entry}}
      Handler: index.handler
      Runtime: {TARGET.runtime}
      Architectures: [{TARGET.architecture}]
"""
