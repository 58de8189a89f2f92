"""PythonCodeLayer: the user's own modules as a layer version, with what they depend on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Never

from layer_constructs.building.bundling import Bundling
from layer_constructs.building.cache import Cache
from layer_constructs.building.code import code_of, with_code, without_packages
from layer_constructs.building.entry.entry import Entry
from layer_constructs.building.planning import Planned
from layer_constructs.building.plans import make_plans
from layer_constructs.building.target import Target
from layer_constructs.errors import ArgumentError, Where
from layer_constructs.layers import arguments
from layer_constructs.layers.built_layer import BuiltLayer
from layer_constructs.layers.layer_content import LayerContent, MadeContent, in_order, make_content
from layer_constructs.layers.own_files import Accepted, accept, missing_folders, said_once, unmatched
from layer_constructs.layers.python_deps import declared
from layer_constructs.layers.staging import AssetFormat
from layer_constructs.layers.surroundings import Surroundings, surroundings_of
from layer_constructs.layers.texts import description_of
from layer_constructs.layers.verdicts import Conditions, Verdict
from layer_constructs.layers.wishes import Wishes, wishes_of

if TYPE_CHECKING:
    import aws_cdk as cdk
    from aws_cdk import aws_lambda as lambda_
    from constructs import Construct

    from layer_constructs.building.code import Code
    from layer_constructs.building.entry.project import Project
    from layer_constructs.sharing.share import Share


# What people who come from elsewhere write, and what it is here.
_INSTEAD: Mapping[str, str] = {
    "code": "entry='path/to/folder'",
    "compatible_architectures": "architecture=lambda_.Architecture.ARM_64; what isn't compiled is for both",
}


class PythonCodeLayer(BuiltLayer):
    """A Lambda layer version with your own modules, and with what they depend on if ``requirements`` says so.

    ``entry`` is a module (``shared.py``), a package (a folder with an ``__init__.py``), a folder of either, whose files
    then go to the top, or a project. Functions import the same names as on your machine. The same files give the same
    asset on every machine; bytecode and what tools leave in a folder stay out.

    The arguments from ``lock`` to ``license_exceptions`` are those of `PythonDepsLayer`.

    :param scope: the parent construct.
    :param id: the construct's id.
    :param entry: relative to the working directory. A project, a folder with a ``pyproject.toml`` that says how to
        make a wheel, is installed as one; that runs its build backend, and needs ``build_local_projects=True``.
    :param requirements: what the code depends on, as for `PythonDepsLayer`; by default nothing.
    :param runtime: what it is built for, as for `PythonDepsLayer`.
    :param compatible_runtimes: instead of ``runtime``, several that get the same files: always so without
        ``requirements`` and bytecode. For other dependencies on each, use a `PythonDepsLayerSet` beside it.
    :param architecture: by default x86_64; what isn't compiled is for both, whatever this says.
    :param exclude: globs of files to leave out, below ``python/``.
    :param allow: findings that may stay, with reasons; of one's own files by path: ``{"python/shared/.env": "..."}``.
    :param share_with: who else may use it. What looks like a secret is never shared with everybody.
    :raises LayerError: a leaf of it, before anything is added to the tree.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name
        *,
        entry: str | Path = "",  # required, as `requirements` is of `PythonDepsLayer`
        requirements: str | Path | None = None,
        runtime: lambda_.Runtime | None = None,
        compatible_runtimes: Sequence[lambda_.Runtime] | None = None,
        architecture: lambda_.Architecture | None = None,
        lock: str | Path | None = None,
        extras: Sequence[str] = (),
        groups: Sequence[str] = (),
        locked: bool | None = None,
        build_local_projects: bool = False,
        bundling: Bundling | None = None,
        exclude: Sequence[str] = (),
        slim: bool = False,
        strip: bool = False,
        provided_by_runtime: bool | Mapping[str, str] = False,
        bytecode: bool | str = False,
        allow: Mapping[str, str] | None = None,
        licenses: Sequence[str] | None = None,
        license_exceptions: Mapping[str, str] | None = None,
        asset_format: AssetFormat | None = None,
        layer_version_name: str | None = None,
        description: str | None = None,
        license: str | None = None,  # noqa: A002 - the CDK's own name
        removal_policy: cdk.RemovalPolicy | None = None,
        share_with: Sequence[Share] = (),
        **unknown: Never,
    ) -> None:
        arguments.refuse_unknown(unknown, construct="PythonCodeLayer", instead=_INSTEAD)
        path = arguments.path_of(entry, argument="entry", example="src/shared", what="a file or folder")
        if requirements is None:
            _refuse_without_requirements(
                lock=lock, extras=extras, groups=groups, provided_by_runtime=provided_by_runtime
            )
        around = surroundings_of(scope)
        targets = _targets_of(around, runtime, compatible_runtimes, architecture)
        wishes = wishes_of(
            around,
            targets,
            requirements=path if requirements is None else requirements,
            lock=lock,
            extras=extras,
            groups=groups,
            locked=locked,
            build_local_projects=build_local_projects,
            bundling=bundling,
            exclude=exclude,
            slim=slim,
            strip=strip,
            provided_by_runtime=provided_by_runtime,
            bytecode=bytecode,
            allow=allow,
            licenses=licenses,
            license_exceptions=license_exceptions,
            asset_format=asset_format,
            layer_version_name=layer_version_name,
            description=description,
            license=license,
            removal_policy=removal_policy,
            share_with=share_with,
        )
        cache = Cache.default()
        code = code_of(
            path,
            exclude=wishes.dependencies.contents.exclude,
            build_local_projects=build_local_projects,
            cache=cache,
        )
        accepted = accept(code.secrets, entry=path, allow=wishes.conditions.allow, shares=wishes.publication.shares)
        plans = _plans_of(path, targets, code, wishes, packages=requirements is not None, cache=cache)
        content = LayerContent(plans=plans, architectures=plans[targets[0]].plan.architectures)
        conditions = _conditions(code, wishes, accepted)
        made = (
            make_content(content, conditions, cache=cache, label=id) if around.bundled else MadeContent(content=content)
        )
        declaration = declared(made._replace(verdicts=tuple(said_once(made.verdicts))))
        said = [accepted.verdict, declaration.verdict]
        if isinstance(code, Entry):
            said.append(missing_folders(code))
            if requirements is None:
                said += [unmatched(code), _hint(code)]
        else:
            said.append(_missing(code, targets, declaration.packages))
        declaration = declaration._replace(
            description=_description(code, declaration.packages),
            verdict=Verdict.of_all(said),
            secrets=accepted.secrets,
        )
        super().__init__(
            scope,
            id,
            around=around,
            declaration=declaration,
            publication=wishes.publication,
            code=declaration.staged(around, wishes.publication.asset_format),
        )
        self._target = made.content.target

    @property
    def target(self) -> Target:
        """The runtime and architecture that it was built for; the first, if it is for several."""
        return self._target


