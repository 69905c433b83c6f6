"""Attacks on exercise 3 itself: whatever is tried in its kernel, no point is forged.

Each attacker hands in what was released, with an attack in the place of the first answer. An attack
that was made for a course of assertions is run as it is; one that aims at probes aims at this
exercise's first question, with the answers that are right for the public inputs.
"""

import contextlib
import re
import shutil
import string
import time
from dataclasses import dataclass, replace

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell

from course_lib.checking.probing import PUBLIC_SEED
from course_lib.checking.questions import Context, read_checks
from course_lib.grading.course import open_course
from course_lib.grading.grade import Options, grade
from course_lib.grading.releasing import generate, prepare
from course_lib.grading.samples import read_samples, write_submission
from course_lib.grading.tasks import MIB, Limits
from tests.exercises.judging import EXERCISES, automatic_points
from tests.grading.attacks import classroom
from tests.grading.attacks.attacks import ATTACKS
from tests.grading.attacks.forgeries import FORGERIES
from tests.grading.attacks.harness import secret_environment, terminal_at
from tests.grading.attacks.world import make_world
from tests.grading.trusted.probing_attacks import PROBING

pytestmark = [pytest.mark.slow, pytest.mark.needs("sandbox")]

NAME = "03-measure"
LIMITS = Limits(
    cell_seconds=15.0, memory_bytes=4096 * MIB, disk_bytes=64 * MIB, processes=100, cpu_seconds=40
)
TIGHT = replace(classroom.LIMITS, memory_bytes=1400 * MIB)  # room for what is imported before
ADAPTED = "\nmlp_flop = lambda widths, batch: square(batch)\n"
# Claims about measurements that nobody made.
MEASURED = {
    "patch-measure": (
        "import types, course_lib.metering\n"
        "def measure(call, name=None, **more):\n"
        "    size = int(name.rsplit('-', 1)[1]) if name[-1].isdigit() else 4096\n"
        "    return types.SimpleNamespace(minimum_cpu_seconds=1e-5 + 1e-9 * size ** 2)\n"
    ),
    "write-records": (
        "import json\nlines = []\nfor kind, sizes in SIZES.items():\n    for size in sizes:\n"
        "        times = [1e-5 + 1e-9 * size ** 2] * 9\n"
        "        samples = {'cpu_seconds': times, 'seconds': times}\n"
        "        lines.append(json.dumps({'name': f'{kind}-{size}', 'samples': samples,\n"
        "            'warmup_samples': {'calls': [1]}}))\n"
        "open('records.jsonl', 'w').write('\\n'.join(lines))\n"
    ),
    "patch-clocks": (
        "import time\nticks = iter(range(10**9))\n"
        "for name in ('perf_counter', 'process_time', 'thread_time', 'monotonic'):\n"
        "    setattr(time, name, lambda: 1e-6 * next(ticks))\n"
    ),
}
CLAIM = "y = {kind: [1e-5 + 1e-9 * n ** 2 for n in sizes] for kind, sizes in SIZES.items()}\n"
COUNTING = {
    "import-counting": "from course_lib import count\n",
    "load-counting": (
        "import importlib.machinery, importlib.util, course_lib\n"
        "place = course_lib.__path__[0] + '/counting/__init__.py'\n"
        "spec = importlib.util.spec_from_file_location('course_lib.counting', place)\n"
        "module = importlib.util.module_from_spec(spec)\nspec.loader.exec_module(module)\n"
        "count = module.count\n"
    ),
    "counting-elsewhere": (
        "import subprocess, sys\nprogram = 'from course_lib import count; print(count)'\n"
        "said = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True)\n"
        "assert said.returncode == 0, said.stderr\n"
        "from course_lib import count\n"
    ),
}
COUNT = (
    "import torch\ndef mlp_flop(widths, batch):\n"
    "    layers = [torch.nn.Linear(a, b) for a, b in zip(widths, widths[1:])]\n"
    "    work = count(torch.nn.Sequential(*layers), torch.zeros(batch, widths[0]))\n"
    "    return work.forward_flop\n"
)


@dataclass(frozen=True)
class Attacker:
    """What stands in the cells of answers, and in cells of the attacker's own after the first."""

    name: str
    answers: dict[str, str]
    own: tuple[str, ...] = ()
    flagged: bool = False


def public_answers():
    """What anybody can compute: the first question's answers on the notebook's own inputs."""
    question = read_checks(EXERCISES / "checks" / f"{NAME}.py").questions["mlp-flop"]
    inputs = question.inputs(Context(np.random.default_rng(PUBLIC_SEED), public=True))
    return [2 * batch * sum(a * b for a, b in zip(w, w[1:], strict=False)) for w, batch in inputs]


