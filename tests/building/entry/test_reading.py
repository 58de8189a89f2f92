"""A folder or file of the user's own, and what of it goes into a layer."""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from layer_constructs.building.entry.entry import Entry
from layer_constructs.building.entry.reading import is_executable, read_entry
from layer_constructs.building.size import LIMIT, LayerTooLargeError
from layer_constructs.errors import ArgumentError, LayerError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "entry"


def write(path: Path, content: bytes | str = b"x", mode: int = 0o644) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)
    return path


def paths(entry: Entry) -> list[str]:
    return [file.path for file in entry.files]


def refusal(folder: Path, *exclude: str) -> str:
    with pytest.raises(LayerError) as caught:
        read_entry(folder, into="", exclude=exclude)
    return str(caught.value)


def test_a_folders_files_go_below_into(folder: Path) -> None:
    write(folder / "b.txt")
    write(folder / "a" / "c.txt")
    assert paths(read_entry(folder, into="share/data")) == ["share/data/a/c.txt", "share/data/b.txt"]
    assert paths(read_entry(folder, into="")) == ["a/c.txt", "b.txt"]


def test_one_file_keeps_its_name(folder: Path) -> None:
    assert paths(read_entry(write(folder / "model.bin"), into="share")) == ["share/model.bin"]


@pytest.mark.parametrize(
    "written", [lambda top: Path("entry"), lambda top: top / "entry", lambda top: Path("./entry/")]
)
def test_a_path_is_relative_to_the_working_directory_or_absolute(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: Callable[[Path], Path]
) -> None:
    write(folder / "a" / "b.txt")
    monkeypatch.chdir(tmp_path)
    assert read_entry(written(tmp_path), into="").digest == read_entry(folder, into="").digest


def test_what_is_not_there_is_named_with_the_place_that_was_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ArgumentError, match=f"the entry nowhere doesn't exist\n.*{tmp_path / 'nowhere'}"):
        read_entry(Path("nowhere"), into="")


def test_a_folder_without_files_is_refused(folder: Path) -> None:
    (folder / "deep" / "down").mkdir(parents=True)
    write(folder / "__pycache__" / "a.cpython-313.pyc")
    assert "has no files" in refusal(folder)


def test_exclude_must_leave_something(folder: Path) -> None:
    write(folder / "a.txt")
    assert f"exclude leaves nothing of {folder}" in refusal(folder, "*.txt")


# Symbolic links


def test_a_link_to_a_file_or_a_folder_goes_in_as_a_copy(folder: Path) -> None:
    write(folder / "tool-1.2", "#!/bin/sh\n", 0o755)
    write(folder / "data" / "a.txt", "a")
    (folder / "tool").symlink_to("tool-1.2")
    (folder / "alias").symlink_to("data", target_is_directory=True)
    (folder / "absolute").symlink_to(folder / "data" / "a.txt")
    read = {file.path: file for file in read_entry(folder, into="").files}
    assert list(read) == ["absolute", "alias/a.txt", "data/a.txt", "tool", "tool-1.2"]
    assert read["tool"].executable
    assert read["absolute"].sha256 == read["alias/a.txt"].sha256 == read["data/a.txt"].sha256


def test_a_link_gives_the_same_as_the_copy_that_it_stands_for(tmp_path: Path) -> None:
    for name in ("linked", "copied"):
        write(tmp_path / name / "a.txt", "a")
    (tmp_path / "linked" / "b.txt").symlink_to("a.txt")
    write(tmp_path / "copied" / "b.txt", "a")
    assert len({read_entry(tmp_path / name, into="").digest for name in ("linked", "copied")}) == 1


def test_an_entry_that_is_a_link_itself_is_followed(folder: Path, tmp_path: Path) -> None:
    write(folder / "a.txt")
    (tmp_path / "current").symlink_to("entry")
    assert paths(read_entry(tmp_path / "current", into="")) == ["a.txt"]


def _to_a_neighbour(folder: Path) -> None:
    write(folder.parent / "outside" / "a.txt")
    (folder / "link").symlink_to("../outside")


def _to_itself(folder: Path) -> None:
    (folder / "link").symlink_to("link")


def _above(folder: Path) -> None:
    (folder / "link").symlink_to(".")


