"""What is in a layer, and the SBOM that says so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import uv
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from layer_constructs.building.inventory.components import Component, components
from layer_constructs.building.inventory.sbom import sbom
from layer_constructs.building.tree import normalise
from layer_constructs.building.wheel import LockedWheel

DIGEST = "0f" * 32


def install(root: Path, **metadata: str) -> Path:
    """Dist-infos as an installer leaves them: folder name to METADATA."""
    for folder, text in metadata.items():
        info = root / "python" / f"{folder}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(text, encoding="utf-8")
        (info / "RECORD").write_text(f"{info.name}/METADATA,,\n{info.name}/RECORD,,\n")
    return root


def found(root: Path, *wheels: LockedWheel) -> tuple[Component, ...]:
    return components(root, normalise(root), wheels=wheels)


def refuse_invalid(text: str) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


FULL = """\
Metadata-Version: 2.4
Name: My.Package
Version: 1.0.0
Summary: Does
 things
License-Expression: MIT OR Apache-2.0
Project-URL: Home Page, https://example.com/a?b=c

# Text
"""


def test_a_component_is_what_its_metadata_and_its_wheel_say(tmp_path: Path) -> None:
    wheel = LockedWheel(
        name="my-package", version="1.0.0", filename="my_package-1.0.0-py3-none-any.whl", sha256="ab" * 32
    )
    assert found(install(tmp_path, **{"My.Package-1.0.0": FULL}), wheel) == (
        Component(
            name="my-package",
            version="1.0.0",
            license="MIT OR Apache-2.0",
            license_said="MIT OR Apache-2.0",
            summary="Does things",
            homepage="https://example.com/a?b=c",
            filename="my_package-1.0.0-py3-none-any.whl",
            sha256="ab" * 32,
        ),
    )


def test_a_wheel_of_another_version_is_not_the_one_that_is_there(tmp_path: Path) -> None:
    wheel = LockedWheel(name="my-package", version="2.0", filename="my_package-2.0-py3-none-any.whl", sha256="ab" * 32)
    assert found(install(tmp_path, **{"My.Package-1.0.0": FULL}), wheel)[0].sha256 is None


def test_nothing_that_is_there_is_left_out(tmp_path: Path) -> None:
    root = install(tmp_path, **{"empty-1.0": "", "strange": "x", "hides-2.0": "Name: other\nVersion: 3\n"})
    (root / "python" / "bare-3.0.dist-info").mkdir()
    (root / "python" / "bare-3.0.dist-info" / "WHEEL").write_text("Wheel-Version: 1.0\n")
    listed = found(root)
    assert [(each.name, each.version) for each in listed] == [
        ("bare", "3.0"), ("empty", "1.0"), ("hides", "2.0"), ("strange", ""),
    ]  # fmt: skip
    assert not any(each.license or each.license_said for each in listed)
    refuse_invalid(sbom(listed, digest=DIGEST))


def test_a_dist_info_inside_a_package_is_none_of_the_layer(tmp_path: Path) -> None:
    root = install(tmp_path, **{"a-1.0": FULL})
    inner = root / "python" / "a" / "_vendor" / "b-1.0.dist-info"
    inner.mkdir(parents=True)
    (inner / "METADATA").write_text("Name: b\n")
    assert [each.name for each in found(root)] == ["a"]


def test_what_metadata_say_is_safe_to_print(tmp_path: Path) -> None:
    text = "Summary: red \x1b[31m\x07 end\nLicense: \x1b[2Jfree\nHome-page: javascript:alert(1)\n"
    listed = found(install(tmp_path, **{"a-1.0": text}))
    assert (listed[0].summary, listed[0].license_said, listed[0].homepage) == ("red [31m end", "[2Jfree", None)
    refuse_invalid(sbom(listed, digest=DIGEST))


@pytest.mark.parametrize("version", ["1.0", "1!2.0", "2.1.0+cpu", "1.0rc1"])
def test_the_package_url_is_that_of_the_specification(version: str) -> None:
    component = Component(name="my-package", version=version)
    assert PackageURL.from_string(component.purl) == PackageURL("pypi", name="my-package", version=version)
    assert component.purl == PackageURL("pypi", name="my-package", version=version).to_string()


@pytest.mark.parametrize(
    ("component", "licenses"),
    [
        (Component(name="a", version="1", license="MIT"), [{"license": {"id": "MIT"}}]),
        (Component(name="a", version="1", license="MIT OR ISC"), [{"expression": "MIT OR ISC"}]),
        (Component(name="a", version="1", license="Apache-2.0+"), [{"expression": "Apache-2.0+"}]),
        (Component(name="a", version="1", license="LicenseRef-Ours"), [{"expression": "LicenseRef-Ours"}]),
        (Component(name="a", version="1", license_said="BSD"), [{"license": {"name": "BSD"}}]),
        (Component(name="a", version="1"), None),
    ],
)
def test_the_sbom_says_of_the_licence_what_is_known(component: Component, licenses: object) -> None:
    text = sbom([component], digest=DIGEST)
    refuse_invalid(text)
    said = json.loads(text)["components"][0].get("licenses")
    for entry in said or []:
        assert (entry.get("license") or entry).pop("acknowledgement") == "declared"
    assert said == licenses


def test_the_sbom_is_the_same_whenever_and_wherever_it_is_made() -> None:
    listed = [Component(name=name, version="1.0", summary="straße") for name in ("b", "a", "a-b")]
    text = sbom(listed, digest=DIGEST)
    assert text == sbom(listed[::-1], digest=DIGEST)
    program = (
        "from layer_constructs.building.inventory.components import Component as C\n"
        "from layer_constructs.building.inventory.sbom import sbom\n"
        "import sys\n"
        "made = [C(name=name, version='1.0', summary='straße') for name in ('a-b', 'a', 'b')]\n"
        f"sys.stdout.buffer.write(sbom(made, digest={DIGEST!r}).encode())\n"
    )
    environ = {"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONPATH": os.getcwd()}  # noqa: PTH109
    done = subprocess.run([sys.executable, "-X", "utf8", "-c", program], env=environ, capture_output=True, check=True)
    assert done.stdout.decode() == text


def test_another_layer_has_another_serial_number() -> None:
    first, second = Component(name="a", version="1"), Component(name="a", version="1", license="MIT")
    serials = {
        json.loads(sbom([component], digest=digest))["serialNumber"]
        for component in (first, second)
        for digest in (DIGEST, "00" * 32)
    }
    assert len(serials) == 4


def test_a_layer_without_packages_has_an_sbom_too() -> None:
    refuse_invalid(sbom([], digest=DIGEST))


@pytest.mark.network
def test_real_packages_are_described_as_they_describe_themselves(tmp_path: Path) -> None:
    packages = ["numpy==2.4.0", "requests==2.32.5", "charset-normalizer==3.4.0", "pandas==2.3.2"]
    done = subprocess.run(
        [uv.find_uv_bin(), "pip", "install", "-q", "--no-config", "--no-deps", "--no-build", "--link-mode", "copy",
         "--python", sys.executable, "--target", tmp_path / "python", *packages],
        capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    listed = found(tmp_path)
    assert {each.label: each.license for each in listed} == {
        "charset-normalizer 3.4.0": "MIT",
        "numpy 2.4.0": "BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0",
        "pandas 2.3.2": None,
        "requests 2.32.5": "Apache-2.0",
    }
    assert all(each.summary and each.homepage and each.homepage.startswith("https://") for each in listed)
    refuse_invalid(sbom(listed, digest=DIGEST))
