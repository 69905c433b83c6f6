"""Scores as Canvas, Moodle and spreadsheets import them.

Formats, as documented and as the importing programs read them:

- Canvas, gradebook: columns *Student* (or *LastName*, *FirstName*), *ID*, then *SIS User ID*, *SIS
  Login ID* (*Integration ID*, *Root Account*), *Section*, then a column "Name (id)" for each
  assignment, a line *Points Possible*; students are found by ID, then SIS ids, then name
  (``lib/gradebook_importer.rb`` in https://github.com/instructure/canvas-lms;
  https://teaching.resources.osu.edu/toolsets/carmencanvas/guides/calculating-final-grades/import-csv-file-carmen-grades).
  **An empty cell clears a grade that Canvas has**, and points are compared at two decimals.
- Moodle, an assignment's offline grading worksheet: *Identifier* ("Participant 123"), *Grade* and
  *Last modified (grade)* must be there, by their name in the site's language; an empty grade and
  one above the maximum are skipped, and one that Moodle changed after the download is kept
  (``mod/assign/feedback/offline/importgradeslib.php`` and ``locallib.php`` in
  https://github.com/moodle/moodle; https://docs.moodle.org/401/en/Assignment_settings). Without a
  worksheet: a table for *Grades > Import > CSV file*, where a person says which column is what.
- Cells that begin like a formula: https://owasp.org/www-community/attacks/CSV_Injection.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from course_lib.grading.exchange.people import Person, canvas_people, match, moodle_people
from course_lib.grading.exchange.scores import Score
from course_lib.grading.exchange.tables import ExchangeError, Table, harmless, number

SYSTEMS = ("canvas", "moodle", "csv")
MOST_NAMED = 12


@dataclass(frozen=True)
class Export:
    """A file's text, how many scores are in it, and what its user must know."""

    text: str
    written: int
    notes: tuple[str, ...]


def export(
    scores: Sequence[Score],
    assignment: str,
    system: str,
    given: Table | None = None,
    *,
    column: str | None = None,
    missing_zero: bool = False,
) -> Export:
    """The scores of an assignment as a system imports them.

    Parameters
    ----------
    scores : sequence of Score
        From `read_scores`.
    assignment : str
        Its name in nbgrader.
    system : str
        *canvas*, *moodle* or *csv*.
    given : Table, optional
        The gradebook that Canvas exported or the worksheet that Moodle did; its column is filled,
        all else stays.
    column : str, optional
        The name of Canvas's column where it is not the assignment's.
    missing_zero : bool
        Give zero to those who handed in nothing; otherwise their cell stays as it is.

    Raises
    ------
    ExchangeError
        If the other system could not import it, or not know whose score is whose.
    """
    if system not in SYSTEMS:
        raise ExchangeError(f"--to is {system!r}; it must be one of {', '.join(SYSTEMS)}")
    if system == "csv":
        if given is not None:
            raise ExchangeError("--to csv fills no other file: leave --roster or --worksheet out")
        return _plain(scores, assignment, missing_zero)
    if column is not None and (system != "canvas" or given is None):
        raise ExchangeError("--column names a column of the file given with --to canvas --roster")
    if system == "canvas":
        if given is None:
            return _new_canvas(scores, assignment, missing_zero)
        return _fill_canvas(scores, assignment, given, column, missing_zero)
    if given is None:
        return _new_moodle(scores, assignment, missing_zero)
    return _fill_moodle(scores, given, missing_zero)


def points_of(score: Score, missing_zero: bool) -> float | None:
    """What is exported of a score: None is a blank."""
    if score.state == "nothing handed in":
        return 0.0 if missing_zero else None
    return score.final


def _states(scores: Sequence[Score], missing_zero: bool) -> list[str]:
    notes = []
    said = {
        "to be judged": "left blank, a person must judge",
        "not graded": "left blank, not graded yet",
        "nothing handed in": "handed in nothing, "
        + ("given zero" if missing_zero else "left as it was"),
    }
    for state, words in said.items():
        who = [score.student.id for score in scores if score.state == state]
        if who:
            notes.append(f"{words}: {_names(who)}")
    late = [one.student.id for one in scores if one.final is not None and one.penalty]
    if late:
        notes.append(f"a late penalty is taken off: {_names(late)}")
    return notes


def _names(who: Sequence[str]) -> str:
    rest = f" and {len(who) - MOST_NAMED} more" if len(who) > MOST_NAMED else ""
    return f"{len(who)} ({', '.join(who[:MOST_NAMED])}{rest})"


