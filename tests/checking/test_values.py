"""What is packed comes back as it was, and as nothing but plain values."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from course_lib.checking.values import Unpackable, pack, unpack

NUMBERS = st.booleans() | st.integers() | st.floats() | st.none() | st.text()
KEYS = st.text().filter(lambda key: not key.startswith("$"))
VALUES = st.recursive(
    NUMBERS, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=20
)
JSON = st.recursive(
    NUMBERS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


def same(one, other):
    """Equal in type and value, NaN with NaN."""
    if type(one) is not type(other):
        return False
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return one == other or (one != one and other != other)


@given(VALUES)
def test_a_value_comes_back_through_text_as_it_was(value):
    assert same(unpack(json.loads(json.dumps(pack(value)))), value)


@given(
    arrays.arrays(
        dtype=st.sampled_from(["bool", "int8", "int64", "uint64", "float32", "float64"]),
        shape=arrays.array_shapes(min_dims=1, max_dims=3, max_side=4),
    )
)
def test_an_array_comes_back_with_shape_and_type(array):
    back = unpack(json.loads(json.dumps(pack(array))))
    assert back.dtype == array.dtype and back.shape == array.shape
    assert np.array_equal(back, array, equal_nan=array.dtype.kind == "f")


@given(JSON)
def test_data_from_anywhere_is_unpacked_or_refused_and_never_more(data):
    try:
        unpack(data)
    except Unpackable:
        pass


def test_numbers_of_other_libraries_are_plain_numbers():
    import pandas as pd
    import torch

    assert pack(np.float64(2.5)) == 2.5 and type(pack(np.int32(3))) is int
    assert pack(torch.tensor(4)) == 4
    assert unpack(pack(torch.ones(2, 3, requires_grad=True))).shape == (2, 3)
    assert unpack(pack(pd.Series([1.0, 2.0]))).tolist() == [1.0, 2.0]
    assert unpack(pack((1, [2, {"a": 3}]))) == [1, [2, {"a": 3}]]


class Liar(int):
    __hash__ = None

    def __eq__(self, other):
        return True

    def __int__(self):
        return 42


def test_a_subclass_is_packed_by_its_value_not_by_what_it_says():
    assert type(pack(Liar(7))) is int and pack(Liar(7)) + 0 == 7


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (print, "of type 'builtin_function_or_method'"),
        ({1: 2}, "key 1"),
        ({"$array": 1}, "begins with"),
        (np.array(["a"]), "array of <U1"),
        (np.array([object()]), "array of object"),
        (1j, "of type 'complex'"),
        ("x" * 2_000_000, "allowed are 1,048,576"),
        (np.zeros(10**6), "is too large"),
        (10**5000, "number is too long"),
    ],
    ids=["function", "key", "mark", "texts", "objects", "complex", "text", "array", "digits"],
)
def test_what_cannot_be_handed_over_is_refused_with_the_reason(value, said):
    with pytest.raises(Unpackable, match=said.replace("(", r"\(")):
        pack(value)


def test_what_contains_itself_is_refused():
    own = []
    own.append(own)
    with pytest.raises(Unpackable, match="deep"):
        pack(own)


@pytest.mark.parametrize(
    "array",
    [
        {"dtype": "O", "shape": [1], "data": [1]},
        {"dtype": "float64", "shape": [10**9], "data": [1.0]},
        {"dtype": "float64", "shape": [-1], "data": [1.0]},
        {"dtype": "(1000000000,)f8", "shape": [], "data": [1.0]},
        {"dtype": "int8", "shape": [1], "data": [10**30]},
        {"dtype": "float64", "shape": [1], "data": ["1.0"]},
        {"dtype": "nonsense", "shape": [1], "data": [1.0]},
        {"shape": [1], "data": [1.0]},
        [],
        None,
    ],
)
def test_an_array_that_is_none_is_refused(array):
    with pytest.raises(Unpackable, match="no packed array"):
        unpack({"$array": array})


def test_what_is_no_number_keeps_its_kind():
    packed = pack([math.nan, math.inf, -math.inf])
    assert packed == [{"$float": "nan"}, {"$float": "inf"}, {"$float": "-inf"}]
