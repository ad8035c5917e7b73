"""The arrays of numbers that all of the product passes around, by what one element is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]
Hashes = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int64]
"""Numbers of rows in a table of subscribers or events."""
