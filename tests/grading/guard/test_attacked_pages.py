"""What a graded class of attackers left behind, opened in a browser: nothing of theirs acts."""

import json

import nbformat
import pytest

from course_lib.grading.commands import nbgrader
from tests.grading.attacks.attacks import ATTACKS
from tests.grading.attacks.classroom import graded, make_course, seated
from tests.grading.attacks.forgery import RIGHT, Forgery
from tests.grading.guard.browsing import ATTACKER, TEMPLATES, exporter, visitor
from tests.grading.guard.vectors import VECTORS

pytestmark = [pytest.mark.needs("sandbox"), pytest.mark.needs("browser")]

PUBLISH = "get_ipython().display_pub.publish({data!r}, {metadata!r})"
FEW = ("html: script", "html: event of an image", "markdown: script", "output: JavaScript")


def as_handed_in(cell):
    """A cell that shows, when it is run, what another one has in its outputs."""
    if cell.cell_type != "code":
        return cell
    lines = []
    for output in cell.outputs:
        if output.output_type == "display_data":
            lines.append(PUBLISH.format(data=dict(output.data), metadata=dict(output.metadata)))
        elif output.output_type == "stream":
            lines.append(f"print({output.text!r})")
    return nbformat.v4.new_code_cell("\n".join(lines), metadata=cell.metadata)


def showing(name):
    """A right answer beside which a vector is handed in, as text and as what a cell shows."""

    def edit(notebook):
        made = [as_handed_in(cell) for cell in VECTORS[name](ATTACKER)]
        notebook["cells"][:0] = json.loads(json.dumps(made))

    student = "".join(letter if letter.isalnum() else "-" for letter in name).lower()
    return Forgery(f"b-{student}", name, RIGHT, edit=edit, earned=6.0)


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return make_course(tmp_path_factory.mktemp("shown") / "course")


def pages(course):
    """Every page that the instructor or a student opens, by student and kind."""
    export = exporter()
    nbgrader(course, "generate_feedback", "ps1")
    for path in sorted((course / "autograded").glob("*/ps1/p1.ipynb")):
        student = path.parts[-3]
        yield (student, TEMPLATES[1]), export(nbformat.read(path, 4), TEMPLATES[1])
        file = course / "feedback" / student / "ps1" / "p1.html"
        yield (student, TEMPLATES[0]), file.read_text(encoding="utf-8")


def acting(course, browser):
    """Which pages asked for something, or said something."""
    with visitor(browser) as visit:
        seen = {place: visit(html) for place, html in pages(course)}
    usual = seen["ada", "feedback"].requests | seen["ada", "formgrade"].requests
    assert len(seen) > 4
    return {place for place, one in seen.items() if one.dialogs or one.requests - usual}


def check(outcomes, course, browser):
    scores = {name: (one.score, one.earned) for name, one in outcomes.items()}
    assert {name: pair for name, pair in scores.items() if pair[0] != pair[1]} == {}
    assert acting(course, browser) == set()


@pytest.mark.filterwarnings("ignore::UserWarning")  # nbconvert's, of what it cannot show
@pytest.mark.parametrize("way", [pytest.param("stock", marks=pytest.mark.slow), "warm"])
def test_a_few_act_as_stock_leaves_them_and_none_as_ours_does(release, tmp_path, browser, way):
    forgeries = [showing(name) for name in FEW]
    (tmp_path / way).mkdir()
    with seated(release, tmp_path / way, forgeries=forgeries) as made:
        outcomes = graded(made, way)
        if way == "stock":
            acted = {student for student, _ in acting(made.course, browser)}
            assert acted == {one.name for one in forgeries}
        else:
            check(outcomes, made.course, browser)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_no_page_of_the_whole_class_acts(release, tmp_path, browser):
    forgeries = [showing(name) for name in VECTORS]
    with seated(release, tmp_path, ATTACKS, forgeries) as made:
        check(graded(made, "warm"), made.course, browser)
