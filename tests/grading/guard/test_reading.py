"""Any bytes are either a notebook that tools accept, or damage with a reason."""

import json

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.grading.guard.reading import DamagedNotebook, read_notebook

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(["code", "markdown", "raw", "stream", "execute_result"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


def read_or_reason(raw):
    """What the law allows: a valid notebook, or damage with a reason of one line or more."""
    try:
        notebook = read_notebook(raw)
    except DamagedNotebook as error:
        assert str(error)
        return None
    nbformat.validate(notebook)
    nbformat.writes(notebook).encode()
    return notebook


@given(st.binary(max_size=200))
def test_any_bytes(raw):
    read_or_reason(raw)


@given(values)
def test_any_json(value):
    read_or_reason(json.dumps(value).encode())


@settings(max_examples=200)
@given(st.data())
def test_a_notebook_with_any_part_exchanged(honest, data):
    tree = json.loads(nbformat.writes(honest))
    for _ in range(data.draw(st.integers(1, 4))):
        node, key = tree, None
        while True:  # walk down to some place
            keys = [*node] if isinstance(node, dict) else [*range(len(node))]
            if not keys:
                break
            key = data.draw(st.sampled_from(keys))
            if not isinstance(node[key], dict | list) or data.draw(st.integers(0, 3)) == 0:
                node[key] = data.draw(values)
                break
            node = node[key]
    read_or_reason(json.dumps(tree).encode())


@settings(max_examples=200)
@given(at=st.floats(0, 1), cut=st.integers(0, 30), put=st.binary(max_size=12))
def test_a_notebook_with_some_bytes_exchanged(honest, at, cut, put):
    raw = nbformat.writes(honest).encode()
    place = int(at * len(raw))
    read_or_reason(raw[:place] + put + raw[place + cut :])


def test_a_sound_notebook_is_read_as_nbformat_reads_it(honest):
    raw = nbformat.writes(honest)
    assert read_notebook(raw.encode()) == nbformat.reads(raw, as_version=4)


def test_ids_that_are_made_are_always_the_same(honest):
    tree = json.loads(nbformat.writes(honest))
    for cell in tree["cells"]:
        del cell["id"]
    raw = json.dumps(tree).encode()
    assert read_notebook(raw) == read_notebook(raw)


def test_the_limit_is_named():
    with pytest.raises(DamagedNotebook, match="larger than 10 bytes: 11"):
        read_notebook(b" " * 11, limit=10)


def test_a_mistake_of_ours_is_no_damage_of_theirs(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "nbformat", None)
    with pytest.raises(ImportError):
        read_notebook(b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
