"""Attacks on trusted verdicts, as data: what a student might try who has read all of this.

Each answers the question ``square`` wrongly and wants its points all the same. ``flagged``: the
instructor is told that something odd was shown.
"""

from dataclasses import dataclass

_WRONG = "def square(x):\n    return 0\n"
_SHOW = (
    "from IPython.display import publish_display_data\n"
    "MIME = 'application/vnd.counting-the-cost.answers+json'\n"
    "def show(values):\n"
    "    answers = [{'value': value} for value in values]\n"
    "    publish_display_data({MIME: {'question': 'square', 'answers': answers}})\n"
)
# What is right for the inputs that the notebook itself shows: anybody can compute it.
_PUBLIC = (
    "import numpy as np\n"
    "public = [int(n)**2 for n in np.random.default_rng(2026).integers(3, 10**6, size=4)]\n"
)


@dataclass(frozen=True)
class ProbeAttack:
    """An answer to ``square``, and what it does."""

    name: str
    mechanism: str
    answer: str
    flagged: bool = False


def _lying(base: str, special: str) -> str:
    """A number that says of itself whatever is wanted, whoever asks inside."""
    return (
        f"class Liar({base}):\n    __hash__ = None\n"
        f"    def {special}\n"
        "def square(x): return Liar(0)"
    )


LYING = [
    ProbeAttack(name, mechanism, _lying(base, special))
    for name, mechanism, base, special in (
        ("always-equal", "an int that equals everything", "int", "__eq__(s, o): return True"),
        ("never-unequal", "an int that differs from nothing", "int", "__ne__(s, o): return False"),
        ("lying-int", "an int that converts to another", "int", "__int__(s): return 1"),
        ("lying-index", "an int that counts as another", "int", "__index__(s): return 1"),
        ("lying-float", "a float that converts to another", "float", "__float__(s): return 1.0"),
        ("lying-text", "a number whose text is another", "float", "__repr__(s): return '9'"),
        ("lying-reduce", "code when unpickled", "int", "__reduce__(s): return (eval, ('1',))"),
    )
]

