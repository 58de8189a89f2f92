"""What an entry of Python code is."""

from __future__ import annotations

from pathlib import Path

import pytest

from layer_constructs.building.entry.python_code import is_project, read_code
from layer_constructs.errors import ArgumentError, BuildError


def write(path: Path, text: str = "x = 1\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def paths(entry: Path, *exclude: str) -> list[str]:
    return [file.path for file in read_code(entry, exclude=exclude).files]


def test_a_file_is_a_module(tmp_path: Path) -> None:
    assert paths(write(tmp_path / "shared.py")) == ["python/shared.py"]


def test_a_folder_with_an_init_is_a_package(tmp_path: Path) -> None:
    write(tmp_path / "shared" / "__init__.py")
    write(tmp_path / "shared" / "data" / "table.csv")
    assert paths(tmp_path / "shared") == ["python/shared/__init__.py", "python/shared/data/table.csv"]


def test_what_is_in_any_other_folder_goes_to_the_top(tmp_path: Path) -> None:
    write(tmp_path / "src" / "one.py")
    write(tmp_path / "src" / "shared" / "__init__.py")
    assert paths(tmp_path / "src") == ["python/one.py", "python/shared/__init__.py"]


def test_a_package_has_the_name_by_which_the_entry_calls_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "shared" / "__init__.py")
    (tmp_path / "alias").symlink_to("shared")
    monkeypatch.chdir(tmp_path / "shared")
    assert paths(Path()) == ["python/shared/__init__.py"]
    assert paths(tmp_path / "alias") == ["python/alias/__init__.py"]
    assert paths(tmp_path / "shared" / ".." / "alias") == ["python/alias/__init__.py"]


def test_bytecode_stays_out(tmp_path: Path) -> None:
    write(tmp_path / "src" / "one.py")
    for name in ("old.pyc", "old.pyo", "__pycache__/one.cpython-313.pyc"):
        write(tmp_path / "src" / name)
    assert paths(tmp_path / "src") == ["python/one.py"]


@pytest.mark.parametrize("name", ["my-module.py", "1st.py", "class.py"])
def test_a_module_that_cant_be_imported_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ArgumentError, match=r"is a module, and .* can't be imported"):
        read_code(write(tmp_path / name))


def test_a_package_that_cant_be_imported_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "my-package" / "__init__.py")
    with pytest.raises(ArgumentError, match="is a package, and 'my-package' can't be imported"):
        read_code(tmp_path / "my-package")


def test_another_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"(?s)is a file, and no Python module.*ContentLayer"):
        read_code(write(tmp_path / "data.csv"))


def test_a_folder_without_modules_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "src" / "data.csv")
    with pytest.raises(BuildError, match="has no Python module"):
        read_code(tmp_path / "src")


def test_a_folder_laid_out_as_a_layer_is_refused_with_the_right_folder(tmp_path: Path) -> None:
    write(tmp_path / "layer" / "python" / "one.py")
    with pytest.raises(ArgumentError, match=r"(?s)/opt/python/python.*layer/python'"):
        read_code(tmp_path / "layer")


@pytest.mark.parametrize(
    ("glob", "left"),
    [
        ("shared/tests", ["python/shared/__init__.py", "python/shared/conf.py"]),
        ("/shared/tests/", ["python/shared/__init__.py", "python/shared/conf.py"]),
        ("conf.py", ["python/shared/__init__.py", "python/shared/tests/one.py"]),
        ("shared/*.py", ["python/shared/tests/one.py"]),
    ],
)
def test_exclude_is_relative_to_python_for_a_package_too(tmp_path: Path, glob: str, left: list[str]) -> None:
    for name in ("__init__.py", "conf.py", "tests/one.py"):
        write(tmp_path / "shared" / name)
    assert paths(tmp_path / "shared", glob) == left


def test_globs_that_match_nothing_are_named_as_they_were_written(tmp_path: Path) -> None:
    write(tmp_path / "shared" / "__init__.py")
    write(tmp_path / "shared" / "a.md")
    read = read_code(tmp_path / "shared", exclude=["shared/*.md", "shared/tests", "other/tests"])
    assert read.unmatched == ("shared/tests", "other/tests")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"pyproject.toml": "[build-system]\nrequires = []\n"}, True),
        ({"pyproject.toml": "[project]\nname = 'x'\n"}, True),
        ({"setup.py": ""}, True),
        ({"pyproject.toml": "[tool.ruff]\n", "setup.py": ""}, True),
        ({"pyproject.toml": "[tool.ruff]\n"}, False),
        ({"shared.py": ""}, False),
    ],
)
def test_a_project_says_how_to_make_a_wheel_of_it(tmp_path: Path, files: dict[str, str], expected: bool) -> None:
    for name, text in files.items():
        write(tmp_path / name, text)
    assert is_project(tmp_path) is expected


def test_a_pyproject_that_cant_be_read_is_named(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", "[project")
    with pytest.raises(BuildError, match=r"pyproject\.toml: it can't be read"):
        is_project(tmp_path)


def test_a_project_that_isnt_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="doesn't exist"):
        is_project(tmp_path / "gone")
