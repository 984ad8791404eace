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
LINE: Final = 64


@compiled
def fetch(table: NDArray[Any], rows: NDArray[np.int64]) -> None:
    """Begin to load `rows` of a table, or of one of its columns, for loops that read them soon."""
    lines = (table.strides[0] + LINE - 1) // LINE
    for row in rows:
        for line in range(lines):
            _prefetch(table, row, line * LINE)


@compiled
def fetch_filled(table: NDArray[Any], rows: NDArray[np.int64], filled: NDArray[np.int32]) -> None:
    """Do as `fetch`, for rows of which no more than the first ``filled[row]`` numbers are read."""
    for row in rows:
        for offset in range(0, min(filled[row], table.shape[1]) * table.itemsize, LINE):
            _prefetch(table, row, offset)


@compiled
def load(table: NDArray[Any], rows: NDArray[np.int64]) -> None:
    """Do as `fetch`, and wait for the rows, for loops that write to each row before they read the next.

    Such loops are not helped by asking: under them a core seems to let go of what it was asked for. Here all loads are
    on their way at once, too.
    """
    lines = (table.nbytes // max(table.shape[0], 1) + LINE - 1) // LINE
    for row in rows:
        for line in range(lines):
            _load(table, row, line * LINE)


@intrinsic  # type: ignore[untyped-decorator]
def _prefetch(_typing: Any, table: Any, row: Any, offset: Any) -> tuple[Any, Callable[..., Any]]:
    """Emit LLVM's prefetch of the line that holds byte `offset` of a row: to read, and to keep."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = _address(context, builder, signature.args[0], *arguments)
        word = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [address.type, word, word, word])
        prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(prefetch, [address, word(0), word(3), word(1)])
        return context.get_dummy_value()

    return types.void(table, types.int64, types.int64), emit


@intrinsic  # type: ignore[untyped-decorator]
def _load(_typing: Any, table: Any, row: Any, offset: Any) -> tuple[Any, Callable[..., Any]]:
    """Emit a load of byte `offset` of a row."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte = builder.load(_address(context, builder, signature.args[0], *arguments))
        # No instructions, but the byte goes in: a load that nothing uses would be left out.
        used = ir.InlineAsm(ir.FunctionType(ir.VoidType(), [byte.type]), "", "r", side_effect=True)
        builder.call(used, [byte])
        return context.get_dummy_value()

    return types.void(table, types.int64, types.int64), emit


def _address(context: Any, builder: Any, kind: Any, table: Any, row: Any, offset: Any) -> Any:
    """Return the address of byte `offset` of a row."""
    array = context.make_array(kind)(context, builder, table)
    distance = builder.add(builder.mul(row, builder.extract_value(array.strides, 0)), offset)
    return cgutils.pointer_add(builder, array.data, distance, ir.IntType(8).as_pointer())
