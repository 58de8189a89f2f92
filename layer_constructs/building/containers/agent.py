"""Runs in the container: files come in by standard input, what commands make of them goes out by standard output.

Nothing is mounted. So it works with an engine on another machine, files belong to whoever asked for them, and what is
secret is in no argument, mount, image or configuration of the container. It is sent there as text: the standard library
only, and Python 3.8.

The input is a tar stream with ``job.json``: ``hooks`` (shell commands), ``commands`` (pairs of a label and an argument
list, in which ``{root}`` and ``{python}`` are replaced), ``environment`` for the commands, ``hook_environment`` for the
hooks, and ``out``, the folder that comes back as a tar stream. What fails, a hook or a label, ends the log.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile

# One place for every build: compilers write it into what they make.
ROOT = "/tmp/layer-constructs"  # noqa: S108 - in a container of its own

HOOK_FAILED = 65
COMMAND_FAILED = 66


def main() -> int:
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what commands print is their log, not the answer
    os.makedirs(ROOT)
    here = os.getcwd()
    with tarfile.open(fileobj=sys.stdin.buffer, mode="r|") as sent:
        if hasattr(tarfile, "data_filter"):
            sent.extractall(ROOT, filter="data")
        else:
            sent.extractall(ROOT)  # noqa: S202 - it comes from this library
    with open(ROOT + "/job.json", encoding="utf-8") as file:
        job = json.load(file)
    for hook in job["hooks"]:
        if _run(["/bin/sh", "-ec", hook], job["hook_environment"], here):
            print(hook, file=sys.stderr)
            return HOOK_FAILED
    for label, command in job["commands"]:
        words = [word.replace("{root}", ROOT).replace("{python}", sys.executable) for word in command]
        if _run(words, job["environment"], ROOT):
            print(label, file=sys.stderr)
            return COMMAND_FAILED
    with tarfile.open(fileobj=answer, mode="w|") as made:
        made.add(os.path.join(ROOT, job["out"]), arcname=".")
    answer.close()
    return 0


def _run(words: list[str], environment: dict[str, str], folder: str) -> int:
    environment = {name: value.replace("{root}", ROOT) for name, value in environment.items()}
    return subprocess.call(words, env=dict(os.environ, **environment), cwd=folder, stdin=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
