"""Asking memory for many rows at once.

Rows of a large table that are read one after the other, with arithmetic in between, each cost a wait. Asked for ahead,
they arrive together. Nothing is computed by it: results are the same with and without.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from recsys.compiled import compiled

#: Bytes that memory delivers at once.
_LINE: Final = 64


@compiled
def fetch(table: NDArray[Any], rows: NDArray[np.int64]) -> None:
    """Begin to load `rows` of a table, or of one of its columns, for loops that read them soon."""
    lines = (table.strides[0] + _LINE - 1) // _LINE
    for row in rows:
        for line in range(lines):
            _prefetch(table, row, line * _LINE)


@compiled
def fetch_filled(table: NDArray[Any], rows: NDArray[np.int64], filled: NDArray[np.int32]) -> None:
    """Do as `fetch`, for rows of which no more than the first ``filled[row]`` numbers are read."""
    for row in rows:
        for offset in range(0, min(filled[row], table.shape[1]) * table.itemsize, _LINE):
            _prefetch(table, row, offset)


@intrinsic  # type: ignore[untyped-decorator]
def _prefetch(_typing: Any, table: Any, row: Any, offset: Any) -> tuple[Any, Callable[..., Any]]:
    """Emit LLVM's prefetch of the line that holds byte `offset` of a row: to read, and to keep."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        stride = builder.extract_value(array.strides, 0)
        distance = builder.add(builder.mul(arguments[1], stride), arguments[2])
        address = cgutils.pointer_add(builder, array.data, distance, ir.IntType(8).as_pointer())
        word = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [address.type, word, word, word])
        prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(prefetch, [address, word(0), word(3), word(1)])
        return context.get_dummy_value()

    return types.void(table, types.int64, types.int64), emit
