"""What ``slim`` never touches: packages that read at run time what others need only to be built or checked."""

from __future__ import annotations

from collections.abc import Mapping

# By folder, with the reason. What a package imports or names in its own code is found without this list.
KEPT: Mapping[str, str] = {
    "Cython": "its compiler reads Utility/*.c and Includes/*.pxd when it translates",
    "cppyy_backend": "its interpreter parses C++ headers",
    "jedi": "it answers from the .pyi files of typeshed",
    "mypy": "it checks against the .pyi files of typeshed",
    "numpy/_core/include/numpy/random": "its documentation has cffi parse these headers at run time",
    "pythran": "its compiler reads the C++ headers beside it",
    "warp": "it compiles its kernels with the compiler and headers that it brings",
    "ziglang": "a compiler with its C library in source",
}