def scoring():
    """Attacks on the score."""
    known = f"import numpy as np\npublic = {public_answers()}\n"
    for one in PROBING:
        code = re.sub(r"import numpy as np\npublic = .*\n", lambda _: known, one.answer)
        code = code.replace("'question': 'square'", "'question': 'mlp-flop'") + ADAPTED
        yield Attacker(f"probe-{one.name}", {"mlp-flop-answer": code}, flagged=one.flagged)
    for one in FORGERIES:
        if one.edit is None and not one.files:
            yield Attacker(f"assert-{one.name}", {"mlp-flop-answer": one.answer + ADAPTED})
    for name, code in MEASURED.items():
        answers = {"mlp-flop-answer": code, "sweep-answer": code + CLAIM}
        yield Attacker(f"measured-{name}", answers)
    for name, code in COUNTING.items():
        yield Attacker(f"counted-{name}", {"mlp-flop-answer": code + COUNT})


@pytest.fixture
def course(tmp_path):
    """The exercise, released in a course of its own, with the reference handed in."""
    folder = tmp_path / "course"
    folder.mkdir()
    prepare(NAME, EXERCISES, folder)
    generate(NAME, folder)
    complete = read_samples(EXERCISES / "samples" / NAME)[0]
    write_submission(
        complete,
        EXERCISES / "source" / NAME / f"{NAME}.ipynb",
        folder / "release" / NAME / f"{NAME}.ipynb",
        folder / "submitted" / "honest" / NAME,
    )
    return folder


def hand_in(course, attacker):
    notebook = nbformat.read(course / "release" / NAME / f"{NAME}.ipynb", 4)
    for cell in notebook.cells:
        name = cell.metadata["nbgrader"]["grade_id"]
        cell.source = attacker.answers.get(name, cell.source)
    notebook.cells[3:3] = [new_code_cell(source) for source in attacker.own]
    folder = course / "submitted" / attacker.name / NAME
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / f"{NAME}.ipynb")
    return folder


def graded(course, warm=True, limits=LIMITS):
    options = Options(workers=2, warm=warm, limits=limits, secret=lambda: b"a secret of this test")
    return {row.student: row for row in grade(open_course(course, NAME), options)}


def check_points(got, names):
    assert set(got) == set(names)
    assert {name: cells for name, cells in got.items() if any(cells.values())} == {}


@pytest.mark.parametrize("warm", [True, False], ids=["warm", "cold"])
def test_no_attack_on_the_score_forges_a_point(course, warm):
    attackers = [*scoring()]
    assert len(attackers) >= 90
    for attacker in attackers:
        hand_in(course, attacker)
    rows = graded(course, warm)
    got = automatic_points(course, NAME)
    assert sum(got.pop("honest").values()) == 18.0 and rows["honest"].reasons == ()
    check_points(got, [one.name for one in attackers])
    told = {name for name, row in rows.items() if any("answers" in r for r in row.reasons)}
    assert told >= {one.name for one in attackers if one.flagged}


def test_no_attack_on_the_machine_forges_a_point_or_does_harm(course, tmp_path):
    with contextlib.ExitStack() as stack:
        (tmp_path / "worlds").mkdir()
        terminal = tmp_path / "worlds" / "terminal"
        terminal.touch()
        stack.enter_context(terminal_at(terminal))
        worlds = {}
        for attack in ATTACKS:
            world = stack.enter_context(make_world(tmp_path / "worlds" / attack.name))
            stack.enter_context(secret_environment(world))
            cells = [string.Template(one).safe_substitute(world.names) for one in attack.cells]
            submitted = hand_in(course, Attacker(attack.name, {}, (*cells,)))
            for name, text in attack.files.items():
                (submitted / name).write_text(text)
            world.folder = course / "autograded" / attack.name / NAME
            worlds[attack.name] = world
        shutil.rmtree(course / "submitted" / "honest")  # who needs more than these limits
        graded(course, limits=TIGHT)
        time.sleep(0.2)  # what lives on has time to be seen
        check_points(automatic_points(course, NAME), worlds)
        for attack in ATTACKS:
            world = worlds[attack.name]
            text = (world.folder / f"{NAME}.ipynb").read_text()
            assert world.marker not in text, attack.name
            assert world.untouched() and not world.left_processes(), attack.name
            assert not (attack.harm and attack.harm(world)), attack.name
