"""Grades on a disk that is full after so many pages; a program for a mount namespace of its own.

``python filling.py COURSE DISK PAGES...``: for each number of free pages a copy of the course is
graded on the disk, first with no more room than that, then with room. What came of it is printed.
"""

import contextlib
import json
import os
import sqlite3
import sys
import warnings
from pathlib import Path

from course_lib.grading.course import CourseError
from course_lib.grading.journal import NoJournal
from tests.grading import faking
from tests.grading.faking import contents, copy_of

PAGE = os.sysconf("SC_PAGE_SIZE")


def fill(path, pages):
    """Write a file until the disk is full, then give some pages back."""
    with open(path, "wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(PAGE))
    os.truncate(path, path.stat().st_size - pages * PAGE)


def graded(course, ran):
    """Rows as plain data, or why there are none."""
    real = faking.fake_work

    def counting(item):
        ran.append(item[0])
        return real(item)

    faking.fake_work = counting
    try:
        rows = faking.graded(course)
    except (CourseError, NoJournal) as error:
        return {"stopped": str(error)}
    finally:
        faking.fake_work = real
    return {name: [row.state, *row.reasons] for name, row in rows.items()}


def found(course):
    """What is there after a run: the gradebook's state, and what lies in ``autograded/``."""
    with sqlite3.connect(course / "gradebook.db") as connection:
        (state,) = connection.execute("PRAGMA integrity_check").fetchone()
    connection.close()
    files = {
        path.relative_to(course).as_posix()
        for path in (course / "autograded").rglob("*")
        if path.is_file()
    }
    return {"gradebook": state, "files": sorted(files)}


def try_with(course, disk, pages):
    """One copy of the course, graded twice."""
    ran = []
    copy = copy_of(course, disk / "course")
    fill(disk / "filler", pages)
    full = graded(copy, ran)
    left = found(copy)
    (disk / "filler").unlink()
    again = graded(copy, ran)
    same = contents(copy)
    os.system(f"rm -rf '{copy}'")
    return {"pages": pages, "full": full, "left": left, "again": again, "ran": ran, "same": same}


def main(course, disk, *pages):
    warnings.simplefilter("ignore")
    tried = [try_with(Path(course), Path(disk), int(number)) for number in pages]
    print(json.dumps(tried, default=repr))


if __name__ == "__main__":
    main(*sys.argv[1:])
