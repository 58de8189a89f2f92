"""What the library is compared with, at fixed versions and outside the project's own environment."""

from __future__ import annotations

import hashlib
import shutil
import ssl
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.pairs import CannotRun

_HERE = Path(__file__).parent
_PINNED = _HERE / "requirements.txt"

# Below the project's own environment, which git ignores and `make clean` removes.
FOLDER = Path(sys.prefix) / "peers"

_BASE = "localhost/layer-constructs/python3.11:bookworm"  # made by tests/engine/prepare
_IMAGE = "localhost/layer-constructs/peers:python3.11"

# Where the host's trusted certificates are in a container, as in the apps beside this file.
_CA_BUNDLE = "/peers/ca.pem"


@dataclass(frozen=True, slots=True)
class Peers:
    """An environment with all of them.

    :param bin: where its programs are, its Python among them.
    """

    bin: Path

    def program(self, name: str) -> Path:
        """One of them, such as ``sam``."""
        return self.bin / name


@dataclass(frozen=True, slots=True)
class Container:
    """What the CDK bundles with.

    :param ca_bundle: the host's file of trusted certificates.
    """

    image: str
    ca_bundle: Path


def peers() -> Peers:
    """The environment; installed at first, and again when what is pinned is another.

    :raises CannotRun: if they can't be installed, with what uv said last.
    """
    stamp, wanted = FOLDER / ".installed", hashlib.sha256(_PINNED.read_bytes()).hexdigest()
    there = Peers(FOLDER / "bin")
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return there
    uv = str(Path(sys.executable).with_name("uv"))
    _run([uv, "venv", "--quiet", "--no-config", "--clear", "--python", sys.executable, str(FOLDER)])
    # Wheels only, so that no code of theirs runs while they are installed; compiled now, not in the first round.
    _run([uv, "pip", "install", "--quiet", "--no-config", "--no-deps", "--only-binary", ":all:", "--compile-bytecode",
          "--python", str(there.program("python")), "--requirements", str(_PINNED)])  # fmt: skip
    stamp.write_text(wanted, encoding="utf-8")
    return there


def container() -> Container:
    """The image that the peers bundle in; only podman makes it with a company's certificates for its network.

    :raises CannotRun: if there is no podman or no base image here, or it can't be made.
    """
    if not shutil.which("podman"):
        raise CannotRun("no podman on this machine, which `tests/engine/prepare` installs")
    if subprocess.run(["podman", "image", "exists", _BASE], check=False).returncode != 0:
        raise CannotRun(f"no image `{_BASE}`, which `tests/engine/prepare` makes")
    bundle = Path(ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt")
    _run([
        "podman", "build", "--quiet", "--build-arg", f"BASE={_BASE}", "--tag", _IMAGE, "--network", "host",
        "--volume", f"{bundle}:{_CA_BUNDLE}:ro", "--build-arg", f"PIP_CERT={_CA_BUNDLE}",
        "--file", str(_HERE / "Containerfile"), str(_HERE),
    ])  # fmt: skip
    return Container(_IMAGE, bundle)


def _run(argv: list[str]) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CannotRun(
            f"`{Path(argv[0]).name} {argv[1]}` failed: {(done.stderr.strip() or 'nothing said').splitlines()[-1]}"
        )