# --- Canvas ---


def _fill_canvas(
    scores: Sequence[Score], assignment: str, given: Table, column: str | None, missing_zero: bool
) -> Export:
    where = canvas_column(given, column or assignment)
    people = canvas_people(given)
    for row in given.rows:
        name = given.cell(row, "Student", "LastName")
        if "Points Possible" in name and "read only" in (row[where] if where < len(row) else ""):
            raise ExchangeError(f"Canvas calculates {given.header[where]!r}: it imports none")
    notes = _other_maximum(
        scores,
        next(
            (
                row[where]
                for row in given.rows
                if "Points Possible" in given.cell(row, "Student", "LastName") and where < len(row)
            ),
            "",
        ),
        "Canvas",
    )
    return _fill(scores, given, people, where, missing_zero, notes, clears=True)


def canvas_column(table: Table, title: str) -> int:
    """The column "title (number)" of an exported gradebook.

    Raises
    ------
    ExchangeError
        If there is none, or several.
    """
    exact = [i for i, name in enumerate(table.header) if name.strip() == title]
    named = [
        i for i, name in enumerate(table.header) if re.fullmatch(r"(.*\S)\s+\(\d+\)", name.strip())
    ]
    fitting = exact or [i for i in named if table.header[i].strip().rsplit(" (", 1)[0] == title]
    if len(fitting) == 1:
        return fitting[0]
    there = [table.header[i] for i in named]
    many = "several columns" if fitting else "no column"
    raise ExchangeError(
        f"{table.name} has {many} for {title!r}; name one with --column, of {there}"
    )


def _new_canvas(scores: Sequence[Score], assignment: str, missing_zero: bool) -> Export:
    unknown = [
        one.student.id
        for one in scores
        if points_of(one, missing_zero) is not None and not one.student.lms_user_id.isdigit()
    ]
    if unknown:
        raise ExchangeError(
            f"Canvas could not tell who these are: {_names(unknown)}; the gradebook has no "
            "lms_user_id (Canvas's number) for them. Export the gradebook from Canvas and give it "
            "with --roster"
        )
    header = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", _safe_title(assignment)]
    maximum = number(scores[0].maximum) if scores else ""
    rows = [["    Points Possible", "", "", "", "", maximum]]
    chosen = [one for one in scores if one.student.lms_user_id.isdigit()]
    for one in chosen:
        points = number(points_of(one, missing_zero))
        who = one.student
        rows.append([harmless(who.name), who.lms_user_id, "", harmless(who.id), "", points])
    notes = [
        f"Canvas makes a new assignment of the column {assignment!r} unless one has this very name",
        "an empty cell clears a grade that Canvas has",
    ]
    return _done(Table(header, rows, bom=True), chosen, missing_zero, notes)


def _safe_title(title: str) -> str:
    return harmless(title)


# --- Moodle ---


def _fill_moodle(scores: Sequence[Score], given: Table, missing_zero: bool) -> Export:
    people = moodle_people(given)
    where = given.column("Grade")
    locked = {
        one.row
        for one in people
        if given.cell(given.rows[one.row], "Grade can be changed").casefold() == "no"
    }
    notes = [
        f"Moodle lets nobody change the grade: {given.cell(given.rows[row], 'Identifier')}"
        for row in sorted(locked)
    ]
    first = next((given.cell(given.rows[one.row], "Maximum grade") for one in people), "")
    notes += _other_maximum(scores, first, "Moodle")
    people = [one for one in people if one.row not in locked]
    return _fill(scores, given, people, where, missing_zero, notes, clears=False)


def _new_moodle(scores: Sequence[Score], assignment: str, missing_zero: bool) -> Export:
    header = ["Username", "ID number", "First name", "Last name", "Email address"]
    rows = [
        [
            *map(harmless, (who.id, who.lms_user_id, who.first_name, who.last_name, who.email)),
            number(points_of(one, missing_zero)),
        ]
        for one in scores
        for who in [one.student]
    ]
    notes = ["in Grades > Import > CSV file, map Username, ID number or Email address by hand"]
    if bare := [one.student.id for one in scores if not one.student.email]:
        notes.append(f"no email address is known: {_names(bare)}")
    title = _safe_title(assignment)
    return _done(Table([*header, title], rows), scores, missing_zero, notes)


# --- both ---


