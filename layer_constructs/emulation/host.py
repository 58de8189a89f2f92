"""A function under this machine's own Python, with its layers in ``/opt`` where the machine lets us."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from layer_constructs.building import interpreter
from layer_constructs.building.cache import Cache
from layer_constructs.building.process import Run, clean_environment, run
from layer_constructs.emulation import tools
from layer_constructs.emulation.emulator import SERVE, serve
from layer_constructs.emulation.environment import lambda_variables
from layer_constructs.emulation.function import LocalFunction, NotRunnableError
from layer_constructs.emulation.invocation import Invocation, read_invocation
from layer_constructs.emulation.ports import HOST, free_ports

_MACHINES = {"x86_64": ("x86_64", "amd64"), "arm64": ("aarch64", "arm64")}
_OPT = Path("/opt")

# AWS's client, without the site-packages of the Python that runs it.
CLIENT = ("-s", "-S", "-m", "awslambdaric")

# In a mount namespace of its own, which takes no right on this machine: nobody else sees this /opt.
_MOUNT = 'mount --bind "$1" /opt && shift && exec "$@"'


@dataclass(frozen=True, kw_only=True, slots=True)
class Host:
    """:param cache: where AWS's programs are kept."""

    cache: Cache
    run: Run = run

    def invoke(self, function: LocalFunction, task: Path, opt: Path, event: bytes, *, port: int | None) -> Invocation:
        """:param task: the function's code.
        :param opt: its layers, laid over each other.
        :raises NotRunnableError: if this machine is another one than the function's.
        :raises LayerError: if a program can't be had or doesn't start.
        """
        self._refuse_another_machine(function)
        emulator = tools.emulator(function.architecture, cache=self.cache, run=self.run)
        python, packages = self._python(function)
        seen = [emulator, task, opt, *(path for path in (python, packages) if path)]
        namespace = self._namespace(opt, hidden=any(path.resolve().is_relative_to(_OPT) for path in seen))
        inside = _OPT if namespace else opt
        events, runtime = free_ports(port)
        program = [str(python), *CLIENT] if python else [str(_bootstrap(function, task, opt, inside))]
        argv = [
            *namespace, _program("sh"), "-c", SERVE, "sh", str(task), str(emulator),
            "--runtime-interface-emulator-address", f"{HOST}:{events}", "--runtime-api-address", f"{HOST}:{runtime}",
            *program, function.handler,
        ]  # fmt: skip
        env = {**_paths(function, task, inside, python, packages), **lambda_variables(function, task=str(task))}
        answer = serve(argv, env=env, port=events, event=event, timeout=function.timeout)
        notes = list(function.notes)
        if not namespace:
            notes.append(
                f"/opt is {opt} here, since this machine allows no mount of one's own or has its Python in /opt: "
                "no extension is started"
            )
        return read_invocation(answer, notes=tuple(notes))

    def _refuse_another_machine(self, function: LocalFunction) -> None:
        if sys.platform != "linux" or platform.machine().lower() not in _MACHINES[function.architecture]:
            raise NotRunnableError(
                f"{function.label} is for Linux on {function.architecture}, and this machine is "
                f"{platform.system()} on {platform.machine()}",
                fix="run it in a container with --container or --image IMAGE",
            )

    def _python(self, function: LocalFunction) -> tuple[Path | None, Path | None]:
        """The runtime's Python and what lies beside it; neither for a custom runtime."""
        if function.python is None:
            return None, None
        found = interpreter.find(function.python, run=self.run)
        return found.path, tools.runtime_packages(
            function.python, function.architecture, cache=self.cache, run=self.run
        )

    def _namespace(self, opt: Path, *, hidden: bool) -> list[str]:
        """What runs a program with another ``/opt``; nothing if that can't be, or would hide what it needs."""
        unshare, sh = shutil.which("unshare"), shutil.which("sh")
        if hidden or not _OPT.is_dir() or not unshare or not sh:
            return []
        user = [] if os.geteuid() == 0 else ["--user", "--map-current-user", "--keep-caps"]
        argv = [unshare, *user, "--mount", sh, "-c", _MOUNT, "sh", str(opt)]
        return argv if self.run([*argv, _program("true")], env=clean_environment()).returncode == 0 else []


def _paths(
    function: LocalFunction, task: Path, opt: Path, python: Path | None, packages: Path | None
) -> dict[str, str]:
    """As Lambda sets them, with this machine's folders.

    No site-packages of this machine is among them: what a layer lacks must be missing here, too.
    """
    # Lambda developer guide, "Defined runtime environment variables" and "Layer paths for each Lambda runtime".
    binaries = [str(python.parent)] if python else []
    paths = {
        "PATH": os.pathsep.join([*binaries, "/usr/local/bin", "/usr/bin", "/bin", f"{opt}/bin"]),
        "LD_LIBRARY_PATH": f"{task}:{task}/lib:{opt}/lib",
        "LANG": "C.UTF-8",
        "HOME": tempfile.gettempdir(),
    }
    if packages:
        layers = [f"{opt}/python/lib/python{function.python}/site-packages", f"{opt}/python"]
        paths["PYTHONPATH"] = os.pathsep.join([str(task), *layers, str(packages)])
        paths["LAMBDA_RUNTIME_DIR"] = str(packages)
        paths["PYTHONDONTWRITEBYTECODE"] = "1"
    return paths


def _bootstrap(function: LocalFunction, task: Path, opt: Path, inside: Path) -> Path:
    """The program of a custom runtime: of the function, else of a layer, as Lambda looks for it."""
    refuse_without_bootstrap(function, task, opt)
    return task / "bootstrap" if (task / "bootstrap").is_file() else inside / "bootstrap"


def refuse_without_bootstrap(function: LocalFunction, task: Path, opt: Path) -> None:
    """:raises NotRunnableError: if there is no ``bootstrap``, or one that Lambda couldn't start."""
    found = next((path for path in (task / "bootstrap", opt / "bootstrap") if path.is_file()), None)
    if found is None:
        raise NotRunnableError(
            f"{function.label} has the runtime {function.runtime}, and no file bootstrap in its code or a layer",
            details=[f"layers: {', '.join(layer.label for layer in function.layers) or 'none'}"],
        )
    if not os.access(found, os.X_OK):
        raise NotRunnableError(f"the bootstrap of {function.label} is not executable", fix="chmod +x bootstrap")
    with found.open("rb") as file:
        start = file.readline(256)
    if start.startswith(b"#!") and start.endswith(b"\r\n"):
        raise NotRunnableError(
            f"the first line of the bootstrap of {function.label} ends with CRLF, so its interpreter isn't found",
            fix="save it with LF line ends",
        )


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise NotRunnableError(f"there is no {name} on this machine", fix="run it in a container with --container")
    return found
