"""The guides are true: what they say to write is written, what they say to run is run, and shows what they show."""

from __future__ import annotations

import inspect
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import click
import pytest
import yaml
from aws_cdk.aws_lambda_python_alpha import BundlingOptions, PythonLayerVersion

from layer_constructs.building.cache_folder import DIRECTORY_VARIABLE
from layer_constructs.cli import main
from tests.support.docs_guide import DOCS, ROOT, Block, blocks_of, jobs_of, missing_from
from tests.support.docs_terminal import TOKEN, Terminal
from tests.support.private_index import PrivateIndex
from tests.support.wheels import make_wheel

# Their blocks stand for themselves: each runs in a folder with requirements.
PYTHON_GUIDES = ("approval.md", "functions.md", "releasing.md", "rights.md", "sharing.md")
# They ask a service, or need an account or an image: for those a test of its own, and here only what click reads.
_ONLY_READ = re.compile(r"^layer-constructs (audit|verify|.*--(image|command-hook|rebuild|container)\b)")

GUIDE_FROM = (DOCS / "from-python-layer-version.md").read_text(encoding="utf-8")

BLOCKS = [
    pytest.param(block.text, id=f"{name} {number}")
    for name in PYTHON_GUIDES
    for number, block in enumerate(blocks_of((DOCS / name).read_text(encoding="utf-8")))
    if block.language == "python"
]


def test_every_guide_has_python() -> None:
    assert {str(block.id).split()[0] for block in BLOCKS} == set(PYTHON_GUIDES)


