"""How the hot path is compiled: the same bits on every processor, interpreted or not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """A function that Numba compiles at its first call, and keeps in its cache.

    No fast mathematics, so that sums are made in the order in which they are written; a division by zero is infinite
    or NaN, as in NumPy. No runtime of Numba's own, so that no array can be made in it, and none is counted: the caller
    holds them all, and counting references at each view and call took four fifths of the reader's time. Where nothing
    can be written there is no cache: then every process compiles anew, and says so (``app.process.compilation``), while
    an error here would be one of an import.
    """
    options: dict[str, Any] = {"fastmath": False, "error_model": "numpy", "_nrt": False}
    try:
        found: Any = numba.njit(cache=True, **options)(function)
    except RuntimeError:
        found = numba.njit(**options)(function)
    return cast("F", found)
