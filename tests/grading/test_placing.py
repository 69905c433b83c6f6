"""A folder of what was graded takes its place whole, or nothing changes."""

import os

import pytest

from course_lib.grading.placing import place, remove


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def nothing(folder):
    pass


def test_a_new_folder_holds_exactly_the_files(tmp_path):
    files = {"a.ipynb": b"1", "data/x/y.csv": b"2", "naïve name": b""}
    place(files, tmp_path / "ada" / "ps1", nothing)
    assert contents(tmp_path / "ada" / "ps1") == files
    assert os.listdir(tmp_path / "ada") == ["ps1"]


def test_a_folder_that_is_there_is_replaced_whatever_its_permissions(tmp_path):
    target = tmp_path / "ps1"
    place({"old": b"1", "sub/old": b"2"}, target, lambda new: (new / "sub").chmod(0o500))
    place({"new": b"3"}, target, nothing)
    assert contents(target) == {"new": b"3"}
    assert os.listdir(tmp_path) == ["ps1"]


def test_permissions_are_set_before_the_folder_takes_its_place(tmp_path):
    target = tmp_path / "ps1"
    there = []

    def finish(new):
        there.append(target.exists())
        (new / "a").chmod(0o444)

    place({"a": b""}, target, finish)
    assert there == [False] and (target / "a").stat().st_mode & 0o777 == 0o444


@pytest.mark.parametrize("bad", ["../outside", "/etc/outside", "a/../../outside"])
def test_nothing_is_put_outside(tmp_path, bad):
    target = tmp_path / "in" / "ps1"
    place({"a": b"old"}, target, nothing)
    with pytest.raises(ValueError, match="leads out of the folder"):
        place({"b": b"new", bad: b""}, target, nothing)
    assert contents(tmp_path) == {"in/ps1/a": b"old"}


def test_where_finishing_fails_the_old_folder_stays(tmp_path):
    target = tmp_path / "ps1"
    place({"a": b"old"}, target, nothing)

    def full(new):
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        place({"a": b"new"}, target, full)
    assert contents(tmp_path) == {"ps1/a": b"old"}


def test_leftovers_of_a_kill_are_cleared(tmp_path):
    (tmp_path / ".ps1.abc.part" / "sub").mkdir(parents=True)
    (tmp_path / ".ps1.abc.old.part").mkdir()
    (tmp_path / ".ps2.abc.part").mkdir()
    place({"a": b""}, tmp_path / "ps1", nothing)
    assert sorted(os.listdir(tmp_path)) == [".ps2.abc.part", "ps1"]


def test_killed_between_the_renames_the_old_folder_comes_back(tmp_path):
    old = tmp_path / ".ps1.abc.old.part"
    old.mkdir()
    (old / "a").write_bytes(b"old")

    def full(new):
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        place({"a": b"new"}, tmp_path / "ps1", full)
    assert contents(tmp_path) == {"ps1/a": b"old"}


def test_removing_what_is_not_there_is_no_error(tmp_path):
    remove(tmp_path / "nowhere")