@pytest.mark.parametrize("code", BLOCKS)
def test_its_python_runs_in_a_folder_with_requirements(code: str, tmp_path: Path) -> None:
    (tmp_path / "req.txt").write_text("idna==3.10\n", encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.network
@pytest.mark.parametrize("name", ["code-layers.md", "content-layers.md", "docker.md", "many-targets.md"])
def test_a_guide_can_be_followed_from_an_empty_folder(name: str, tmp_path: Path) -> None:
    follow(name, Terminal(tmp_path))


@pytest.mark.network
def test_the_way_from_python_layer_version_changes_in_the_template_what_it_says(tmp_path: Path) -> None:
    name = "from-python-layer-version.md"
    terminal = Terminal(tmp_path)
    follow(name, terminal)
    unbundled = {"CDK_OUTDIR": "before", "CDK_CONTEXT_JSON": '{"aws:cdk:bundling-stacks": []}'}
    done = terminal.type("python3 before.py", unbundled)
    assert done.returncode == 0, done.stdout
    (was, before), (now, after) = (
        next(
            (key, {**resource, **resource["Properties"]})
            for key, resource in json.loads((terminal.folder / outdir / "Report.template.json").read_text("utf-8"))[
                "Resources"
            ].items()
            if resource["Type"] == "AWS::Lambda::LayerVersion"
        )
        for outdir in ("before", "cdk.out")
    )
    assert was == now
    changed = {key for key in {*before, *after} - {"Metadata", "Properties"} if before.get(key) != after.get(key)}
    said = {*re.findall(r"`(\w+)`", section(name, "What changes in the template"))}
    assert changed <= said | {"Content"}
    assert after["UpdateReplacePolicy"] == "Retain"


def test_the_way_from_python_layer_version_names_every_argument_that_it_has() -> None:
    before = section("from-python-layer-version.md", "`PythonLayerVersion` of `aws-lambda-python-alpha`")
    rows = "".join(re.findall(r"^\| ([^|]+) \|", before, re.MULTILINE))
    named = set(re.findall(r"`(\w+)", rows))
    for construct in (PythonLayerVersion, BundlingOptions):
        theirs = set(inspect.signature(construct.__init__).parameters) - {"self", "scope", "id"}
        assert theirs <= named, theirs - named


def test_the_way_from_python_layer_version_keeps_the_names_that_it_says() -> None:
    from layer_constructs import Bundling

    (row,) = re.findall(r"^\| \.\.\. (`image`[^|]+) \| the same names", GUIDE_FROM, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", row)) <= set(inspect.signature(Bundling.auto).parameters)


def section(name: str, heading: str) -> str:
    """What stands under a heading of a guide, up to the next that is as high."""
    text = (DOCS / name).read_text(encoding="utf-8")
    (level,) = re.findall(rf"^(#+) {re.escape(heading)}$", text, re.MULTILINE)
    return re.split(rf"^{level} ", text.partition(f"{level} {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


@pytest.mark.network
def test_the_guide_to_dependencies_can_be_followed_with_the_real_cdk(tmp_path: Path) -> None:
    follow("dependencies.md", Terminal(tmp_path, cli=True))


@pytest.mark.network
def test_the_guide_to_ci_can_be_followed_and_a_restored_cache_needs_no_network(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    follow("ci.md", terminal)
    assert {"layer-constructs lock req.txt --check", "cdk synth --quiet"} <= terminal.worked
    (mend,) = (command for command in terminal.worked if "chmod" in command)
    packed = terminal.type(
        "tar -cf layers.tar .layers && rm -r .layers cdk.out && tar -xf layers.tar && chmod -R go+w .layers"
    )
    assert packed.returncode == 0, packed.stdout
    again = terminal.type(
        f"git checkout --quiet req.txt pylock.req.toml\n{mend}\ncdk synth --quiet",
        {
            "CI": "true",
            DIRECTORY_VARIABLE: ".layers",
            "UV_OFFLINE": "1",
            "UV_CACHE_DIR": str(tmp_path / "nothing"),
        },
    )
    assert again.returncode == 0, again.stdout
    assert "building" not in again.stdout
    assert list((terminal.folder / "cdk.out").glob("asset.*.zip"))


@pytest.mark.network
@pytest.mark.real
def test_the_guide_to_a_new_python_can_be_followed(tmp_path: Path, pythons: Mapping[str, Path]) -> None:
    for version in ("3.12", "3.13"):
        if version not in pythons:
            pytest.skip(f"no Python {version} on this machine")
    follow("new-python.md", Terminal(tmp_path))


@pytest.mark.real
def test_the_guide_to_custom_runtimes_can_be_followed(tmp_path: Path) -> None:
    follow("custom-runtime.md", Terminal(tmp_path))


CODEARTIFACT = "team-111122223333.d.codeartifact.eu-west-1.amazonaws.com"


@pytest.mark.network
def test_the_guide_to_private_indexes_can_be_followed_with_indexes_that_want_a_password(tmp_path: Path) -> None:
    wheels = [make_wheel(tmp_path / "wheels", "billing", "2.1"), make_wheel(tmp_path / "wheels", "idna", "3.10")]
    reader, aws = "${INDEX_USER}:${INDEX_PASSWORD}@", "aws:${CODEARTIFACT_AUTH_TOKEN}@"
    with (
        PrivateIndex(wheels, username="reader", password="s3cret") as house,
        PrivateIndex(wheels, username="aws", password=TOKEN) as codeartifact,
    ):
        places = {
            "pypi.example.com/simple": f"{house.host}/simple",
            f"{CODEARTIFACT}/pypi/python/simple": f"{codeartifact.host}/simple",
        }
        replaced = {
            f"https://{login}{place}": f"http://{login}{here}"
            for place, here in places.items()
            for login in ("", reader, aws, "aws@")
        }
        terminal = Terminal(tmp_path, {"HOME": str(tmp_path / "home")})
        (Path.home() / ".cache").mkdir(exist_ok=True)
        (terminal.home / ".cache").symlink_to(Path.home() / ".cache")  # what uv and jsii have there is worth keeping
        follow("private-indexes.md", terminal, {**replaced, "machine pypi.example.com": "machine 127.0.0.1"})
        assert any("get-authorization-token" in command for command in terminal.worked)
        for secret in ("s3cret", TOKEN):
            for path in terminal.folder.rglob("*"):
                assert path.is_dir() or secret.encode() not in path.read_bytes(), path


def follow(name: str, terminal: Terminal, replaced: Mapping[str, str] | None = None) -> None:
    """Do what a guide says, from top to bottom.

    :param replaced: what stands for something of the reader's own.
    """
    text = (DOCS / name).read_text(encoding="utf-8")
    for ours, theirs in (replaced or {}).items():
        text = text.replace(ours, theirs)
    for block in blocks_of(text):
        if block.file:
            terminal.write(block.file, block.text)
        if block.language == "python" and not block.file:
            done = terminal.python(block.text)
        elif block.language == "console":
            done = terminal.type(runnable(block.text))
        else:
            if block.language == "yaml":
                work(block, terminal)
            continue
        assert (done.returncode != 0) == block.fails, f"{block.text}\n{done.stdout}"
        missing = missing_from(done.stdout, block.shown or "")
        assert missing is None, f"{block.text}\nwas to show: {missing}\n{done.stdout}"


def runnable(commands: str) -> str:
    """The commands, without those of ours that can only be read here."""
    kept = []
    for line in commands.splitlines(keepends=True):
        if _ONLY_READ.match(line):
            read(shlex.split(line, comments=True))
        else:
            kept.append(line)
    return "".join(kept)


def read(words: list[str]) -> None:
    """Let click read a command as the program would."""
    command = main.get_command(click.Context(main), words[1])
    assert command, words
    command.make_context(words[1], words[2:])


def work(configuration: Block, terminal: Terminal) -> None:
    """Run what a CI system would, but nothing twice for the same lines in two systems."""
    for job in jobs_of(configuration.text):
        passed_on = terminal.folder.with_name("github-env")
        own = {"CI": "true", "GITHUB_ENV": str(passed_on)}
        for variable, value in job.environment.items():
            own[variable] = re.sub(r"\$\{\{ github\.workspace \}\}|\$CI_PROJECT_DIR", str(terminal.folder), value)
        if DIRECTORY_VARIABLE in own:
            assert terminal.folder / own[DIRECTORY_VARIABLE] == terminal.folder / ".layers"
        for command in job.commands:
            if command in terminal.worked:
                continue
            if passed_on.exists():
                own |= dict(line.split("=", 1) for line in passed_on.read_text(encoding="utf-8").splitlines())
            done = terminal.type(command, own, session=job.name)
            assert done.returncode == 0, f"{command}\n{done.stdout}"
            terminal.worked.add(command)


def test_what_is_configured_of_other_tools_is_theirs_and_ours() -> None:
    blocks = {block.file: block.text for block in blocks_of((DOCS / "ci.md").read_text(encoding="utf-8")) if block.file}
    (hook,) = yaml.safe_load(blocks[".pre-commit-config.yaml"])["repos"][0]["hooks"]
    assert re.search(hook["files"], "service/req.txt")
    (rule,) = json.loads(blocks["renovate.json"])["packageRules"]
    commands = [f"{hook['entry']} req.txt", *rule["postUpgradeTasks"]["commands"]]
    for command in commands:
        read(shlex.split(command))


def test_every_option_of_ours_that_a_guide_names_exists() -> None:
    options = {"--version", "--help"}
    for name in main.list_commands(click.Context(main)):
        command = main.get_command(click.Context(main), name)
        commands = [command, *(command.commands.values() if isinstance(command, click.Group) else ())]
        options |= {option for each in commands if each for param in each.params for option in param.opts}
    for page in DOCS.glob("*.md"):
        for command in re.findall(r"`layer-constructs ([^`]+)`", page.read_text(encoding="utf-8")):
            assert set(re.findall(r"(?<!\S)--[a-z-]+", command)) <= options, (page.name, command)


def test_no_link_leads_nowhere() -> None:
    for page in [ROOT / "README.md", *DOCS.glob("*.md")]:
        for link in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text(encoding="utf-8")):
            path, _, anchor = link.partition("#")
            target = (page.parent / path) if path else page
            assert target.exists(), (page.name, link)
            if anchor:
                headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
                assert anchor in {_anchor(heading) for heading in headings}, (page.name, link)


def _anchor(heading: str) -> str:
    """As GitHub makes it."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def test_every_guide_stands_in_the_index() -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    assert {page.name for page in DOCS.glob("*.md") if f"({page.name})" not in index} == {"README.md"}