def _in_turn(folder: Path) -> None:
    (folder / "a").mkdir()
    (folder / "b").mkdir()
    (folder / "a" / "b").symlink_to("../b")
    (folder / "b" / "a").symlink_to("../a")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (_to_a_neighbour, "link is a symbolic link to ../outside, which is not in the entry"),
        (lambda folder: (folder / "link").symlink_to("/etc/passwd"), "to /etc/passwd, which is not in the entry"),
        (lambda folder: (folder / "link").symlink_to("gone"), "link is a symbolic link to gone, which leads nowhere"),
        (_to_itself, "link is a symbolic link to link, which leads nowhere"),
        (_above, "link is a symbolic link to ., which it is in itself"),
        (_in_turn, "a/b/a is a symbolic link to ../a, which it is in itself"),
    ],
)
def test_a_link_that_leads_out_or_nowhere_or_round_is_refused_unless_left_out(
    folder: Path, make: Callable[[Path], None], said: str
) -> None:
    write(folder / "kept.txt")
    make(folder)
    text = refusal(folder)
    assert said in text
    name = said.partition(" ")[0] if said.startswith(("link", "a/")) else "link"
    assert f"exclude=[{name!r}]" in text
    others = ["b/a"] if make is _in_turn else []
    assert paths(read_entry(folder, into="", exclude=[name.replace("a/b/a", "a/b"), *others])) == ["kept.txt"]


# What else may lie there


def test_what_is_run_is_known_by_any_of_its_run_bits(folder: Path) -> None:
    write(folder / "script", "#!/bin/sh\n", 0o644)
    write(folder / "data", "1", 0o755)
    write(folder / "owner", "1", 0o700)
    write(folder / "group", "1", 0o454)
    read = {file.path: file.executable for file in read_entry(folder, into="").files}
    assert read == {"script": False, "data": True, "owner": True, "group": True}


@pytest.mark.parametrize(
    ("mode", "head", "kept", "expected"),
    [
        (0o644, b"#!/bin/sh\n", True, False),
        (0o755, b"data", True, True),
        (0o666, b"#!/bin/sh\n", False, True),
        (0o666, b"\x7fELF\x02", False, True),
        (0o777, b"data", False, False),
    ],
)
def test_where_there_are_no_run_bits_scripts_and_programs_may_be_run(
    mode: int, head: bytes, kept: bool, expected: bool
) -> None:
    assert is_executable(mode, head, kept=kept) is expected


def test_the_umask_under_which_files_were_written_makes_no_difference(tmp_path: Path) -> None:
    digests = set()
    for name, umask in (("wide", 0o000), ("usual", 0o022), ("narrow", 0o077)):
        before = os.umask(umask)
        try:
            (tmp_path / name / "sub").mkdir(parents=True)
            (tmp_path / name / "sub" / "a.txt").write_text("a")
            program = tmp_path / name / "program"
            program.write_text("#!/bin/sh\n")
            program.chmod(0o777 & ~umask)
        finally:
            os.umask(before)
        digests.add(read_entry(tmp_path / name, into="").digest)
    assert len(digests) == 1


def test_an_empty_folder_is_named_and_one_that_is_left_out_or_has_bytecode_only_is_not(folder: Path) -> None:
    write(folder / "a.txt")
    for name in ("empty", "left/out", "above/below"):
        (folder / name).mkdir(parents=True)
    write(folder / "gone" / "__pycache__" / "gone.cpython-313.pyc")
    assert read_entry(folder, into="", exclude=["left"]).empty == ("above/below", "empty")


@pytest.mark.parametrize(
    "name",
    ["__pycache__", "cdk.out", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis", ".DS_Store", "Thumbs.db"],
)
def test_what_tools_leave_stays_out(folder: Path, name: str) -> None:
    write(folder / "a.txt")
    before = read_entry(folder, into="").digest
    write(folder / name if name in {".DS_Store", "Thumbs.db"} else folder / name / "x")
    assert read_entry(folder, into="").digest == before


@pytest.mark.parametrize("exclude", [["venv"], ["venv/"], ["venv/**"], ["*env"], ["/venv"]])
def test_a_virtual_environment_is_refused_unless_left_out(folder: Path, exclude: list[str]) -> None:
    write(folder / "a.txt")
    write(folder / "venv" / "pyvenv.cfg")
    write(folder / "venv" / "bin" / "python")
    text = refusal(folder)
    assert "venv is a virtual environment, and belongs in no layer" in text
    assert "exclude=['venv']" in text
    read = read_entry(folder, into="", exclude=exclude)
    assert (paths(read), read.unmatched) == (["a.txt"], ())


def test_an_entry_that_is_a_virtual_environment_itself_is_refused(folder: Path) -> None:
    write(folder / "pyvenv.cfg")
    assert "name the folder of your own files" in refusal(folder)


@pytest.mark.parametrize("as_file", [True, False])  # a worktree and a submodule have a file
def test_a_repository_is_refused_unless_left_out(folder: Path, as_file: bool) -> None:
    write(folder / "a.txt")
    write(folder / ".git" if as_file else folder / ".git" / "config")
    text = refusal(folder)
    assert ".git is a git repository's" in text
    assert "exclude=['.git']" in text
    assert paths(read_entry(folder, into="", exclude=[".git"])) == ["a.txt"]


@contextmanager
def _socket_at(path: Path) -> Iterator[None]:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))
        yield


