"""The journal of grading: nothing lost, nothing twice, whenever it is killed."""

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.grading.journal import Busy, Journal, Key

KEY = Key("s", "a", "e")
VERDICT = {"one": {"test": 2.0, "essay": None}}


def test_what_was_executed_comes_back_until_it_is_written(tmp_path):
    with Journal.held(tmp_path / "j") as journal:
        assert journal.unwritten("ada", KEY) is None
        journal.executed("ada", KEY, b"result")
    with Journal.held(tmp_path / "j") as journal:
        assert journal.unwritten("ada", KEY) == b"result"
        assert journal.unwritten("ada", Key("other", "a", "e")) is None
        assert journal.unwritten("bob", KEY) is None
        journal.written("ada", KEY, VERDICT, False, ("a note",))
        assert journal.unwritten("ada", KEY) is None
    with Journal.held(tmp_path / "j") as journal:
        assert journal.unwritten("ada", KEY) is None
        [written] = journal.verdicts("ada")
        assert (written.key, written.verdict, written.reasons) == (KEY, VERDICT, ("a note",))
        assert list((tmp_path / "j" / "results").iterdir()) == []


def test_two_students_with_equal_submissions_have_a_result_each(tmp_path):
    with Journal.held(tmp_path) as journal:
        journal.executed("ada", KEY, b"hers")
        journal.executed("bob", KEY, b"his")
        journal.written("ada", KEY, VERDICT, False, ())
        assert journal.unwritten("bob", KEY) == b"his"


def test_an_old_verdict_stays_beside_the_new_one(tmp_path):
    mended = Key("s", "mended", "e")
    with Journal.held(tmp_path) as journal:
        journal.written("ada", KEY, VERDICT, False, ())
        journal.written("ada", mended, {"one": {"test": 3.0}}, True, ())
    with Journal.held(tmp_path) as journal:
        assert [one.key for one in journal.verdicts("ada")] == [KEY, mended]
        assert [one.inconclusive for one in journal.verdicts("ada")] == [False, True]
        assert mended.changed(KEY) == "the assignment changed"
        assert KEY.changed(KEY) == ""


@given(cut=st.integers(0, 2000))
def test_a_journal_cut_anywhere_is_the_journal_of_an_earlier_moment(tmp_path_factory, cut):
    folder = tmp_path_factory.mktemp("journal")
    with Journal.held(folder) as journal:
        for student in ("ada", "bob", "cid"):
            journal.executed(student, KEY, student.encode())
            journal.written(student, KEY, VERDICT, False, ())
    path = folder / "journal.jsonl"
    whole = path.read_bytes()
    lines = [json.loads(line) for line in whole[:cut][: whole[:cut].rfind(b"\n") + 1].splitlines()]
    path.write_bytes(whole[:cut])
    with Journal.held(folder) as journal:
        for student in ("ada", "bob", "cid"):
            written = [x for x in lines if x["student"] == student and x["step"] == "written"]
            assert len(journal.verdicts(student)) == len(written)
        journal.executed("eve", KEY, b"result")
    with Journal.held(folder) as journal:
        assert journal.unwritten("eve", KEY) == b"result"


@pytest.mark.parametrize("damage", ["missing", "cut", "empty"])
def test_a_damaged_result_is_executed_again(tmp_path, damage):
    with Journal.held(tmp_path) as journal:
        journal.executed("ada", KEY, b"result" * 1000)
    [path] = (tmp_path / "results").iterdir()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:20] if damage == "cut" else b"")
    with Journal.held(tmp_path) as journal:
        assert journal.unwritten("ada", KEY) is None


def test_leftovers_of_a_kill_are_cleared(tmp_path):
    with Journal.held(tmp_path):
        pass
    (tmp_path / "results" / "x.part").write_bytes(b"half")
    with Journal.held(tmp_path):
        assert list((tmp_path / "results").iterdir()) == []


def test_a_second_process_is_told_that_it_is_the_second(tmp_path):
    program = (
        "import sys, pathlib\n"
        "from course_lib.grading.journal import Busy, Journal\n"
        "try:\n"
        "    with Journal.held(pathlib.Path(sys.argv[1])): print('held')\n"
        "except Busy as error: print(error)\n"
    )

    def second():
        return subprocess.run(
            [sys.executable, "-c", program, str(tmp_path)],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip

    with Journal.held(tmp_path):
        assert "another process is grading here" in second()
        with pytest.raises(Busy), Journal.held(tmp_path):
            pass
    assert second() == "held\n"


def test_a_foreign_line_is_named_and_nothing_is_lost(tmp_path):
    with Journal.held(tmp_path) as journal:
        journal.written("ada", KEY, VERDICT, False, ())
    with (tmp_path / "journal.jsonl").open("a") as file:
        file.write("what is this\n")
    before = (tmp_path / "journal.jsonl").read_bytes()
    wrong = pytest.raises(ValueError, match="line 2, is not a step of grading")
    with wrong, Journal.held(tmp_path):
        pass
    assert (tmp_path / "journal.jsonl").read_bytes() == before
