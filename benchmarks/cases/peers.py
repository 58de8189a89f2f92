"""First builds and repeated ones, over what people use instead."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from benchmarks.case import Case, Row
from benchmarks.cases.first_build import REQUIREMENTS, TARGET
from benchmarks.pairs import CannotRun, Subject, process
from benchmarks.peers.installation import FOLDER, Container, Peers, container, peers
from benchmarks.workspace import APPS, ROOT, Workspace
from layer_constructs.building.bundling import Bundling
from layer_constructs.building.cache import DIRECTORY_VARIABLE
from layer_constructs.building.containers.engine import ENGINE_VARIABLE
from layer_constructs.building.dependencies import Dependencies
from layer_constructs.building.planning import make_plan

_SCRIPTS = ROOT / "benchmarks" / "peers"

_ENGINE = "podman"

OURS = "PythonDepsLayer"
ALPHA = "PythonLayerVersion of the alpha module"
DOCKER = "LayerVersion, bundled by Docker"
SAM_PIP, SAM_UV = "sam build, pip", "sam build, uv, a function"
PIP, UV = "pip install --platform", "uv pip install"
EMPTY, PLAIN = "an empty CDK app", "LayerVersion over an empty folder"

# What holds for both of them: "at least 4 x faster".
_DOCKER_LIMIT = 0.25


@dataclass(frozen=True, kw_only=True, slots=True)
class _Work:
    """:param layers: the requirements of each layer of ours; the others put all of them into one.
    :param expected: a module that must be there when it is done.
    :param sdist: whether a package has no wheel, so that a container builds it.
    """

    name: str
    layers: tuple[str, ...]
    expected: str
    sdist: bool = False

    @property
    def listed(self) -> str:
        return " and ".join(f"`{text.strip().replace(chr(10), ' ')}`" for text in self.layers)


SMALL = _Work(name="small", layers=("requests==2.34.2\n",), expected="requests")
_MIDDLE = _Work(name="middle", layers=(REQUIREMENTS,), expected="pandas")
# Together they are more than Lambda takes, which ours refuses and the others don't see.
_LARGE = _Work(name="large", layers=("pandas==2.3.2\nscipy==1.15.3\n", "pyarrow==20.0.0\n"), expected="scipy")
_MIXED = _Work(name="mixed", layers=("netifaces==0.11.0\nrequests==2.34.2\n",), expected="requests", sdist=True)


@dataclass(frozen=True, slots=True)
class Bench:
    """One piece of work, and where each of the peers does it.

    :param warm: the wheels are in everybody's cache; else every run starts with empty ones.
    """

    workspace: Workspace
    work: _Work
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
        output: str | None = None,
        kept: bool = False,
        optional: bool = True,
    ) -> Subject:
        """
        :param result: a glob below its folder for what must be there afterwards.
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
            if not any(folder.glob(result)):
                raise CannotRun(f"it ended without {result}")

        return Subject(name=name, action=action, prepare=prepare, optional=optional)

    def ours(self, name: str = OURS, *, kept: bool = False, cached: bool = False) -> Subject:
        """:param cached: the layer is in the user's cache; else only what it is made of."""
        image = container().image if self.work.sdist else ""
        argv: list[str | Path] = [sys.executable, _SCRIPTS / "ours.py", self.place(name), image, *self._files]
        env = self.environment
        subject = self.subject(name, argv, env=env, result="asset.*.zip", kept=kept, optional=False)

        def prepare() -> None:
            if not cached:
                shutil.rmtree(self._caches / "layers" / "layers", ignore_errors=True)
            subject.prepare()

        return replace(subject, prepare=prepare)

    def cdk(self, name: str, script: str, *, output: str | None = None, kept: bool = False) -> Subject:
        """One of the two that bundle in a container."""

        def make(there: Peers, box: Container) -> Subject:
            argv: list[str | Path] = [
                there.program("python"), _SCRIPTS / script, self.place(output or name), self.place("entry"),
                box.image, box.ca_bundle, self.pip_cache,
            ]  # fmt: skip
            result = f"asset.*/python/{self.work.expected}"
            return self.subject(name, argv, env=self.theirs, result=result, output=output, kept=kept)

        return or_missing(name, lambda: make(peers(), container()))

    def sam(self, name: str, template: str, *, result: str, kept: bool = False) -> Subject:
        file = self.workspace.file("peers", self.work.name, f"{name}.yaml", text=template)
        flags: list[str | Path] = [
            "--beta-features",
            "--build-dir",
            self.place(name),
            "--cache-dir",
            self.place(f"{name}, cache"),
        ]
        flags += ["--cached"] if kept else ["--no-cached"]

        def make(there: Peers) -> Subject:
            argv: list[str | Path] = [there.program("sam"), "build", "--template", file, *flags]
            return self.subject(name, argv, env=self.theirs, result=f"{result}/{self.work.expected}", kept=kept)

        return or_missing(name, lambda: make(peers()))

    def sam_pip(self, name: str = SAM_PIP, *, kept: bool = False) -> Subject:
        return self.sam(name, _SAM_LAYER, result="Layer/python", kept=kept)

    def sam_uv(self) -> Subject:
        return self.sam(SAM_UV, _SAM_FUNCTION, result="Function")

    def pip(self) -> Subject:
        platforms = [f"{tag}_{TARGET.machine}" for tag in ("manylinux_2_26", "manylinux_2_17", "manylinux2014")]
        flags = [word for platform in platforms for word in ("--platform", platform)]

        def make(there: Peers) -> Subject:
            argv: list[str | Path] = [
                there.program("python"), "-m", "pip", "install", "--quiet", "--only-binary", ":all:", *flags,
                "--python-version", TARGET.python, "--target", self.place(PIP),
                "--requirement", self.place("entry", "requirements.txt"),
            ]  # fmt: skip
            return self.subject(PIP, argv, env=self.theirs, result=self.work.expected)

        return or_missing(PIP, lambda: make(peers()))

    def uv(self) -> Subject:
        flags = [] if self.work.sdist else ["--only-binary", ":all:"]
        argv: list[str | Path] = [
            Path(sys.executable).with_name("uv"), "pip", "install", "--no-config", "--quiet", *flags,
            "--python", sys.executable, "--python-version", TARGET.python,
            "--python-platform", f"{TARGET.machine}-manylinux2014", "--link-mode", "copy",
            "--target", self.place(UV), "--requirements", self.place("entry", "requirements.txt"),
        ]  # fmt: skip
        return self.subject(UV, argv, env=self.theirs, result=self.work.expected)

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
        return [self.place(f"layer{number}", "requirements.txt") for number in range(len(self.work.layers))]

    def write_inputs(self) -> None:
        """Our requirements with their lock, and for the others the same versions, all of them named."""
        image = container().image if self.work.sdist else None
        os.environ[ENGINE_VARIABLE] = _ENGINE  # for the lock, which is made in this process
        packages: dict[str, str] = {}
        for file, text in zip(self._files, self.work.layers, strict=True):
            self.workspace.file(*file.relative_to(self.workspace.folder).parts, text=text)
            wanted = Dependencies(requirements=file, locked=False, bundling=Bundling.auto(image=image))
            packages |= make_plan(wanted, TARGET, cache=self.workspace.cache()).plan.packages
        pinned = "".join(f"{name}=={version}\n" for name, version in sorted(packages.items()))
        self.workspace.file("peers", self.work.name, "entry", "requirements.txt", text=pinned)
        self.workspace.file("peers", self.work.name, "entry", "index.py", text="def handler(event, context): ...\n")


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
_SAM_LAYER = f"""{_SAM}\
  Layer:
    Type: AWS::Serverless::LayerVersion
    Metadata: {{BuildMethod: {TARGET.runtime}, BuildArchitecture: {TARGET.architecture}}}
    Properties: {{ContentUri: entry, CompatibleRuntimes: [{TARGET.runtime}]}}
"""
_SAM_FUNCTION = f"""{_SAM}\
  Function:
    Type: AWS::Serverless::Function
    Metadata: {{BuildMethod: python-uv}}
    Properties:
      CodeUri: entry
      Handler: index.handler
      Runtime: {TARGET.runtime}
      Architectures: [{TARGET.architecture}]
"""