def test_a_pipe_or_a_socket_is_refused_unless_left_out(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder / "a.txt")
    os.mkfifo(folder / "pipe")
    assert "pipe: it is neither a file nor a folder" in refusal(folder)
    (folder / "pipe").unlink()
    monkeypatch.chdir(folder)  # the path of a socket must be short
    with _socket_at(Path("socket")):
        assert "socket: it is neither a file nor a folder" in refusal(folder)
        assert paths(read_entry(folder, into="", exclude=["socket"])) == ["a.txt"]


def test_an_entry_that_is_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "it is neither a file nor a folder" in refusal(tmp_path / "pipe")


@pytest.mark.skipif(sys.platform != "linux", reason="other file systems refuse such a name")
def test_a_name_that_is_not_utf8_is_refused_unless_left_out(folder: Path) -> None:
    write(folder / "a.txt")
    (folder / os.fsdecode(b"caf\xe9.txt")).write_text("x")
    assert r"'caf\udce9.txt' has a name that is not UTF-8" in refusal(folder)
    assert paths(read_entry(folder, into="", exclude=["caf*"])) == ["a.txt"]


def test_spaces_and_unicode_are_names_like_others(folder: Path) -> None:
    names = ["a b.txt", "naïve/日本.txt", "🙂.txt", "quote'.txt"]
    for name in names:
        write(folder / name)
    assert paths(read_entry(folder, into="")) == sorted(names)


def test_names_that_differ_in_case_are_different_files(folder: Path) -> None:
    write(folder / "README")
    if (folder / "readme").exists():
        pytest.skip("this file system knows no case")
    write(folder / "readme")
    assert paths(read_entry(folder, into="")) == ["README", "readme"]


def test_a_deep_tree_is_read_and_an_absurd_one_refused(folder: Path) -> None:
    write(folder.joinpath(*["d"] * 150) / "a.txt")
    assert paths(read_entry(folder, into="")) == ["d/" * 150 + "a.txt"]
    write(folder.joinpath(*["e"] * 600) / "a.txt")
    assert "e has more than 200 folders in one another" in refusal(folder)
    assert len(read_entry(folder, into="", exclude=["e"]).files) == 1


def test_many_files_are_read(folder: Path) -> None:
    folder.mkdir()
    for number in range(2000):
        (folder / f"{number}.txt").write_bytes(b"%d" % number)
    assert len(read_entry(folder, into="", exclude=["[0-4].txt"]).files) == 1995


def test_a_file_that_cant_be_read_is_named_and_can_be_left_out(folder: Path) -> None:
    locked = write(folder / "locked" / "a.txt", mode=0)
    write(folder / "b.txt")
    with nobody(folder):
        text = refusal(folder)
        assert f"{locked}: it can't be read: Permission denied" in text
        assert "exclude=[...]" in text
        assert paths(read_entry(folder, into="", exclude=["locked"])) == ["b.txt"]


def test_an_entry_in_a_folder_that_cant_be_entered_is_named(folder: Path) -> None:
    write(folder / "locked" / "a.txt")
    (folder / "locked").chmod(0)
    with nobody(folder):
        assert f"{folder / 'locked' / 'a.txt'}: it can't be read: Permission denied" in refusal(
            folder / "locked" / "a.txt"
        )
    (folder / "locked").chmod(0o755)


def test_a_folder_that_cant_be_read_is_named_and_can_be_left_out(folder: Path) -> None:
    write(folder / "locked" / "a.txt")
    write(folder / "b.txt")
    (folder / "locked").chmod(0)
    with nobody(folder):
        assert f"{folder / 'locked'}: it can't be read: Permission denied" in refusal(folder)
        assert paths(read_entry(folder, into="", exclude=["locked"])) == ["b.txt"]
    (folder / "locked").chmod(0o755)


@contextmanager
def nobody(folder: Path) -> Iterator[None]:
    """As a user whose rights count: root's don't."""
    if os.geteuid() != 0:
        yield
        return
    for above in folder.parents:
        if above.stat().st_uid == 0 and above != Path("/"):
            above.chmod(above.stat().st_mode | 0o055)
        if above.name.startswith("pytest-of-"):
            break
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


# Files that change


