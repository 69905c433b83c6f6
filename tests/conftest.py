"""What tests may need of a machine, and how a missing piece is reported.

A test marked ``needs("sandbox")`` (or ``web``, or ``gpu``) is skipped where the machine lacks it,
with the reason and the command that installs it. Where the environment variable
``COURSE_REQUIRE`` names it (``COURSE_REQUIRE=sandbox,browser``) the test fails instead: that is how
continuous integration makes sure that nothing was left out.
"""

import functools
import os
from pathlib import Path

import hypothesis
import pytest

from course_lib import host

ROOT = Path(__file__).resolve().parents[1]

# Laws are tried on the same examples each time, and however slow the machine is.
hypothesis.settings.register_profile(
    "course",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("course")

SHORTHANDS = {"web": "browser", "gpu": "gpu"}
left_out = []  # slow tests that the marker expression left out


def gpu_works() -> bool:
    """Whether torch can compute on an accelerator."""
    import torch

    return torch.cuda.is_available() or torch.backends.mps.is_available()


CHECKS = {"sandbox": host.find_sandbox, "browser": host.find_browser, "gpu": gpu_works}


@functools.cache
def available(name: str):
    """What the machine offers under a name, asked once."""
    if name not in CHECKS:
        raise ValueError(f"unknown need {name!r}; known are {', '.join(CHECKS)}")
    return CHECKS[name]()


def advice(name: str) -> str:
    """How to get a missing piece."""
    return "needs a CUDA or Apple GPU" if name == "gpu" else host.advice(name)


def require(name: str):
    """Skip the running test where ``name`` is missing; fail it where COURSE_REQUIRE names it."""
    found = available(name)
    if found:
        return found
    reason = f"no {name} here: {advice(name)}"
    if name in required():
        pytest.fail(f"COURSE_REQUIRE names {name}; {reason}", pytrace=False)
    pytest.skip(reason)


def required() -> set[str]:
    """The names in COURSE_REQUIRE, each of them known."""
    names = {name.strip() for name in os.environ.get("COURSE_REQUIRE", "").split(",")} - {""}
    if names - set(CHECKS):
        raise pytest.UsageError(f"COURSE_REQUIRE={','.join(sorted(names))}: known are {[*CHECKS]}")
    return names


@pytest.fixture(scope="session")
def need():
    """A function: ``need("sandbox")`` skips the test, or fails it, where there is none."""
    return require


@pytest.fixture(scope="session")
def browser():
    """The system's Chromium, driven by Playwright: one for all tests, a new context for each."""
    executable = require("browser")
    from playwright.sync_api import sync_playwright

    as_root = hasattr(os, "geteuid") and os.geteuid() == 0
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=executable, args=["--no-sandbox"] if as_root else []
        )
        yield chromium
        chromium.close()


def pytest_configure(config):
    required()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Keep the tests of a folder in one process: they share what they set up."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFolder(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return Path(nodeid.split("::")[0]).parent.as_posix()

    return ByFolder(config, log)


def pytest_runtest_setup(item):
    names = [name for marker in item.iter_markers("needs") for name in marker.args]
    names += [name for marker, name in SHORTHANDS.items() if item.get_closest_marker(marker)]
    for name in names:
        require(name)


def pytest_deselected(items):
    left_out.extend(item for item in items if item.get_closest_marker("slow"))


def pytest_terminal_summary(terminalreporter):
    reasons = [str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])]
    lines = []
    for name in CHECKS:
        count = sum(f"no {name} here" in reason for reason in reasons)
        if count:
            lines.append(f"{count} skipped, no {name} here: {advice(name)}")
    if left_out:
        lines.append(f"slow tests left out: {len(left_out)} (make test-all runs them)")
    if lines:
        terminalreporter.section("left out")
    for line in lines:
        terminalreporter.line(line)
