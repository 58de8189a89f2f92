"""What the indexes offer of one package, whatever it needs."""

from __future__ import annotations

import tempfile
import tomllib
from dataclasses import replace
from pathlib import Path

from packaging.requirements import Requirement

from layer_constructs.building import uv
from layer_constructs.building.indexes.failures import describe_uv_failure
from layer_constructs.building.locking.question import Question, write_question
from layer_constructs.building.locking.sources import as_uv_configuration
from layer_constructs.building.process import Run
from layer_constructs.building.reading.requirement_line import RequirementLine
from layer_constructs.building.target import Target
from layer_constructs.errors import Where


def offered(
    question: Question, name: str, specifier: str, *, target: Target, from_source: bool = False, run: Run
) -> str | None:
    """The version within a specifier that a target would get; None if there is none.

    :param question: says which indexes there are, and what of them counts.
    :param name: normalised.
    :param specifier: such as ``>=1.0``.
    :param from_source: by source distributions alone, instead of by wheels.
    :raises LayerError: if an index doesn't answer.
    """
    line = question.line_of(name)
    where = line.where if line else Where(Path(name))
    requirement = Requirement(f"{name}{specifier}")
    alone = RequirementLine(name=name, requirement=requirement, where=where, index=line.index if line else None)
    question = replace(question, requirements=(alone,), constraints=())
    sources = [name] if from_source else []
    with tempfile.TemporaryDirectory(prefix="layer-constructs-") as folder:
        work = Path(folder)
        configuration = as_uv_configuration(sources, {}) if sources else None
        files = write_question(question, work, ceilings={}, preferred=(), configuration=configuration)
        arguments = uv.compile_arguments(
            target,
            indexes=question.indexes.uv_arguments(),
            project=files.project,
            output=files.output,
            exclude_newer=question.exclude_newer,
            prereleases=question.prereleases,
            from_source=sources,
            configuration=files.configuration,
        )
        done = uv.call(
            [*arguments, "--no-deps"],
            run=run,
            environment=question.indexes.uv_environment(),
            secrets=question.indexes.secrets,
            cwd=work,
        )
        if done.returncode != 0:
            unreachable = describe_uv_failure(done.stderr, question.indexes)
            if unreachable:
                raise unreachable
            return None
        packages = tomllib.loads(files.output.read_text(encoding="utf-8")).get("packages", [])
    return next((package.get("version") for package in packages if package["name"] == name), None)
