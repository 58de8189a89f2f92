"""A requirements file is read as pip reads it, and what can't be pinned is refused with its place and the way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from layer_constructs.building.reading.requirement_line import RequirementLine
from layer_constructs.building.reading.requirements import RequirementsFile, read_requirements
from layer_constructs.errors import RequirementsError, UnsupportedRequirementError, Where

A, B = "a" * 64, "b" * 64
WHEEL = "Foo_Bar-1.0-py3-none-any.whl"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(text: str | bytes, name: str = "req.txt") -> RequirementsFile:
    path = Path(name)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_requirements(path)


def one(text: str) -> RequirementLine:
    (line,) = read(text).requirements
    return line


def refused(text: str | bytes, kind: type[RequirementsError] = RequirementsError) -> str:
    with pytest.raises(RequirementsError) as caught:
        read(text)
    assert type(caught.value) is kind
    return str(caught.value)


def project(path: str, marker: str = "pyproject.toml") -> Path:
    folder = Path(path)
    folder.mkdir(parents=True)
    (folder / marker).touch()
    return folder.absolute()


pytestmark = pytest.mark.usefixtures("folder")


def test_reads_names_extras_markers_and_the_line_they_stand_in() -> None:
    found = read("\n# a comment\nRequests[socks,security] >= 2.31, <3 ; python_version >= '3.11'\n\nnumpy\n")
    first, second = found.requirements
    assert first.name == "requests"
    assert first.where == Where(Path("req.txt"), 3)
    assert str(first.requirement) == 'Requests[security,socks]<3,>=2.31; python_version >= "3.11"'
    assert (second.name, second.where.line, second.hashes) == ("numpy", 5, ())


def test_joins_continued_lines_and_gives_the_first_line() -> None:
    line, after = read(
        f"\nrequests==2.32.3 \\\n    --hash=sha256:{B.upper()} \\\n    --hash sha256:{A}\\\n    # via x\nsix\n"
    ).requirements
    assert (line.where.line, after.where.line) == (2, 6)
    assert line.hashes == (f"sha256:{A}", f"sha256:{B}")


def test_a_comment_line_ends_a_continued_line_as_in_pip() -> None:
    assert [line.name for line in read("requests \\\n# why\nnumpy\n").requirements] == ["requests", "numpy"]


def test_a_backslash_at_the_end_of_the_file_continues_nothing() -> None:
    assert one("requests \\").name == "requests"


def test_a_hash_sign_inside_a_word_is_no_comment() -> None:
    line = one(f"foo-bar @ https://example.org/{WHEEL}#sha256={A}")
    assert line.hashes == (f"sha256:{A}",)


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_line_ends_and_a_byte_order_mark_change_nothing(newline: str, bom: str) -> None:
    found = read(f"{bom}requests \\{newline}  >=2{newline}six{newline}")
    assert [(line.name, line.where.line) for line in found.requirements] == [("requests", 1), ("six", 3)]


def test_the_index_comment_says_where_a_name_comes_from() -> None:
    index = "https://pypi.example.org/simple"
    assert one(f"requests  # index: {index}").index == index
    assert one(f"requests==1 \\\n  --hash=sha256:{A}  # index: {index}").index == index
    assert one(f"# index: {index}\nrequests").index is None


def test_refuses_an_index_comment_that_names_no_url() -> None:
    assert "req.txt:1: an index is named by its URL" in refused("requests  # index: internal")


@pytest.mark.parametrize("option", ["-r base.txt", "-rbase.txt", "--requirement base.txt", "--requirement=base.txt"])
def test_includes_files_relative_to_the_file_that_names_them(option: str) -> None:
    Path("reqs/more").mkdir(parents=True)
    Path("reqs/more/base.txt").write_text("six\n-r ../../top.txt\n")
    Path("reqs/dev.txt").write_text("-r more/base.txt\n")
    Path("base.txt").write_text("-r reqs/dev.txt")
    Path("top.txt").write_text("numpy")
    found = read(f"{option}\nrequests")
    assert [line.name for line in found.requirements] == ["six", "numpy", "requests"]
    assert str(found.requirements[0].where) == "reqs/more/base.txt:1"
    assert found.requirements[1].where.path.resolve() == Path("top.txt").resolve()


@pytest.mark.parametrize("option", ["-c limits.txt", "-climits.txt", "--constraint=limits.txt"])
def test_constraints_are_kept_apart(option: str) -> None:
    Path("limits.txt").write_text(f"numpy<2 --hash=sha256:{A}\n-c more.txt\n")
    Path("more.txt").write_text("six==1.16.0")
    found = read(f"{option}\nnumpy")
    assert [str(line.requirement) for line in found.requirements] == ["numpy"]
    assert [str(line.requirement) for line in found.constraints] == ["numpy<2", "six==1.16.0"]
    assert found.constraints[0].hashes == (f"sha256:{A}",)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("requests[socks]", "limits.txt:1: a constraint can't have extras"),
        ("./libs/shared", "limits.txt:1: a constraint can't be a local path"),
        ("-r req.txt", "limits.txt:1: a constraints file can't include requirements"),
    ],
)
def test_refuses_what_a_constraint_may_not_be(text: str, problem: str) -> None:
    project("libs/shared")
    Path("limits.txt").write_text(text)
    assert problem in refused("numpy\n-c limits.txt")


def test_a_file_included_twice_counts_once() -> None:
    Path("a.txt").write_text("-r base.txt")
    Path("base.txt").write_text("six")
    assert [line.name for line in read("-r a.txt\n-r base.txt").requirements] == ["six"]


def test_refuses_a_file_that_includes_itself() -> None:
    Path("b.txt").write_text("six\n-r req.txt")
    assert "b.txt:2: req.txt includes itself" in refused("-r b.txt")


def test_a_missing_included_file_names_the_line_and_the_absolute_path(folder: Path) -> None:
    assert refused("six\n-r reqs/../none.txt") == f"req.txt:2: there is no file {folder / 'none.txt'}"


def test_refuses_to_include_a_url_without_showing_its_password() -> None:
    text = refused("-r https://me:secret@example.org/r.txt")
    assert "****@example.org" in text
    assert "secret" not in text


def test_reads_the_index_options_without_expanding_variables(folder: Path) -> None:
    Path("wheels").mkdir()
    found = read(
        "-i https://u:${PIP_TOKEN}@a.example.org/simple\n--extra-index-url=https://b.example.org/simple\n"
        "--extra-index-url ${EXTRA}\n-f wheels --pre --no-index\n--find-links ${LINKS}\n"
        f"--find-links https://c.example.org/links\n--find-links file://{folder}/wheels\n"
        "--prefer-binary\n--only-binary :all:\nsix\n"
    )
    assert found.index_url
    assert (found.index_url.value, found.index_url.where.line) == ("https://u:${PIP_TOKEN}@a.example.org/simple", 1)
    assert [(each.value, each.where.line) for each in found.extra_index_urls] == [
        ("https://b.example.org/simple", 2),
        ("${EXTRA}", 3),
    ]
    wheels = str(folder / "wheels")
    assert [each.value for each in found.find_links] == [wheels, "${LINKS}", "https://c.example.org/links", wheels]
    assert found.no_index
    assert found.prereleases
    assert [line.name for line in found.requirements] == ["six"]


def test_the_last_index_url_wins_as_in_pip() -> None:
    found = read("-i https://a.example.org\n--index-url https://b.example.org\nsix")
    assert found.index_url
    assert found.index_url.value == "https://b.example.org"


def test_an_index_does_not_show_its_password_in_its_repr() -> None:
    assert "secret" not in repr(read("-i https://me:secret@example.org/simple\nsix"))


def test_refuses_find_links_that_are_not_there(folder: Path) -> None:
    assert f"req.txt:1: there is no file or folder {folder / 'wheels'}" in refused("-f wheels\nsix")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("--no-binary :all:", "the option --no-binary can't be used here"),
        ("--trusted-host example.org", "reach the index by https"),
        ("six --config-settings a=b", "nothing is built from source here"),
        ("six --global-option=x", "nothing is built from source here"),
        ("--proxy=http://me:secret@example.org", "the option --proxy can't be used here"),
        ("-z", "the option -z can't be used here"),
        ("six -r other.txt", "--requirement can't stand behind a requirement"),
        ("--index-url", "--index-url needs a value"),
        ("--hash=sha256:" + A, "--hash has no requirement in front of it"),
        ("--pre=yes", "--pre takes no value"),
        ("-r my file.txt", "an option has more than one value"),
        ("-r 'my file.txt", "the options can't be read: no closing quotation"),
        ("-i ../simple", "an index is named by its URL"),
        ("-r ${WHERE}/req.txt", "can't take variables"),
        ("six \\ \n", "a backslash continues a line only as its last character"),
    ],
)
def test_refuses_an_option_it_can_not_follow(text: str, said: str) -> None:
    message = refused(f"numpy\n{text}")
    assert message.startswith("req.txt:2: ")
    assert said in message
    assert "secret" not in message


@pytest.mark.parametrize("text", ["requests=2.0", "numpy>>1", "a b", "six==", "six; python", "six[", "six @", "=1"])
def test_refuses_a_mistyped_requirement_and_says_what_is_allowed(text: str) -> None:
    message = refused(f"numpy\n\n{text}  # comment")
    assert message.startswith(f"req.txt:3: this is not a requirement: {text}\n")
    assert "allowed: name" in message
    assert "fix: write it like" in message


def test_refuses_a_version_with_thousands_of_digits() -> None:
    assert "req.txt:1: this is not a requirement" in refused("six==" + "1" * 5000)


def test_refuses_a_variable_in_a_requirement() -> None:
    assert "req.txt:1: a requirement can't take variables: six==${V}" in refused("six==${V}")


@pytest.mark.parametrize("digest", ["md5:" + "a" * 32, "sha1:" + "a" * 40, "sha256:abc", "sha256:" + "g" * 64, A])
def test_refuses_a_hash_that_is_weak_or_malformed(digest: str) -> None:
    assert "this is not a hash that can be trusted" in refused(f"six==1 --hash={digest}")


@pytest.mark.parametrize("text", ["-e .", "-e./libs/x", "--editable=git+https://example.org/x", "-e file:///x"])
def test_refuses_an_editable_requirement_with_file_and_line(text: str) -> None:
    message = refused(f"six\n{text}", UnsupportedRequirementError)
    assert message.startswith("req.txt:2: an editable requirement can't be pinned: -e ")
    assert "name the folder without -e" in message


@pytest.mark.parametrize(
    "text",
    [
        "git+https://me:secret@example.org/x.git@v1",
        "name @ git+https://me:secret@example.org/x.git ; python_version < '3.12'",
        "hg+http://example.org/x",
        "name[extra]@git+ssh://git@example.org/x.git",
    ],
)
def test_refuses_version_control_with_the_way_out(text: str) -> None:
    message = refused(f"six\n{text}", UnsupportedRequirementError)
    assert message.startswith("req.txt:2: a requirement from version control can't be pinned by a hash")
    assert "build a wheel of it" in message
    assert "secret" not in message


def test_takes_the_url_of_a_wheel_with_a_hash() -> None:
    url = f"https://example.org/dl/{WHEEL}"
    for text in (
        f"{url} --hash=sha256:{A}",
        f"foo.bar @ {url} --hash=sha256:{A}",
        f"{url}#sha256={A}&egg=foo",
        f"Foo_Bar @ {url}#sha256={A}",
    ):
        line = one(text)
        assert (line.name, line.hashes, line.path) == ("foo-bar", (f"sha256:{A}",), None)
        assert line.requirement
        assert line.requirement.url == url


def test_keeps_extras_and_marker_of_a_url() -> None:
    for text in (f"https://h/{WHEEL}#sha256={A} ; os_name == 'posix'", f"x@ https://h/x-1-py3-none-any.whl#sha256={A}"):
        line = one(text)
        assert line.requirement
        assert bool(line.requirement.marker) is ("os_name" in text)
    assert str(one(f"foo-bar[a] @ https://h/{WHEEL}#sha256={A}").requirement) == f"foo-bar[a] @ https://h/{WHEEL}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"https://me:secret@example.org/{WHEEL}#sha256={A}", "can't hold a user or password"),
        (f"foo-bar @ https://secret@example.org/{WHEEL}#sha256={A}", "can't hold a user or password"),
        (f"https://example.org/{WHEEL}", "a URL without a hash can't be pinned"),
        (f"https://example.org/{WHEEL}#md5={'a' * 32}", "a URL without a hash can't be pinned"),
        ("foo @ https://example.org/foo-1.0.tar.gz#sha256=" + A, "a URL must be that of a wheel"),
        ("https://example.org/archive", "a URL must be that of a wheel"),
        (f"https://example.org/{WHEEL}#subdirectory=x", "a URL can't end with this: #subdirectory=x"),
        ("foo @ s3://bucket/foo-1.0-py3-none-any.whl", "s3:// is not a place"),
    ],
)
def test_refuses_a_url_that_can_not_be_pinned(text: str, said: str) -> None:
    message = refused(f"six\n{text}", UnsupportedRequirementError)
    assert message.startswith("req.txt:2: ")
    assert said in message
    assert "secret" not in message


def test_refuses_a_wheel_of_another_name() -> None:
    message = refused(f"baz @ https://example.org/{WHEEL}#sha256={A}")
    assert message == "req.txt:1: the line names baz, and its wheel is of foo-bar"


def test_a_mistyped_url_requirement_does_not_show_its_password() -> None:
    for text in ("foo @ https://me:se/cret@h/x.whl x", "foo @ https://me:se cret@h/x.whl", "foo @ http://me:secret@["):
        message = refused(text)
        assert "cret" not in message


@pytest.mark.parametrize(
    "template",
    ["./wheels/{wheel}", "wheels/{wheel}", "{folder}/wheels/{wheel}", "file://{folder}/wheels/{wheel}",
     "foo-bar @ file://{folder}/wheels/{wheel}", "foo_bar @ ./wheels/{wheel}", "file:wheels/{wheel}"],
)  # fmt: skip
def test_takes_a_local_wheel(folder: Path, template: str) -> None:
    Path("wheels").mkdir()
    (folder / "wheels" / WHEEL).touch()
    line = one(template.format(wheel=WHEEL, folder=folder) + f" --hash=sha256:{A}")
    assert (line.name, str(line.requirement), line.path) == ("foo-bar", "foo-bar==1.0", folder / "wheels" / WHEEL)
    assert line.hashes == (f"sha256:{A}",)


def test_a_local_wheel_keeps_its_extras_and_its_marker(folder: Path) -> None:
    (folder / WHEEL).touch()
    expected = 'foo-bar[a,b]==1.0; python_version < "3.12"'
    assert str(one(f"./{WHEEL}[b, a] ; python_version < '3.12'").requirement) == expected
    assert str(one(f"foo.bar[a,b] @ file://{folder}/{WHEEL} ; python_version < '3.12'").requirement) == expected
    assert str(one(f"{WHEEL};python_version<'3.12'").requirement) == expected.replace("[a,b]", "")


def test_takes_a_path_with_blanks_and_non_ascii_letters(folder: Path) -> None:
    expected = project("größe und mehr/ein paket")
    assert one("./größe und mehr/ein paket").path == expected
    assert one(f"x @ file://{folder}/gr%C3%B6%C3%9Fe%20und%20mehr/ein%20paket").path == expected


@pytest.mark.parametrize("marker", ["pyproject.toml", "setup.py"])
def test_takes_a_local_project_relative_to_the_file_that_names_it(marker: str) -> None:
    expected = project("reqs/libs/shared", marker)
    Path("reqs/base.txt").write_text("./libs/shared\nlibs/../libs/shared[fast] ; os_name == 'posix'\nx @ ./libs/shared")
    plain, conditional, named = read("-r reqs/base.txt").requirements
    assert (plain.name, plain.requirement, plain.path) == (None, None, expected)
    assert (conditional.path, conditional.extras) == (expected, ("fast",))
    assert str(conditional.marker) == 'os_name == "posix"'
    assert (named.name, named.requirement, named.path) == ("x", None, expected)


def test_takes_the_folder_of_the_file_itself(folder: Path) -> None:
    (folder / "setup.py").touch()
    assert one(".").path == folder
    assert one(".[fast]").extras == ("fast",)


def test_refuses_a_local_path_that_is_not_there(folder: Path) -> None:
    message = refused("six\n./libs/shared")
    assert message.startswith(f"req.txt:2: there is no file or folder {folder / 'libs/shared'}")


def test_refuses_a_local_folder_that_is_no_project(folder: Path) -> None:
    Path("libs").mkdir()
    message = refused("./libs")
    assert f"req.txt:1: {folder / 'libs'} is not a Python project" in message
    assert "neither a pyproject.toml nor a setup.py" in message


def test_refuses_a_hash_for_a_project_folder() -> None:
    project("libs")
    assert "a project folder can't have a hash" in refused(f"./libs --hash=sha256:{A}")


def test_refuses_a_local_source_distribution() -> None:
    Path("foo-1.0.tar.gz").touch()
    for text in ("./foo-1.0.tar.gz", "foo-1.0.tar.gz"):
        message = refused(text, UnsupportedRequirementError)
        assert "req.txt:1: a source distribution would have to run its build code" in message
        assert "name a wheel built from it" in message


def test_refuses_a_file_that_is_neither_a_wheel_nor_a_project() -> None:
    assert "req.txt is neither a wheel nor a project folder" in refused("./req.txt")


def test_refuses_a_wheel_with_a_malformed_name() -> None:
    Path("foo.whl").touch()
    assert "req.txt:1: this is not a wheel's file name: foo.whl" in refused("./foo.whl")


def test_refuses_a_file_url_of_another_machine() -> None:
    assert "a file URL can't name another machine" in refused("file://server/share/x")


def test_a_file_is_its_own_lock_when_everything_is_pinned_and_hashed(folder: Path) -> None:
    (folder / WHEEL).touch()
    pinned = (
        f"six==1.16.0 --hash=sha256:{A}\nnumpy==2 ; python_version < '3' --hash=sha256:{A} --hash=sha512:{'b' * 128}"
    )
    assert read(f"{pinned}\n./{WHEEL} --hash=sha256:{A}").is_pinned
    project("libs")
    for more in (
        "requests",
        "requests==2.32.3",
        f"requests==2.* --hash=sha256:{A}",
        f"requests==2,<3 --hash=sha256:{A}",
        f"requests>=2 --hash=sha256:{A}",
        f"requests===2 --hash=sha256:{A}",
        f"requests==2 --hash=sha512:{'b' * 128}",
        f"./{WHEEL}",
        "./libs",
    ):
        assert not read(f"{pinned}\n{more}").is_pinned, more


def test_require_hashes_wants_one_for_every_requirement() -> None:
    assert read(f"--require-hashes\nsix==1 --hash=sha256:{A}").is_pinned
    message = refused(f"six==1 --hash=sha256:{A}\nnumpy==2\n--require-hashes\n")
    assert message.startswith("req.txt:2: numpy has no hash, and req.txt:3 says --require-hashes")


def test_a_missing_file_is_named_by_the_absolute_path_tried(folder: Path) -> None:
    with pytest.raises(RequirementsError) as caught:
        read_requirements(Path("reqs/../none.txt"))
    assert str(caught.value) == (
        f"there is no file {folder / 'none.txt'}\n  relative paths are relative to the working directory, {folder}"
    )


def test_refuses_a_folder(folder: Path) -> None:
    with pytest.raises(RequirementsError, match="is not a file"):
        read_requirements(folder)


def test_refuses_a_path_that_no_file_can_have() -> None:
    for path in ("a\0b", "\ud800", "a" * 5000):
        with pytest.raises(RequirementsError):
            read_requirements(Path(path))


@pytest.mark.parametrize("text", ["", "\n\n", "# only\n   # comments", "-i https://example.org/simple", "\ufeff"])
def test_refuses_a_file_that_asks_for_nothing(text: str) -> None:
    message = refused(text)
    assert message.startswith("req.txt: there is nothing to install")
    assert "fix: write a requirement into it" in message


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"six\nnumpy\ncaf\xe9\n", 3),
        (b"six\r\ncaf\xe9\r\n", 2),
        (b"six\n\0numpy", 2),
        ("six\nnumpy".encode("utf-16"), 1),
        ("six\nnumpy".encode("utf-16-le"), 1),
        (b"\xef\xbb\xbfsix\n\xff", 2),
    ],
)
def test_refuses_what_is_not_utf_8_text_with_its_line(data: bytes, line: int) -> None:
    message = refused(data)
    assert message.startswith(f"req.txt:{line}: this is not UTF-8 text")
    assert "save it as UTF-8" in message