def test_a_file_that_is_written_while_it_is_read_is_refused(folder: Path) -> None:
    data = write(folder / "data.bin")
    os.truncate(data, 64_000_000)
    stop = threading.Event()

    def keep_writing() -> None:
        with data.open("r+b", buffering=0) as file:
            while not stop.is_set():
                os.pwrite(file.fileno(), os.urandom(1), 0)

    writer = threading.Thread(target=keep_writing)
    writer.start()
    try:
        assert "data.bin: it changes while it is read" in refusal(folder)
    finally:
        stop.set()
        writer.join()
    assert paths(read_entry(folder, into="")) == ["data.bin"]


def test_more_than_lambda_takes_is_refused_before_it_is_read(folder: Path) -> None:
    folder.mkdir()
    with (folder / "huge.bin").open("wb") as file:
        file.truncate(LIMIT + 1)
    with pytest.raises(LayerTooLargeError, match=r"(?s)250.0 MB.*huge\.bin"):
        read_entry(folder, into="")


# Exclude


def test_what_exclude_takes_isnt_looked_at(folder: Path) -> None:
    write(folder / "a.txt")
    write(folder / "out" / ".git" / "config")
    write(folder / "out" / "venv" / "pyvenv.cfg")
    (folder / "out" / "link").symlink_to("/etc")
    os.mkfifo(folder / "out" / "pipe")
    assert paths(read_entry(folder, into="", exclude=["out"])) == ["a.txt"]


def test_globs_that_match_nothing_are_named_and_those_for_what_is_left_out_anyway_are_not(folder: Path) -> None:
    write(folder / "a.txt")
    write(folder / "tests" / "deep" / "notes.md")
    read = read_entry(folder, into="", exclude=["tests", "*.md", "*.cfg", "tests/deep/notes.md"])
    assert (paths(read), read.unmatched) == (["a.txt"], ("*.cfg",))


def test_a_name_in_another_folder_is_no_reason_to_leave_a_folder_out(folder: Path) -> None:
    write(folder / "a" / "y")
    write(folder / "a" / "x")
    assert paths(read_entry(folder, into="", exclude=["x"])) == ["a/y"]


@pytest.mark.parametrize("glob", ["!a", "../a", ""])
def test_what_is_no_glob_is_refused(folder: Path, glob: str) -> None:
    write(folder / "a.txt")
    assert "is not a glob that it takes" in refusal(folder, glob)


# What names the content


def test_the_digest_says_what_is_in_the_files_and_not_where_or_when(tmp_path: Path) -> None:
    for name in ("one", "other"):
        write(tmp_path / name / "a.txt", "a")
        write(tmp_path / name / "tool", "t", 0o755)
    os.utime(tmp_path / "other" / "a.txt", (0, 0))
    write(tmp_path / "other" / "notes.md")
    one, other = read_entry(tmp_path / "one", into=""), read_entry(tmp_path / "other", into="", exclude=["*.md"])
    assert one.digest == other.digest


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "a.txt").write_text("b"),
        lambda folder: (folder / "a.txt").rename(folder / "b.txt"),
        lambda folder: (folder / "a.txt").chmod(0o755),
        lambda folder: (folder / "b.txt").write_text(""),
    ],
)
def test_the_digest_moves_with_a_byte_a_name_a_run_bit_and_a_file(
    folder: Path, change: Callable[[Path], object]
) -> None:
    write(folder / "a.txt", "a")
    before = read_entry(folder, into="").digest
    change(folder)
    assert read_entry(folder, into="").digest != before


def test_the_digest_moves_with_the_folder_of_the_layer(folder: Path) -> None:
    write(folder / "a.txt")
    assert read_entry(folder, into="x").digest != read_entry(folder, into="").digest


def test_the_digest_is_the_same_for_good(folder: Path) -> None:
    write(folder / "a.txt", "a")
    write(folder / "bin" / "tool", "#!/bin/sh\n", 0o755)
    assert read_entry(folder, into="").digest == "11f1f14b1ece840a3b0a240b62da172c67088e82cd0f17fbcc154bb9856ece55"


def test_a_link_to_a_secret_under_a_harmless_name_is_one(folder: Path) -> None:
    write(folder / ".env", "A=1")
    (folder / "settings.txt").symlink_to(".env")
    read = read_entry(folder, into="etc", exclude=[".env"])
    assert read.secrets == {"etc/settings.txt": "variables of an environment"}


@pytest.mark.parametrize("name", [".aws", ".aws/credentials"])
def test_a_folder_that_holds_secrets_does_so_as_an_entry_too(tmp_path: Path, name: str) -> None:
    write(tmp_path / ".aws" / "credentials", "[default]")
    assert read_entry(tmp_path / name, into="etc").secrets == {"etc/credentials": "credentials of AWS"}
