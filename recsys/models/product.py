"""Matrix products as a core likes them: many sums at once, each in an order of its own that nothing else changes.

Numba's loops keep one row of sums in memory and add to it over and over. Here a tile of sums stays in registers until
it is done, and each term is multiplied and added in one step that rounds once (IEEE 754's fused multiply-add), as is
the same on every machine. The order of a sum's terms is fixed, so a row's result does not depend on the rows beside it.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from recsys.compiled import SIDE_BY_SIDE, compiled

#: Rows of a tile: as many sums are on their way at once as it takes until the first of them is there.
_TILE: Final = 8

#: Doubles that take the room of `SIDE_BY_SIDE` singles.
_DOUBLES: Final = SIDE_BY_SIDE // 2

Matrix = NDArray[np.float32]

_FLOAT: Final = ir.FloatType()
_LANES: Final = ir.VectorType(_FLOAT, SIDE_BY_SIDE)
_HALF: Final = ir.VectorType(_FLOAT, _DOUBLES)
_DOUBLE_LANES: Final = ir.VectorType(ir.DoubleType(), _DOUBLES)
_PLACE: Final = ir.IntType(64)


@compiled
def product(left: Matrix, right: Matrix, start: Matrix, out: Matrix) -> None:
    """Write ``start + left @ right`` into `out`.

    Parameters
    ----------
    left : float32 array of shape (n, k)
        Of any strides, so it may be a transposed view.
    right : float32 array of shape (>= k, m)
        C-contiguous, as `start` and `out` are. `m` is a multiple of `SIDE_BY_SIDE`.
    start : float32 array of shape (m,)
    out : float32 array of shape (n, m)

    Raises
    ------
    ValueError
        When the shapes do not fit.
    """
    rows, width = out.shape
    if left.shape[0] != rows or right.shape[0] < left.shape[1] or right.shape[1] != width or start.shape[0] != width:
        raise ValueError("expected matrices that can be multiplied, and room for their product")
    if width % SIDE_BY_SIDE:
        raise ValueError("expected columns in multiples of SIDE_BY_SIDE")
    for column in range(0, width, SIDE_BY_SIDE):
        if rows < _TILE:
            for row in range(rows):
                _one(left, row, right, start, column, out)
        else:
            for row in range(0, rows, _TILE):  # the last tile begins earlier and does some rows again
                _several(left, min(row, rows - _TILE), right, start, column, out)


@compiled
def times_vector(matrix: Matrix, vector: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``matrix @ vector`` in double precision. Shape (n,).

    Raises
    ------
    ValueError
        When the widths differ, or a row of `matrix`, or `vector`, is not of one piece.
    """
    rows, width = matrix.shape
    if vector.shape[0] != width:
        raise ValueError("expected as many weights as the rows have columns")
    whole = width - width % _DOUBLES
    if rows and whole and (matrix.strides[1] != matrix.itemsize or vector.strides[0] != vector.itemsize):
        raise ValueError("expected rows and a vector whose numbers lie side by side")
    products, lanes = np.empty(rows), np.empty((_TILE, _DOUBLES))
    for start in range(0, rows, _TILE):
        first = max(min(start, rows - _TILE), 0)  # the last tile begins earlier and does some rows again
        if rows < _TILE:
            for row in range(rows):
                _sum_one(matrix, row, vector, whole, lanes[row:])
        else:
            _sum_several(matrix, first, vector, whole, lanes)
        for row in range(min(rows, _TILE)):
            total = 0.0
            for lane in range(_DOUBLES):
                total += lanes[row, lane]
            for column in range(whole, width):
                total += matrix[first + row, column] * vector[column]
            products[first + row] = total
    return products


def _tile(rows: int) -> Any:
    """Return the intrinsic that does `rows` rows and `SIDE_BY_SIDE` columns of a product."""

    @intrinsic  # type: ignore[untyped-decorator]
    def tile(_typing: Any, left: Any, row: Any, right: Any, start: Any, column: Any, out: Any) -> tuple[Any, Any]:
        return types.void(left, types.int64, right, start, types.int64, out), _emitter(rows)

    return tile


