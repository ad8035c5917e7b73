"""Numba options of the hot path: the same bits on every processor, compiled or interpreted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """A function that Numba compiles at its first call and caches.

    No fast mathematics, so sums are computed in the written order; division by zero gives infinity or NaN, as in NumPy.
    Numba's runtime is off, so arrays cannot be created inside and are not reference-counted: the caller holds them all,
    and counting references at each view and call took four fifths of the reader's time. Where the cache cannot be
    written, every process compiles again and says so (``app.process.compilation``); an error here would break the
    import.
    """
    options: dict[str, Any] = {"fastmath": False, "error_model": "numpy", "_nrt": False}
    try:
        found: Any = numba.njit(cache=True, **options)(function)
    except RuntimeError:
        found = numba.njit(**options)(function)
    return cast("F", found)
