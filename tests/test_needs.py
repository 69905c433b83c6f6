"""What the other tests rely on: a missing piece skips, or fails where COURSE_REQUIRE names it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

TESTS = """
import pytest

@pytest.mark.web
def test_page():
    pass

@pytest.mark.needs("browser")
def test_marked():
    pass

def test_asked(need):
    need("browser")

def test_driven(browser):
    pass

@pytest.mark.slow
def test_long():
    pass

def test_plain():
    pass
"""


@pytest.fixture
def run_pytest(tmp_path):
    """Run the tests above where no browser runs, and return what pytest said."""
    (tmp_path / "test_some.py").write_text(TESTS)

    def run(require="", *arguments):
        command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-c", "pyproject.toml"]
        environment = {**os.environ, "COURSE_REQUIRE": require, "CHROMIUM": str(tmp_path / "none")}
        return subprocess.run(
            [*command, "-p", "no:cacheprovider", *arguments, str(tmp_path)],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_a_missing_piece_skips_and_the_summary_says_so(run_pytest):
    result = run_pytest()
    assert result.returncode == 0, result.stdout
    assert "2 passed, 4 skipped" in result.stdout
    assert "4 skipped, no browser here: " in result.stdout


def test_a_missing_piece_fails_where_it_is_required(run_pytest):
    result = run_pytest("sandbox,browser")
    assert result.returncode == 1, result.stdout
    assert "1 failed, 2 passed, 3 errors" in result.stdout
    assert "COURSE_REQUIRE names browser" in result.stdout


def test_slow_tests_that_are_left_out_are_counted(run_pytest):
    result = run_pytest("", "-m", "not slow")
    assert "slow tests left out: 1 (make test-all runs them)" in result.stdout


def test_an_unknown_requirement_is_an_error(run_pytest):
    result = run_pytest("sandbox,borwser")
    assert result.returncode == pytest.ExitCode.USAGE_ERROR
    assert "borwser" in result.stdout + result.stderr