def _fill(
    scores: Sequence[Score],
    given: Table,
    people: Sequence[Person],
    where: int | None,
    missing_zero: bool,
    notes: list[str],
    clears: bool,
) -> Export:
    assert where is not None
    matched = match(people, [one.student for one in scores])
    by_id = {one.student.id: one for one in scores}
    if people and not matched.students:
        raise ExchangeError(
            f"none of the {len(people)} people of {given.name} is known to the gradebook: give "
            "nbgrader's students the login, the email address or (lms_user_id) the number that "
            f"stands there, such as {people[0].shown}"
        )
    rows = [[*row] for row in given.rows]
    done, cleared, excused = [], [], []
    for person in people:
        student = matched.students.get(person.row)
        if student is None:
            continue
        row, score = rows[person.row], by_id[student]
        row += [""] * (where + 1 - len(row))
        points = points_of(score, missing_zero)
        if row[where].strip().upper() == "EX":
            excused.append(student)
            continue
        done.append(score)
        if score.state == "nothing handed in" and points is None:
            continue
        if points is None and row[where].strip() not in ("", "-"):
            cleared.append(student)
        row[where] = number(points)
    here = set(matched.students.values())
    absent = [one.student.id for one in scores if one.student.id not in here]
    strangers = [one.shown for one in people if one.row not in matched.students]
    notes = [*notes, *matched.problems]
    for who, words in (
        (excused, "excused there, left so"),
        (cleared, "had a grade there; blank now" if clears else "had a grade; blank keeps it"),
        (absent, "in the gradebook and not in the file"),
        (strangers, "in the file and not known to the gradebook, left as they are"),
    ):
        if who:
            notes.append(f"{words}: {_names(who)}")
    return _done(replace(given, rows=rows), done, missing_zero, notes)


def _done(
    table: Table, scores: Sequence[Score], missing_zero: bool, notes: Sequence[str]
) -> Export:
    written = sum(points_of(one, missing_zero) is not None for one in scores)
    return Export(table.text(), written, (*_states(scores, missing_zero), *notes))


def _other_maximum(scores: Sequence[Score], theirs: str, system: str) -> list[str]:
    try:
        maximum = float(theirs.replace(",", "."))
    except ValueError:
        return []
    ours = scores[0].maximum if scores else maximum
    if maximum == ours:
        return []
    over = [one.student.id for one in scores if (one.final or 0) > maximum]
    what = f"; above it: {_names(over)}" if over else ""
    skips = ", which Moodle skips" if over and system == "Moodle" else ""
    return [
        f"{system}'s maximum is {number(maximum)}, ours {number(ours)}: not rescaled{what}{skips}"
    ]


# --- a plain table ---

PLAIN = [
    "assignment", "student", "last_name", "first_name", "email", "lms_user_id", "state", "score",
    "max_score", "raw_score", "late_penalty", "seconds_late", "extension_seconds", "timestamp",
]  # fmt: skip


def _plain(scores: Sequence[Score], assignment: str, missing_zero: bool) -> Export:
    """One line a student, cells as columns: one file that a spreadsheet sorts and sums at once.

    A long table would repeat a student's line for each cell, and a sum over *score* be wrong.
    """
    notebooks = sorted({cell.notebook for one in scores for cell in one.cells})
    cells = sorted({(cell.notebook, cell.name) for one in scores for cell in one.cells})
    header = [*PLAIN, *(f"{name} (total)" for name in notebooks)]
    header += [f"{notebook}/{name}" for notebook, name in cells]
    rows = []
    for one in scores:
        who = one.student
        start = (assignment, who.id, who.last_name, who.first_name, who.email, who.lms_user_id)
        row = [harmless(text) for text in (*start, one.state)]
        row += [number(points_of(one, missing_zero)), number(one.maximum), number(one.raw)]
        row += [number(value) for value in (one.penalty, one.seconds_late, one.extension_seconds)]
        row.append(harmless(one.timestamp))
        given = {(cell.notebook, cell.name): cell.score for cell in one.cells}
        for notebook in notebooks:
            inside = [points for (where, _), points in given.items() if where == notebook]
            known = [points for points in inside if points is not None]
            row.append(number(sum(known)) if known else "")
        rows.append([*row, *(number(given.get(cell)) for cell in cells)])
    # The mark is what makes Excel read UTF-8.
    table = Table([harmless(name) for name in header], rows, bom=True)
    return _done(table, scores, missing_zero, [])