def _first(workspace: Workspace, *, work: _Work, warm: bool) -> list[Subject]:
    bench = Bench(workspace, work, warm)
    bench.write_inputs()
    return [
        bench.ours(),
        bench.cdk(ALPHA, "alpha.py"),
        bench.cdk(DOCKER, "plain_bundled.py"),
        bench.sam_pip(),
        bench.sam_uv(),
        bench.pip(),
        bench.uv(),
        bench.plain(EMPTY),
        bench.plain(PLAIN, bench.nothing()),
    ]


def _first_case(work: _Work, *, warm: bool, rounds: int) -> Case:
    caches = (
        "every wheel in everybody's cache, pip's mounted into the containers"
        if warm
        else "nothing in anybody's cache: it measures the network too"
    )
    return Case(
        name=f"peers-{work.name}{'' if warm else '-empty'}",
        about=(
            f"A first build of {work.listed} for {TARGET}, each as a whole process, with {caches}. Ours from its lock, "
            "the others from a requirements file with the same versions of everything. Both that bundle in a container "
            "use podman and an image that is ready; what works there isn't in their CPU time. `sam build` with uv "
            "makes no layers, so that it builds a function of them. Beyond an app with a `LayerVersion` over an empty "
            "folder is what the build itself takes, and that app by theirs is what no library could do better than."
        ),
        subjects=partial(_first, work=work, warm=warm),
        rows=[
            Row(ours=OURS, over=ALPHA, limit=_DOCKER_LIMIT, by="wall"),
            Row(ours=OURS, over=DOCKER, limit=_DOCKER_LIMIT, by="wall"),
            *(Row(ours=OURS, over=over, beyond=PLAIN, limit=_DOCKER_LIMIT, by="wall") for over in (ALPHA, DOCKER)),
            *(Row(ours=PLAIN, over=over, by="wall") for over in (ALPHA, DOCKER)),
            *(Row(ours=OURS, over=over) for over in (SAM_PIP, SAM_UV, PIP, UV, EMPTY, PLAIN)),
        ],
        most_runs=rounds,
        warm_up=warm,
    )


