"""The bill runs with the standard library and a handful of files, as it does in a browser."""

import shutil
import subprocess
import sys
from pathlib import Path

import course_lib
from course_lib.footprint.chain import Chain
from course_lib.footprint.factors import assumed

HOME = Path(course_lib.__file__).parent
PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from course_lib.footprint import Run
run = Run(training_flop=1e21, chip="h200", chips=8, region="FR", year=2024, date="2025-01-01")
run.explain()
assert run.usd.value > 0 and run.co2e_kg.value > 0
third_party = {name.partition(".")[0] for name in sys.modules} - set(sys.stdlib_module_names)
print(sorted(third_party - {"course_lib", "__main__"}))
"""


def test_runs_with_only_its_own_files(tmp_path):
    package = tmp_path / "course_lib"
    for path in ["__init__.py", "quantities.py", "facts", "footprint"]:
        if (HOME / path).is_dir():
            shutil.copytree(HOME / path, package / path)
        else:
            package.mkdir(exist_ok=True)
            shutil.copy(HOME / path, package / path)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", PROGRAM, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
    assert "energy_kwh × grid_kgco2e_per_kwh" in done.stdout


def test_a_number_is_computed_once():
    calls = []
    chain = Chain({})

    def look_up():
        calls.append(1)
        return assumed("pue")

    assert chain.take("pue", look_up) is chain.take("pue", look_up)
    assert len(calls) == 1
