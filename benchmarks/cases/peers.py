"""First builds and repeated ones, over what people use instead."""

from __future__ import annotations

from functools import partial

from benchmarks.case import Case, Row
from benchmarks.cases.first_build import TARGET
from benchmarks.pairs import Subject
from benchmarks.peers.bench import ALPHA, DOCKER, EMPTY, OURS, PIP, PLAIN, SAM_PIP, SAM_UV, UV, Bench
from benchmarks.peers.work import LARGE, MANY, MIDDLE, MIXED, SMALL, Work
from benchmarks.workspace import Workspace

# What holds for both of them: "at least 4 x faster".
_DOCKER_LIMIT = 0.25


def _first(workspace: Workspace, *, work: Work, warm: bool) -> list[Subject]:
    bench = Bench(workspace, work, warm)
    bench.write_inputs()
    return [
        bench.ours(),
        bench.cdk(ALPHA, "alpha.py"),
        bench.cdk(DOCKER, "plain_bundled.py"),
        bench.sam_pip(),
        bench.sam_uv(),
        bench.pip(),
        bench.uv(),
        bench.plain(EMPTY),
        bench.plain(PLAIN, *[bench.nothing()] * (len(work.layers) if work.apart else 1)),
    ]


def _first_case(work: Work, *, warm: bool, rounds: int) -> Case:
    caches = (
        "every wheel in everybody's cache, pip's mounted into the containers"
        if warm
        else "nothing in anybody's cache: it measures the network too"
    )
    return Case(
        name=f"peers-{work.name}{'' if warm else '-empty'}",
        about=(
            f"A first build of {work.listed} for {TARGET}, each as a whole process, with {caches}. Ours from its lock, "
            "the others from a requirements file with the same versions of everything. Both that bundle in a container "
            "use podman and an image that is ready; what works there isn't in their CPU time. `sam build` with uv "
            "makes no layers, so that it builds a function of them. Beyond an app with a `LayerVersion` over an empty "
            "folder is what the build itself takes, and that app by theirs is what no library could do better than."
        ),
        subjects=partial(_first, work=work, warm=warm),
        rows=[
            Row(ours=OURS, over=ALPHA, limit=_DOCKER_LIMIT, by="wall"),
            Row(ours=OURS, over=DOCKER, limit=_DOCKER_LIMIT, by="wall"),
            *(Row(ours=OURS, over=over, beyond=PLAIN, limit=_DOCKER_LIMIT, by="wall") for over in (ALPHA, DOCKER)),
            *(Row(ours=PLAIN, over=over, by="wall") for over in (ALPHA, DOCKER)),
            *(Row(ours=OURS, over=over) for over in (SAM_PIP, SAM_UV, PIP, UV, EMPTY, PLAIN)),
        ],
        most_runs=rounds,
        warm_up=warm,
    )


_KEPT, _FRESH = "cdk.out kept", "fresh cdk.out"
_SAM_AGAIN = "sam build, pip, cached"


def _again(workspace: Workspace) -> list[Subject]:
    bench = Bench(workspace, MIDDLE, warm=True)
    bench.write_inputs()
    return [
        bench.plain(PLAIN, bench.nothing(), kept=True),
        bench.ours(f"{OURS}, {_FRESH}", cached=True),
        bench.ours(f"{OURS}, {_KEPT}", cached=True, kept=True),
        bench.cdk(f"{ALPHA}, {_KEPT}", "alpha.py", kept=True),
        bench.cdk(f"{ALPHA}, {_FRESH}", "alpha.py"),
        bench.cdk(f"{DOCKER}, {_KEPT}", "plain_bundled.py", kept=True),
        bench.cdk(f"{DOCKER}, {_FRESH}", "plain_bundled.py"),
        bench.sam_pip(_SAM_AGAIN, kept=True),
    ]


_AGAIN = Case(
    name="peers-again",
    about=(
        f"The layer of `{_first_case(MIDDLE, warm=True, rounds=1).name}` once more, nothing changed. With a fresh "
        "`cdk.out`, as in CI, the two that bundle in a container build again; ours is in the user's cache."
    ),
    subjects=_again,
    rows=[
        *(Row(ours=f"{OURS}, {moment}", over=f"{ALPHA}, {moment}", by="wall") for moment in (_KEPT, _FRESH)),
        *(Row(ours=f"{OURS}, {moment}", over=f"{DOCKER}, {moment}", by="wall") for moment in (_KEPT, _FRESH)),
        *(Row(ours=f"{OURS}, {_KEPT}", over=over) for over in (_SAM_AGAIN, PLAIN)),
        Row(ours=f"{OURS}, {_FRESH}", over=PLAIN),
    ],
    most_runs=3,
)

CASES = (
    *(
        _first_case(work, warm=warm, rounds=rounds)
        for warm, each in ((True, (3, 3, 2, 3, 1)), (False, (2, 2, 1, 1, 1)))
        for work, rounds in zip((SMALL, MIDDLE, LARGE, MIXED, MANY), each, strict=True)
    ),
    _AGAIN,
)