def _emitter(rows: int) -> Callable[..., Any]:
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kinds = signature.args
        left, right, start, out = (
            context.make_array(kinds[at])(context, builder, arguments[at]) for at in (0, 2, 3, 5)
        )
        row, column = arguments[1], arguments[4]
        sums = [cgutils.alloca_once(builder, _LANES) for _ in range(rows)]
        for sum_ in sums:
            builder.store(_load(builder, _address(builder, start, column), _LANES), sum_)
        zero = _PLACE(0)
        lefts = [_address(builder, left, builder.add(row, _PLACE(place)), zero) for place in range(rows)]
        step = builder.extract_value(left.strides, 1)
        add = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(_LANES, [_LANES] * 3), f"llvm.fma.v{SIDE_BY_SIDE}f32"
        )
        with cgutils.for_range(builder, builder.extract_value(left.shape, 1)) as loop:
            factors = _load(builder, _address(builder, right, loop.index, column), _LANES)
            distance = builder.mul(loop.index, step)
            for first, sum_ in zip(lefts, sums, strict=True):
                factor = _spread(builder, builder.load(cgutils.pointer_add(builder, first, distance)))
                builder.store(builder.call(add, [factor, factors, builder.load(sum_)]), sum_)
        for place, sum_ in enumerate(sums):
            address = _address(builder, out, builder.add(row, _PLACE(place)), column)
            builder.store(builder.load(sum_), builder.bitcast(address, _LANES.as_pointer())).align = 4
        return context.get_dummy_value()

    return emit


def _row_sums(rows: int) -> Any:
    """Return the intrinsic that writes `rows` rows' products with a vector, summed by lane up to column `whole`."""

    @intrinsic  # type: ignore[untyped-decorator]
    def row_sums(_typing: Any, matrix: Any, row: Any, vector: Any, whole: Any, out: Any) -> tuple[Any, Any]:
        return types.void(matrix, types.int64, vector, types.int64, out), _row_sums_emitter(rows)

    return row_sums


def _row_sums_emitter(rows: int) -> Callable[..., Any]:
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kinds = signature.args
        matrix, vector, out = (context.make_array(kinds[at])(context, builder, arguments[at]) for at in (0, 2, 4))
        row, whole, zero = arguments[1], arguments[3], _PLACE(0)
        sums = [cgutils.alloca_once(builder, _DOUBLE_LANES) for _ in range(rows)]
        for sum_ in sums:
            builder.store(ir.Constant(_DOUBLE_LANES, [0.0] * _DOUBLES), sum_)
        add = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(_DOUBLE_LANES, [_DOUBLE_LANES] * 3), f"llvm.fma.v{_DOUBLES}f64"
        )
        with cgutils.for_range(builder, builder.udiv(whole, _PLACE(_DOUBLES))) as loop:
            column = builder.mul(loop.index, _PLACE(_DOUBLES))
            factors = _load(builder, _address(builder, vector, column), _DOUBLE_LANES)
            for place, sum_ in enumerate(sums):
                address = _address(builder, matrix, builder.add(row, _PLACE(place)), column)
                numbers = builder.fpext(_load(builder, address, _HALF), _DOUBLE_LANES)
                builder.store(builder.call(add, [numbers, factors, builder.load(sum_)]), sum_)
        for place, sum_ in enumerate(sums):
            address = _address(builder, out, _PLACE(place), zero)
            builder.store(builder.load(sum_), builder.bitcast(address, _DOUBLE_LANES.as_pointer())).align = 8
        return context.get_dummy_value()

    return emit


def _address(builder: Any, array: Any, *places: Any) -> Any:
    """Return the address of an element."""
    address = array.data
    for axis, place in enumerate(places):
        address = cgutils.pointer_add(builder, address, builder.mul(place, builder.extract_value(array.strides, axis)))
    return address


def _load(builder: Any, address: Any, lanes: Any) -> Any:
    """Return the numbers at an address, which need not be one that lanes begin at."""
    loaded = builder.load(builder.bitcast(address, lanes.as_pointer()))
    loaded.align = 4
    return loaded


def _spread(builder: Any, number: Any) -> Any:
    """Return lanes that all hold `number`."""
    nothing = ir.Constant(_LANES, ir.Undefined)
    first = builder.insert_element(nothing, number, ir.IntType(32)(0))
    places = ir.Constant(ir.VectorType(ir.IntType(32), SIDE_BY_SIDE), [0] * SIDE_BY_SIDE)
    return builder.shuffle_vector(first, nothing, places)


_one: Any = _tile(1)
_several: Any = _tile(_TILE)
_sum_one: Any = _row_sums(1)
_sum_several: Any = _row_sums(_TILE)