def _refuse_without_requirements(**given: object) -> None:
    for name, value in given.items():
        if value:
            raise ArgumentError(
                f"{name} is for packages, and there are no requirements",
                fix=f"name a requirements file, or take {name} out",
            )


def _targets_of(
    around: Surroundings,
    runtime: lambda_.Runtime | None,
    compatible_runtimes: Sequence[lambda_.Runtime] | None,
    architecture: lambda_.Architecture | None,
) -> list[Target]:
    if compatible_runtimes is None:
        return [arguments.target_of(around, runtime, architecture)]
    if runtime is not None:
        raise ArgumentError(
            "runtime and compatible_runtimes are both given", fix="write all of them in compatible_runtimes=[...]"
        )
    runtimes = arguments.runtimes_given(compatible_runtimes, argument="compatible_runtimes")
    return in_order(arguments.target_of(around, each, architecture) for each in runtimes)


def _plans_of(
    entry: Path, targets: Sequence[Target], code: Code, wishes: Wishes, *, packages: bool, cache: Cache
) -> dict[Target, Planned]:
    """:raises ArgumentError: if the runtimes don't get the same files."""
    dependencies, where = wishes.dependencies, Where(entry)
    if packages:
        where = Where(dependencies.requirements)
        planned = make_plans(dependencies, targets, cache=cache)
    else:
        # Of one's own files it has been taken already.
        contents = replace(dependencies.contents, exclude=()) if isinstance(code, Entry) else dependencies.contents
        if dependencies.bytecode:
            raise ArgumentError(
                "bytecode=True takes the Python that a lock names, and without requirements there is no lock",
                where=where,
                fix=f"name it: bytecode='{targets[0].python}.1'",
            )
        planned = {target: without_packages(target, contents, entry=entry) for target in targets}
    plans = {target: with_code(each, code, where=where) for target, each in planned.items()}
    if len({each.plan.digest for each in plans.values()}) > 1:
        raise ArgumentError(
            f"{' and '.join(target.runtime for target in targets)} don't get the same packages",
            where=where,
            fix="put the packages into a PythonDepsLayerSet, which has a layer for each, and only the code here",
        )
    return plans


def _conditions(code: Code, wishes: Wishes, accepted: Accepted) -> Conditions:
    """With the globs that match one's own files, if only these."""
    exclude = wishes.dependencies.contents.exclude
    matched = frozenset(exclude) - frozenset(code.unmatched) if isinstance(code, Entry) else frozenset()
    return wishes.conditions._replace(allow=accepted.allow, matched=matched)


def _description(code: Code, packages: Mapping[str, str]) -> str:
    return description_of(packages, own=_names(code) if isinstance(code, Entry) else ())


def _names(code: Entry) -> list[str]:
    """As they are imported; frozen, like all texts of a layer version."""
    package = code.into.partition("/")[2]
    return [package] if package else [name.removesuffix(".py") for name in code.tops()]


def _hint(code: Entry) -> Verdict:
    """For those who come from `PythonLayerVersion`, which looks for requirements in the folder itself."""
    if all(file.path != f"{code.into}/requirements.txt" for file in code.files):
        return Verdict()
    text = f"{code.path} has a requirements.txt, of which nothing is installed"
    fix = f"write requirements='{code.path.as_posix()}/requirements.txt', or exclude=['requirements.txt']"
    return Verdict(warnings=(("requirements", f"{text}; {fix}"),))


def _missing(project: Project, targets: Sequence[Target], packages: Mapping[str, str]) -> Verdict:
    """What the project asks for and nothing brings: its functions can get it from another layer, or fail."""
    names = sorted({name for target in targets for name in project.missing(target, packages)})
    if not names:
        return Verdict()
    text = f"{project.path} needs {', '.join(names)}, which this layer doesn't have"
    fix = f"write requirements='{project.path.as_posix()}/pyproject.toml', or use a PythonDepsLayer beside it"
    return Verdict(warnings=(("requirements", f"{text}; {fix}"),))
