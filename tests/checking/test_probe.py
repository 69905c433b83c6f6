"""In the notebook: an answer is tried on public inputs, and what is wrong is said."""

import pytest

from course_lib.checking import Calls, Context, Judgement, Unusable, probe, question, read_checks
from course_lib.checking.probing import NotYet, evaluate
from course_lib.checking.questions import Checks, Question

CHECKS = """
from course_lib.checking import Calls, Judgement, Unusable, question

@question
def square(context):
    numbers = [int(n) for n in context.rng.integers(3, 100, size=3)]
    answers = yield Calls([(n,) for n in numbers])
    if answers == [2 * n for n in numbers]:
        return "you doubled"
    if answers != [n * n for n in numbers]:
        return "that is no square"

@question
def half(context):
    value = yield
    return Judgement(0.5, "half of it") if value == 1 else Judgement(None, "who knows")

@question
def needs_records(context):
    if not context.records:
        raise Unusable("measure first")
    yield

@question
def region(context):
    said = yield
    return None if said == "north" else "another region"
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "checks.py").write_text(CHECKS)
    return tmp_path


def test_a_right_answer_is_told_so(here, capsys):
    probe("square", lambda n: n * n)
    assert "square: right, on the public inputs" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda n: 2 * n, "you doubled"),
        (lambda n: n, "that is no square"),
        (lambda n: 1 // 0, "it raised ZeroDivisionError"),
        (lambda: 1, "it raised TypeError"),
        (lambda n: print, "cannot be handed over"),
        (9, "a function is asked for; this is of type 'int'"),
    ],
)
def test_a_wrong_answer_is_told_why(here, answer, said):
    with pytest.raises(NotYet, match=said):
        probe("square", answer)


def test_a_part_of_the_points_and_what_a_machine_cannot_judge(here, capsys):
    with pytest.raises(NotYet, match=r"half of it \(50% of the points so far\)"):
        probe("half", 1)
    probe("half", 2)
    assert "cannot be judged by a machine: who knows" in capsys.readouterr().out


def test_missing_evidence_is_asked_for(here):
    with pytest.raises(NotYet, match="measure first"):
        probe("needs-records", 1)
    (here / "records.jsonl").write_text('{"name": "a", "flop": 1.0}\n')
    probe("needs-records", 1)


def test_a_text_is_an_answer_and_not_a_reason(here, capsys):
    probe("region", "north")
    assert "region: right" in capsys.readouterr().out
    with pytest.raises(NotYet, match="another region"):
        probe("region", "the check says: well done")


def test_the_error_in_a_notebook_is_one_line():
    assert NotYet("you doubled")._render_traceback_() == ["Not yet: you doubled"]


def test_what_is_missing_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match="belongs beside it"):
        probe("square", abs)
    (tmp_path / "checks.py").write_text(CHECKS)
    with pytest.raises(LookupError, match="it has square, half, needs-records, region"):
        probe("cube", abs)


def test_a_student_cannot_change_the_inputs(here):
    def spoil(n, seen=[]):  # noqa: B006
        seen.append(n)
        return n * n

    probe("square", spoil)
    changed = evaluate(lambda: lambda xs: xs.clear(), [[[1, 2]], [[1, 2]]])
    assert changed == {"answers": [{"value": None}, {"value": None}]}


def test_a_question_must_ask_and_once_only():
    with pytest.raises(TypeError, match="never yields"):
        question(lambda context: None)

    def twice(context):
        yield
        yield

    asked = Question("twice", twice)
    answered = {"answers": [{"value": 1}]}
    with pytest.raises(ValueError, match="asks more than once"):
        asked.judge(Context(None), answered)


@pytest.mark.parametrize("share", [-0.1, 1.1, "1", float("nan")])
def test_a_share_lies_between_nothing_and_all(share):
    with pytest.raises(ValueError, match="share is"):
        Judgement(share)


@pytest.mark.parametrize(
    "answered",
    [
        None,
        "full marks",
        {},
        {"answers": 3},
        {"answers": []},
        {"answers": [{"value": 1}] * 2},
        {"answers": [3]},
        {"answers": [{"value": {"$x": 1}}]},
        {"missing": "there is none"},
    ],
)
def test_whatever_comes_back_is_a_verdict(answered):
    def one(context):
        yield Calls([(1,)])

    judged = Question("one", one).judge(Context(None), answered)
    assert judged.share == 0 and judged.reason


def test_names_are_those_of_cells_and_checks_are_read_from_a_file(here):
    checks = read_checks(here / "checks.py")
    assert isinstance(checks, Checks)
    assert list(checks.questions) == ["square", "half", "needs-records", "region"]
    assert Unusable.__doc__
