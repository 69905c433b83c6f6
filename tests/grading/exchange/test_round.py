"""The whole way: from a system's zip to its own table, with the same people."""

from datetime import datetime

import pytest

from course_lib.grading.exchange.command import run_collect, run_export
from tests.grading.exchange.helpers import archive, give
from tests.grading.exchange.test_export import CANVAS, MOODLE, cells

CASES = {
    "canvas": (
        CANVAS,
        [f"x_{number}_{number}_p1.ipynb" for number in (101, 102)],
        ("roster", 5, {"Lovelace, Ada": "1.5", "Babbage, Charles": "2.5"}),
    ),
    "moodle": (
        MOODLE,
        ["Ada Lovelace_11_assignsubmission_file/p1.ipynb",
         "Grace Hopper_13_assignsubmission_file/p1.ipynb"],
        ("worksheet", 4, {"Participant 11": "1.5", "Participant 13": "2.5"}),
    ),
}  # fmt: skip


@pytest.mark.parametrize("system", CASES)
def test_who_was_collected_gets_the_score(system, folder, tmp_path):
    text, names, (option, column, expected) = CASES[system]
    table, out = tmp_path / "table.csv", tmp_path / "out.csv"
    table.write_bytes(text.encode())
    zipped = archive([(name, b"{}") for name in names], tmp_path / "z.zip")
    given = {option: table}
    assert run_collect("ps1", folder, zipped, source=system, **given) == 0
    students = [path.name for path in (folder / "submitted").iterdir()]
    assert len(students) == 2
    # Ids as collecting chose them; the first by name is Ada in both.
    for student, points in zip(sorted(students, key=str.casefold), (1.5, 2.5), strict=True):
        give(folder, student, points, timestamp=datetime(2026, 3, 1))
    assert run_export("ps1", folder, to=system, output=out, **given) == 0
    got = {row[0]: row[column] for row in cells(out.read_text(encoding="utf-8"))}
    assert {name: got[name] for name in expected} == expected
