"""Files are whole before and after, whatever happens between."""

import json
import os
import stat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.files import append_line, read_lines, write_whole

ENTRIES = st.lists(st.dictionaries(st.text(), st.integers() | st.text() | st.booleans()))


@settings(max_examples=30)
@given(ENTRIES)
def test_what_was_appended_is_read(tmp_path_factory, entries):
    path = tmp_path_factory.mktemp("lines") / "a.jsonl"
    for entry in entries:
        append_line(path, entry)
    assert read_lines(path, "an entry", ()) == entries


def test_an_unfinished_line_does_not_swallow_the_next(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1}')
    append_line(path, {"a": 2})
    assert read_lines(path, "an entry", ("a",)) == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize("damage", ["{", "7", "[]", '{"b": 1}'])
def test_a_damaged_line_is_named(tmp_path, damage):
    path = tmp_path / "a.jsonl"
    path.write_text(f'{{"a": 1}}\n\n{damage}\n')
    with pytest.raises(ValueError, match=r"a\.jsonl, line 3, is not an entry"):
        read_lines(path, "an entry", ("a",))


def test_what_is_no_number_is_not_written(tmp_path):
    path = tmp_path / "a.jsonl"
    with pytest.raises(ValueError, match="JSON"):
        append_line(path, {"a": float("nan")})
    assert not path.exists()


def test_no_file_is_no_lines(tmp_path):
    assert read_lines(tmp_path / "none", "an entry", ()) == []


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    write_whole(path, "old")
    with monkeypatch.context() as broken:
        broken.setattr(os, "replace", lambda *_: json.loads("{"))
        with pytest.raises(json.JSONDecodeError):
            write_whole(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
    write_whole(path, "new")
    assert path.read_text() == "new"


@pytest.mark.skipif(os.name != "posix", reason="modes are a POSIX matter")
def test_who_could_read_a_file_still_can(tmp_path):
    path = tmp_path / "a.txt"
    write_whole(path, "x")
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    path.chmod(0o640)
    write_whole(path, "y")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
