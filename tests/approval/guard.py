"""The real cfn-guard, in the version that AWS ships with its CDK plugin for it."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import pytest

Answer = Literal["PASS", "FAIL", "SKIP"]

# Its exit codes: all rules hold or don't apply; one doesn't hold.
_CODES = {0: "PASS", 19: "FAIL"}


@dataclass(frozen=True)
class Guard:
    """:param folder: for the files that it reads."""

    binary: Path
    folder: Path

    def ask(self, rules: str, data: list[dict[str, Any]]) -> list[dict[str, Answer]]:
        """What each rule says of each of these."""
        (self.folder / "rules.guard").write_text(rules, encoding="utf-8")
        inputs = self.folder / "data"
        inputs.mkdir(exist_ok=True)
        for old in inputs.iterdir():
            old.unlink()
        for number, each in enumerate(data):
            (inputs / f"{number:06}.json").write_text(json.dumps(each), encoding="utf-8")
        command = [str(self.binary), "validate", "--rules", str(self.folder / "rules.guard"), "--data", str(inputs)]
        done = subprocess.run(
            [*command, "--structured", "--output-format", "json", "--show-summary", "none"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in _CODES, done.stderr
        reports = {Path(report["name"]).name: report for report in json.loads(done.stdout)}
        assert len(reports) == len(data)
        return [_answers(report) for _, report in sorted(reports.items())]


def _answers(report: dict[str, Any]) -> dict[str, Answer]:
    found: dict[str, Answer] = dict.fromkeys(report["compliant"], "PASS")
    found.update(dict.fromkeys(report["not_applicable"], "SKIP"))
    found.update({each["Rule"]["name"]: "FAIL" for each in report["not_compliant"]})
    return found


def unpacked(folder: Path) -> Guard:
    """The binary for this machine; the test is skipped where there is none."""
    spec = find_spec("cdklabs.cdk_validator_cfnguard") if find_spec("cdklabs") else None
    system = {"linux": "ubuntu", "darwin": "macos"}.get(sys.platform)
    if spec is None or spec.origin is None or system is None:
        pytest.skip("cdklabs-cdk-validator-cfnguard is not installed: uv sync installs it")
    (package,) = (Path(spec.origin).parent / "_jsii").glob("*.tgz")
    machine = {"arm64": "aarch64"}.get(platform.machine(), platform.machine())
    with tarfile.open(package) as archive:
        member = archive.getmember(f"package/bin/{system}/{machine}/cfn-guard")
        member.name = "cfn-guard"
        archive.extract(member, folder, filter="data")
    binary = folder / "cfn-guard"
    binary.chmod(0o755)
    return Guard(binary, folder)