_KEPT, _FRESH = "cdk.out kept", "fresh cdk.out"
_SAM_AGAIN = "sam build, pip, cached"


def _again(workspace: Workspace) -> list[Subject]:
    bench = Bench(workspace, _MIDDLE, warm=True)
    bench.write_inputs()
    return [
        bench.plain(PLAIN, bench.nothing(), kept=True),
        bench.ours(f"{OURS}, {_FRESH}", cached=True),
        bench.ours(f"{OURS}, {_KEPT}", cached=True, kept=True),
        bench.cdk(f"{ALPHA}, {_KEPT}", "alpha.py", kept=True),
        bench.cdk(f"{ALPHA}, {_FRESH}", "alpha.py"),
        bench.cdk(f"{DOCKER}, {_KEPT}", "plain_bundled.py", kept=True),
        bench.cdk(f"{DOCKER}, {_FRESH}", "plain_bundled.py"),
        bench.sam_pip(_SAM_AGAIN, kept=True),
    ]


_AGAIN = Case(
    name="peers-again",
    about=(
        f"The layer of `{_first_case(_MIDDLE, warm=True, rounds=1).name}` once more, nothing changed. With a fresh "
        "`cdk.out`, as in CI, the two that bundle in a container build again; ours is in the user's cache."
    ),
    subjects=_again,
    rows=[
        *(Row(ours=f"{OURS}, {moment}", over=f"{ALPHA}, {moment}", by="wall") for moment in (_KEPT, _FRESH)),
        *(Row(ours=f"{OURS}, {moment}", over=f"{DOCKER}, {moment}", by="wall") for moment in (_KEPT, _FRESH)),
        *(Row(ours=f"{OURS}, {_KEPT}", over=over) for over in (_SAM_AGAIN, PLAIN)),
        Row(ours=f"{OURS}, {_FRESH}", over=PLAIN),
    ],
    most_runs=3,
)

CASES = (
    *(
        _first_case(work, warm=warm, rounds=rounds)
        for warm, each in ((True, (3, 3, 2, 3)), (False, (2, 2, 1, 1)))
        for work, rounds in zip((SMALL, _MIDDLE, _LARGE, _MIXED), each, strict=True)
    ),
    _AGAIN,
)
