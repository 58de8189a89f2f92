"""The shared libraries that a Python runtime's operating system has for sure, and how new they are.

Only what can't be missing stands here: what isn't known to be there travels with the layer. So it is less than a
manylinux policy permits: Lambda has no libX11, libGL or libglib for a wheel to find.
"""

from __future__ import annotations

from layer_constructs.building.target import Platform

# What glibc 2.26 and 2.34 install on both architectures (the `libs` and `others` of their Makefiles) and programs link
# to. Not libcrypt and libnsl, which are packages of their own there, and of other versions.
_GLIBC = frozenset(
    {
        "libBrokenLocale.so.1", "libanl.so.1", "libc.so.6", "libdl.so.2", "libm.so.6", "libpthread.so.0",
        "libresolv.so.2", "librt.so.1", "libutil.so.1",
    }
)  # fmt: skip

# The loader's name is the architecture's (glibc's sysdeps/*/shlib-versions); libmvec came to arm64 with glibc 2.38.
_GLIBC_OF = {
    "x86_64": frozenset({"ld-linux-x86-64.so.2", "libmvec.so.1"}),
    "arm64": frozenset({"ld-linux-aarch64.so.1"}),
}

# gcc's, in both: `ldd` in a container of AWS's python3.9 image (https://github.com/lambgeo/docker-lambda/issues/34),
# and what a function on Amazon Linux 2023 said of its libstdc++
# (https://github.com/amazonlinux/container-images/issues/132).
_GCC = frozenset({"libgcc_s.so.1", "libstdc++.so.6"})

# By glibc: the newest symbol versions of libstdc++, by gcc's table (https://gcc.gnu.org/onlinedocs/libstdc++/manual/abi.html).
# Amazon Linux 2 has gcc 7.3 (https://github.com/awslabs/aws-lambda-cpp/issues/79), Amazon Linux 2023 gcc 11
# (https://docs.aws.amazon.com/linux/al2023/ug/core-glibc.html). The images to build in got a newer libstdc++ in 2025,
# and what they linked to it failed on Lambda: issue 132 above.
_LIBSTDCXX: dict[tuple[int, int], dict[str, tuple[int, ...]]] = {
    (2, 26): {"GLIBCXX": (3, 4, 24), "CXXABI": (1, 3, 11)},
    (2, 34): {"GLIBCXX": (3, 4, 29), "CXXABI": (1, 3, 13)},
}

# zlib. Every manylinux wheel may count on it (auditwheel's policies), and the runtime's own Python needs it to import
# from a zip. Both systems have it: Amazon Linux 2 libz.so.1.2.7, Amazon Linux 2023 libz.so.1.2.11, by the lists of
# their /lib64 that brefphp/aws-lambda-layers keeps (utils/lib-check/al2-x64.txt, utils/lib-copy/libs-*.txt). A
# program may ask for more: "/lib64/libz.so.1: version `ZLIB_1.2.9' not found" was said on the Lambda of 2018
# (https://github.com/libvips/pyvips/issues/42).
# What else those lists have that a policy permits, such as libglib, is of the image and not on Lambda
# (https://github.com/aws/aws-lambda-base-images/issues/120 is such a case).
_ZLIB_NEWEST: dict[tuple[int, int], tuple[int, ...]] = {(2, 26): (1, 2, 7), (2, 34): (1, 2, 11)}
_ZLIB = frozenset({"libz.so.1"})


def base_libraries(target: Platform) -> frozenset[str]:
    """The sonames that are on the target for sure."""
    return _GLIBC | _GLIBC_OF[target.architecture] | _GCC


def permitted_libraries(target: Platform) -> frozenset[str]:
    """The sonames that a finished wheel may count on.

    It is more than :func:`base_libraries`, which decides what goes into a wheel that is built here: where there is the
    choice, a library travels with the layer.
    """
    return base_libraries(target) | _ZLIB


def newest_versions(target: Platform) -> dict[str, tuple[int, ...]]:
    """The newest symbol version there, by family: ``GLIBC``, ``GLIBCXX``, ``CXXABI`` and ``ZLIB``."""
    return {"GLIBC": target.glibc, **_LIBSTDCXX[target.glibc], "ZLIB": _ZLIB_NEWEST[target.glibc]}
