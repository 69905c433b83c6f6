"""Clocks that move only when told to, and records in a folder of their own."""

import pytest

from course_lib.metering import clocks, comparing, energy, ledger, measurement, records
from tests.metering.fake_machine import Machine


@pytest.fixture
def machine(monkeypatch):
    """The clocks of all that measures are this machine's."""
    fake = Machine()
    for module in (clocks, measurement, comparing):
        monkeypatch.setattr(module, "time", fake)
    monkeypatch.setattr(clocks, "waiting_seconds", lambda: fake.waited)
    monkeypatch.setattr(clocks, "involuntary_switches", lambda: fake.switches)
    monkeypatch.setattr(energy, "counter_for", lambda device: None)
    return fake


@pytest.fixture(autouse=True)
def file(monkeypatch, tmp_path):
    """Records in a folder of their own, and nothing of it left behind."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    monkeypatch.setattr(records, "_settings", records._Settings())
    monkeypatch.setattr(ledger, "_ledger", ledger._Ledger(started=0.0))
    return tmp_path / "records.jsonl"
