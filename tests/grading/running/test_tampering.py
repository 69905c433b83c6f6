"""What a kernel gives away after its last cell; honest notebooks give away nothing."""

import pytest

from tests.grading.running.helpers import errors, graded, kinds, run_cells, shown

CHECK = graded("check", "assert answer == 1")
HONEST = """
%precision 3
%matplotlib inline
import functools, math, sys, numpy, matplotlib.pyplot as plt
list, sum, max = [1], 3, lambda *a: 0
class Answer(int):
    def __eq__(self, other): return int(self) == other
    def _repr_html_(self): return "<b>1</b>"
answer = Answer(1)
plt.plot([1, 2]);
"""
HOOKS = """
answer = 2
shell = get_ipython()
import math, builtins, time, sys
math.isclose = lambda *a, **k: True
builtins.abs = lambda x: 0
time.perf_counter = time.time
sys.settrace(lambda *a: None)
shell.events.register('post_run_cell', lambda result: None)
"""
STRIPPED = """
answer = 2
import ast
class Strip(ast.NodeTransformer):
    def visit_Assert(self, node): return ast.copy_location(ast.Pass(), node)
get_ipython().ast_transformers.append(Strip())
"""
SAID_TWICE = """
kernel = get_ipython().kernel
class Answer:
    def __eq__(self, other):
        reply = {'status': 'ok', 'execution_count': 1}
        parent, ident = kernel.get_parent(), kernel._parent_ident['shell']
        kernel.session.send(kernel.shell_stream.socket, 'execute_reply', reply, parent, ident=ident)
        kernel.session.send(kernel.iopub_socket, 'status', {'execution_state': 'idle'}, parent)
        import time; time.sleep(0.3)
        return False
answer = Answer()
"""


def said(result):
    return [one.text for one in result.events if one.kind == "tampering-suspected"]


def test_an_honest_notebook_is_not_suspected():
    result, cells = run_cells(HONEST, CHECK, "1/3", "raise ValueError(answer)")
    assert kinds(result) == []
    assert errors(cells[1]) == []
    assert cells[2]["outputs"][0]["data"]["text/plain"] == ["0.333"]


def test_what_a_notebook_replaced_is_named():
    result, _ = run_cells(HOOKS, CHECK)
    [text] = said(result)
    for name in ("math.isclose", "builtins.abs", "time.perf_counter", "sys", "post_run_cell"):
        assert name in text


def test_checks_that_cannot_fail_are_noticed_and_the_result_stands():
    result, cells = run_cells(STRIPPED, CHECK)
    assert "an assertion that must fail passed" in said(result)
    assert errors(cells[1]) == [] and shown(cells[1]) == ""
    assert cells[1]["execution_count"] == 2


def test_a_request_answered_twice_is_noticed():
    result, _ = run_cells(SAID_TWICE, CHECK, "1")
    assert "kernel-odd" in kinds(result)
    assert any("answered twice" in one.text for one in result.events)


def test_a_notebook_without_checks_is_not_asked():
    result, _ = run_cells(STRIPPED)
    assert kinds(result) == []


@pytest.mark.parametrize("last", ["import os; os._exit(3)", "import time; time.sleep(60)"])
def test_a_kernel_that_ended_or_hung_before_is_told_once(last):
    from course_lib.grading.tasks import Limits

    limits = Limits(cell_seconds=1, notebook_seconds=30)
    result, _ = run_cells("answer = 1", CHECK, last, limits=limits)
    assert "tampering-suspected" not in kinds(result)
    assert kinds(result)[0] in ("kernel-died", "timeout")