PROBING = [
    ProbeAttack(
        "replay-public-answers",
        "shows answers that were right for public inputs, after the cell's own",
        _WRONG + _SHOW + _PUBLIC + "get_ipython().events.register('post_run_cell',"
        " lambda *result: show(public))",
        flagged=True,
    ),
    ProbeAttack(
        "replay-within",
        "shows such answers while its function is called",
        _SHOW + _PUBLIC + "def square(x):\n    show(public)\n    return 0",
        flagged=True,
    ),
    ProbeAttack(
        "precomputed",
        "has a table of the answers to public inputs",
        _PUBLIC + "def square(x):\n    return {int(n**0.5): n for n in public}.get(x, 0)",
    ),
    ProbeAttack(
        "patch-answer",
        "replaces the function that the graded cell calls",
        _WRONG + _SHOW + _PUBLIC + "import course_lib.checking.probing as probing\n"
        "probing.answer = lambda name, get, inputs: show(public)",
    ),
    ProbeAttack(
        "patch-probe",
        "replaces probe, in the notebook and in the library",
        _WRONG + "import course_lib.checking as checking\n"
        "probe = checking.probe = checking.probing.probe = lambda *a: print('right')",
    ),
    ProbeAttack(
        "patch-pack",
        "has every value packed as a right one",
        _WRONG + "import course_lib.checking.probing as probing\n"
        "probing.pack = lambda value: {'$float': 'nan'}",
    ),
    ProbeAttack(
        "patch-json",
        "replaces the module that turns values into text",
        _WRONG + "import json\njson.dumps = lambda *a, **k: 'true'\n"
        "json.loads = lambda *a, **k: [[0], [0], [0], [0]]",
    ),
    ProbeAttack(
        "patch-judge",
        "replaces the verdict itself, where it is not made",
        _WRONG + "import course_lib.checking.questions as questions\n"
        "questions.Question.judge = lambda *a: questions.Judgement(1.0)\n"
        "questions.Judgement.__post_init__ = lambda self: None",
    ),
    *LYING,
    ProbeAttack(
        "lying-array",
        "an array that converts to whatever is wanted",
        "import numpy as np\nclass Liar(np.ndarray):\n"
        "    def tolist(self): return [1]\n    def ravel(self): return self\n"
        "def square(x): return np.zeros(1).view(Liar)",
    ),
    ProbeAttack(
        "lying-class",
        "an object that claims to be of another class",
        "class Liar:\n    __class__ = int\n    def __int__(self): return 1\n"
        "def square(x): return Liar()",
    ),
    ProbeAttack(
        "patch-numpy",
        "replaces comparisons of NumPy and PyTorch",
        _WRONG + "import numpy as np, torch, math\n"
        "np.allclose = np.array_equal = np.isclose = lambda *a, **k: True\n"
        "torch.equal = torch.allclose = math.isclose = lambda *a, **k: True\n"
        "np.testing.assert_allclose = lambda *a, **k: None",
    ),
    ProbeAttack(
        "patch-random",
        "makes random numbers known",
        _PUBLIC + "np.random.default_rng = lambda *a: np.random.Generator(np.random.PCG64(2026))\n"
        "def square(x):\n    return {int(n**0.5): n for n in public}.get(x, 0)",
    ),
    ProbeAttack(
        "read-history",
        "looks for the expected answer in the cell that asks",
        "import re\ndef square(x):\n    text = str(get_ipython().user_ns['In'])\n"
        "    return max(map(int, re.findall(r'\\d+', text)), default=0)",
    ),
    ProbeAttack(
        "read-frames",
        "looks for the expected answer in the frames that call it",
        "import sys\ndef square(x):\n    frame, found = sys._getframe(), []\n    while frame:\n"
        "        found += [v for v in frame.f_locals.values() if type(v) is int and v > x]\n"
        "        frame = frame.f_back\n    return max(found, default=0)",
    ),
    ProbeAttack(
        "read-memory",
        "looks for the expected answer among all objects",
        "import gc\ndef square(x):\n    found = [v for o in gc.get_objects() if type(o) is dict\n"
        "             for v in list(o.values()) if type(v) is int and v % x == 0 and v > x]\n"
        "    return max(found, default=0)",
    ),
    ProbeAttack(
        "call-checks",
        "imports the checks, which came with the notebook, and asks them",
        "def square(x):\n    import checks\n    return next(checks.square(None))",
    ),
    ProbeAttack(
        "read-checks",
        "reads the course's checks and gradebook where they might be",
        "import glob\ndef square(x):\n"
        "    places = glob.glob('/**/checks/*.py', recursive=True)\n"
        "    places += glob.glob('/**/gradebook.db')\n"
        "    return len(open(places[0]).read()) if places else 0",
    ),
    ProbeAttack(
        "read-secret",
        "looks for the secret of the inputs",
        "import os, pathlib\ndef square(x):\n"
        "    home = pathlib.Path('~/.config/counting-the-cost/secret').expanduser()\n"
        "    return int(os.environ.get('COURSE_SECRET') or home.read_text(), 16)",
    ),
    ProbeAttack(
        "detect-grading",
        "is right until it is graded",
        "import os\ndef square(x):\n"
        "    return 0 if os.environ.get('NBGRADER_EXECUTION') else x * x",
    ),
    ProbeAttack(
        "time-bomb",
        "is right for the first calls only",
        "calls = []\ndef square(x):\n    calls.append(x)\n"
        "    return x * x if len(calls) < 4 else 0",
    ),
    ProbeAttack(
        "file-between-cells",
        "writes down what it is asked, for a later cell to answer",
        "def square(x):\n    open('asked.txt', 'a').write(f'{x} ')\n    return 0",
    ),
    ProbeAttack(
        "slow-reference",
        "starts work that would slow whatever it is compared with",
        _WRONG + "import threading\n"
        "def burn():\n    while True: pass\n"
        "threading.Thread(target=burn, daemon=True).start()",
    ),
    ProbeAttack(
        "patch-clocks",
        "stops every clock",
        _WRONG + "import time\nfor name in ('time', 'perf_counter', 'process_time', 'monotonic'):\n"
        "    setattr(time, name, lambda: 0.0)",
    ),
    ProbeAttack("huge-answer", "answers with more than fits", "def square(x): return 'x' * 10**8"),
    ProbeAttack(
        "deep-answer",
        "answers with lists in lists in lists",
        "def square(x):\n    deep = []\n    for _ in range(10**5): deep = [deep]\n    return deep",
    ),
    ProbeAttack(
        "endless-answer",
        "answers with a list that holds itself",
        "def square(x):\n    own = []\n    own.append(own)\n    return own",
    ),
    ProbeAttack(
        "long-number",
        "answers with a number of a million digits",
        "def square(x): return 10 ** 10**6",
    ),
    ProbeAttack(
        "forge-deep",
        "shows answers so deep that reading them might end the grader",
        _WRONG + "from IPython.display import publish_display_data as show\n"
        "def hook(*result):\n    deep = []\n    for _ in range(600): deep = [deep]\n"
        "    show({'application/vnd.counting-the-cost.answers+json': {'answers': deep}})\n"
        "get_ipython().events.register('post_run_cell', hook)",
    ),
    ProbeAttack(
        "forge-array",
        "shows an array that says it has a billion numbers",
        _WRONG + "from IPython.display import publish_display_data as show\n"
        "array = {'$array': {'dtype': 'float64', 'shape': [10**9], 'data': [1.0]}}\n"
        "odd = {'$array': {'dtype': '(1000000000,)f8', 'shape': [], 'data': [1.0]}}\n"
        "answers = [{'value': one} for one in (array, odd, {'$float': '9' * 9}, {'$x': 1})]\n"
        "get_ipython().events.register('post_run_cell', lambda *r:\n"
        "    show({'application/vnd.counting-the-cost.answers+json': {'answers': answers}}))",
        flagged=True,
    ),
    ProbeAttack(
        "forge-kind",
        "shows answers that are no dictionary",
        _WRONG + "from IPython.display import publish_display_data as show\n"
        "get_ipython().events.register('post_run_cell', lambda *r:\n"
        "    show({'application/vnd.counting-the-cost.answers+json': 'full marks'}))",
        flagged=True,
    ),
    ProbeAttack(
        "end-before",
        "ends the kernel while it is asked",
        "import os\ndef square(x): os._exit(0)",
    ),
    ProbeAttack(
        "raise-exit",
        "leaves by an exception that is no error",
        "def square(x): raise SystemExit(0)",
    ),
    ProbeAttack(
        "lying-error",
        "raises an error whose text cannot be made",
        "class Odd(Exception):\n    def __str__(self): raise KeyboardInterrupt\n"
        "def square(x): raise Odd",
    ),
]
