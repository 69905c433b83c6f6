"""The command ``course``: what this machine can do, and what an author's assignment is worth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Counting the Cost: a course on what AI is and what it costs.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def doctor() -> None:
    """Say what this machine can do (GPU, sandbox, browser, energy counter) and what to install."""
    from rich.console import Console
    from rich.table import Table

    from course_lib.diagnosis import findings

    table = Table(title="What this machine can do")
    for column in ("what", "here", "what to do"):
        table.add_column(column)
    for finding in findings():
        mark = "[green]yes[/]" if finding.present else "[yellow]no[/]"
        table.add_row(finding.what, f"{mark}  {finding.detail}", finding.remedy)
    level, detail, remedy = _sandbox()
    mark = "[green]yes[/]" if level != "none" else "[yellow]no[/]"
    table.add_row("sandboxed grading", f"{mark}  {detail}", remedy)
    Console().print(table)


def _sandbox() -> tuple[str, str, str]:
    """Which sandbox grading has here, by building one."""
    from importlib.util import find_spec

    if find_spec("nbgrader") is None:
        return "none", "", "pip install -e '.[grade]'"
    from course_lib.grading.sandbox.levels import find_level

    found = find_level()
    kinds = {
        "both": "cold and warm kernels",
        "cold": "cold kernels only",
        "namespaces": "warm kernels only",
        "none": "",
    }
    missing = dict.fromkeys(reason for reason in (found.cold, found.warm) if reason)
    return found.name, kinds[found.name], " ".join(missing)


@app.command()
def passport(
    path: Annotated[Path | None, typer.Option(help="Where it is kept (JSON).")] = None,
    device: Annotated[
        str | None, typer.Option(help="cpu, cuda or mps; the fastest if unnamed.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Measure even if one is kept.")] = False,
    picture: Annotated[Path | None, typer.Option(help="Also draw the roofline here (SVG).")] = None,
) -> None:
    """Measure what this machine achieves: FLOP/s by precision, bandwidth, launch overhead."""
    from rich.console import Console

    from course_lib.passport import default_path, roofline_text
    from course_lib.passport import passport as make

    console = Console()
    try:
        with console.status("measuring") as status:
            result = make(path, device=device, again=again, progress=status.update)
    except ValueError as error:
        console.print(f"[red]{error}[/]")
        raise typer.Exit(2) from error
    console.print(_passport_table(result))
    if result.flop_per_s:
        rates = {name: result.peak(name).value for name in result.flop_per_s}
        console.print(roofline_text(rates, result.bytes_per_s.value), highlight=False)
    console.print(f"kept in {path or default_path(result.device)}")
    if result.contaminated:
        console.print("[yellow]Other work held this up: close it and run again with --again.[/]")
    if picture is not None:
        _draw(result, picture)
        console.print(f"roofline in {picture}")


@app.command()
def check_assignment(
    name: Annotated[str, typer.Argument(help="Of a directory in source/, such as 03-measure.")],
    course_dir: Annotated[Path, typer.Option(help="Default: here, or exercises/ here.")] = Path(),
    workspace: Annotated[
        Path, typer.Option(help="Made anew; for the release, gradebook and feedback.")
    ] = Path("_build/exercises"),
    record: Annotated[
        bool, typer.Option("--record", help="First measure the samples anew on this machine.")
    ] = False,
    mutations: Annotated[
        int, typer.Option(min=0, help="Random changes of the reference that must lose points.")
    ] = 0,
    seed: Annotated[int, typer.Option(help="What the changes are drawn with.")] = 0,
    log: Annotated[
        Path | None, typer.Option(help="Where to write each change and what it lost (TSV).")
    ] = None,
) -> None:
    """Release an assignment, grade its sample submissions, and compare with what they must get.

    Exits with 1 if a sample gets other points, or if a change of the reference loses none.
    """
    from rich.console import Console
    from rich.markup import escape

    from course_lib.grading.check_assignment import check_assignment as check
    from course_lib.grading.mutants import log_of, summary_of
    from course_lib.grading.samples import SampleError

    console = Console(highlight=False)
    try:
        report = check(
            name, _course(course_dir), workspace, record, mutations=mutations, seed=seed,
            progress=lambda line: console.print(line, markup=False),
        )  # fmt: skip
    except SampleError as error:
        console.print(f"[red]{escape(str(error))}[/]")
        raise typer.Exit(2) from error
    console.print(_grades_table(name, report))
    lines = [f"student notebook  {report.student_notebook}  (copy it before you work in it)"]
    lines += [f"feedback          {page}" for page in report.feedback]
    lines += [f"grades            {report.grades}"]
    if (page := Path("_build/html/index.html")).is_file():
        lines.insert(0, f"book              {page}  (or: make serve)")
    console.print("\n".join(lines), soft_wrap=True)
    wrong = [graded for graded in report.graded if graded.wrong]
    exact = sum(graded.as_expected for graded in wrong)
    console.print(f"{exact} of {len(wrong)} wrong samples caught with the exact score")
    failed = [graded for graded in report.graded if not graded.as_expected]
    for graded in failed:
        said = f"{graded.sample.name} got {graded.points}, and must get {graded.sample.points}"
        console.print(f"[red]{escape(said)}[/]")
    if mutations:
        console.print(_mutants_table(report.mutants))
        console.print(summary_of(report.mutants))
        if log is not None:
            log.write_text(log_of(name, report.mutants), encoding="utf-8")
            console.print(f"log in {log}", soft_wrap=True)
    raise typer.Exit(0 if not failed and all(one.right for one in report.mutants) else 1)


@app.command()
def new_assignment(
    name: Annotated[str, typer.Argument(help="Of the new assignment, such as 04-shapes.")],
    course_dir: Annotated[Path, typer.Option(help="Default: here, or exercises/ here.")] = Path(),
) -> None:
    """Write a small assignment that works, to be written over: notebook, checks, samples."""
    from rich.console import Console
    from rich.markup import escape

    from course_lib.grading.authoring import CannotMake
    from course_lib.grading.authoring import new_assignment as make

    console = Console(highlight=False)
    try:
        files = make(name, _course(course_dir))
    except CannotMake as error:
        console.print(f"[red]{escape(str(error))}[/]")
        raise typer.Exit(2) from error
    console.print(escape("\n".join(map(str, files))), soft_wrap=True)
    console.print(f"course check-assignment {name} grades its samples", soft_wrap=True)


@app.command()
def similarity(
    assignment: Annotated[str, typer.Argument(help="As nbgrader names it.")],
    course_dir: Annotated[Path, typer.Option(help="An nbgrader course. Default: here.")] = Path(),
    at_least: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="The share from which on a pair is shown.")
    ] = 0.8,
    as_json: Annotated[bool, typer.Option("--json", help="Print pairs as JSON instead.")] = False,
) -> None:
    """Show which solutions of a class are alike, or like a public one. No points depend on it."""
    from course_lib.grading.comparing import run

    raise typer.Exit(run(assignment, course_dir, at_least, as_json))


@app.command()
def grade(
    assignment: Annotated[str, typer.Argument(help="As nbgrader autograde names it.")],
    course_dir: Annotated[Path, typer.Option(help="An nbgrader course. Default: here.")] = Path(),
    student: Annotated[str, typer.Option(help="Only these; a glob, as in nbgrader.")] = "*",
    force: Annotated[bool, typer.Option("--force", help="Also what is graded already.")] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes here; the number of cores if unnamed.")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler whose workers grade instead.")
    ] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Allow a scheduler beyond here without TLS.")
    ] = False,
    timeout: Annotated[
        float | None, typer.Option(min=0.1, help="Seconds a cell; the course's own if unnamed.")
    ] = None,
    memory: Annotated[float, typer.Option(min=0.1, help="GiB that a kernel may use.")] = 4.0,
    cold: Annotated[bool, typer.Option("--cold", help="Start each kernel anew.")] = False,
    preload: Annotated[
        str | None, typer.Option(help="Modules that warm kernels import first, with commas.")
    ] = None,
    unsandboxed: Annotated[
        bool, typer.Option("--unsandboxed", help="Run students' code with your rights. Marked.")
    ] = False,
    stock_scores: Annotated[
        bool, typer.Option("--stock-scores", help="Read points from outputs as nbgrader does.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print rows as JSON instead.")] = False,
) -> None:
    """Grade a class: sandboxed, in parallel, and safe to stop and start again.

    Exits with 0 if every submission has a verdict, 1 if some could not be graded, 2 for misuse.
    """
    from course_lib.grading.warm import sharing

    modules = tuple(filter(None, (preload or "").split(",")))
    if not (cold or unsandboxed or scheduler):
        sharing.lend(modules)  # it imports PyTorch, while this process imports nbgrader
    from course_lib.grading.command import run

    code = run(
        assignment, course_dir, student=student, force=force, workers=workers,
        scheduler=scheduler, insecure=insecure, timeout=timeout, memory_gib=memory, cold=cold,
        preload=modules, unsandboxed=unsandboxed, stock_scores=stock_scores, as_json=as_json,
    )  # fmt: skip
    raise typer.Exit(code)


@app.command()
def export(
    assignment: Annotated[str, typer.Argument(help="As nbgrader names it.")],
    to: Annotated[str, typer.Option("--to", help="canvas, moodle or csv.")],
    course_dir: Annotated[Path, typer.Option(help="An nbgrader course. Default: here.")] = Path(),
    output: Annotated[
        Path | None, typer.Option(help="Default: ASSIGNMENT-SYSTEM.csv here.")
    ] = None,
    roster: Annotated[
        Path | None, typer.Option(help="The gradebook that Canvas exported, to be filled in.")
    ] = None,
    worksheet: Annotated[
        Path | None, typer.Option(help="The grading worksheet from Moodle, to be filled in.")
    ] = None,
    column: Annotated[
        str | None, typer.Option(help="Canvas's name of the assignment, if another.")
    ] = None,
    missing_zero: Annotated[
        bool, typer.Option("--missing-zero", help="Zero for who handed in nothing.")
    ] = False,
) -> None:
    """Write the scores of an assignment as Canvas, Moodle or a spreadsheet imports them."""
    from course_lib.grading.exchange.command import run_export

    code = run_export(
        assignment, course_dir, to=to, output=output, roster=roster, worksheet=worksheet,
        column=column, missing_zero=missing_zero,
    )  # fmt: skip
    raise typer.Exit(code)


@app.command()
def collect(
    assignment: Annotated[str, typer.Argument(help="As nbgrader names it.")],
    archive: Annotated[
        Path | None, typer.Argument(help="The zip of all submissions; none for --late alone.")
    ] = None,
    source: Annotated[str | None, typer.Option("--from", help="canvas or moodle.")] = None,
    course_dir: Annotated[Path, typer.Option(help="An nbgrader course. Default: here.")] = Path(),
    roster: Annotated[
        Path | None, typer.Option(help="The gradebook that Canvas exported: who is who.")
    ] = None,
    worksheet: Annotated[
        Path | None, typer.Option(help="The grading worksheet from Moodle: who, and when.")
    ] = None,
    late: Annotated[
        Path | None,
        typer.Option(help="CSV: student, assignment, extra_days, until, late_days."),
    ] = None,
    late_days: Annotated[
        int | None, typer.Option(min=0, help="Everybody's late days over all assignments.")
    ] = None,
    timezone: Annotated[str, typer.Option(help="Of times that name none.")] = "UTC",
    entry_times: Annotated[
        bool, typer.Option("--entry-times", help="Take the zip's times for those of handing in.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace what is not known to be older.")
    ] = False,
) -> None:
    """Unpack a class's submissions from Canvas or Moodle, and enter extensions.

    Exits with 0 if all was taken, 1 if something was refused, 2 for misuse.
    """
    from course_lib.grading.exchange.command import run_collect

    code = run_collect(
        assignment, course_dir, archive, source=source, roster=roster, worksheet=worksheet,
        late=late, late_days=late_days, timezone=timezone, entry_times=entry_times, force=force,
    )  # fmt: skip
    raise typer.Exit(code)


def _course(folder: Path) -> Path:
    """The course in a folder: itself, or its exercises/."""
    inner = folder / "exercises"
    return inner if inner.is_dir() and not (folder / "source").is_dir() else folder


def _mutants_table(mutants):
    from rich.markup import escape
    from rich.table import Table

    from course_lib.grading.mutants import COLUMNS

    table = Table(title="random changes of the reference solution", show_lines=True)
    for column in COLUMNS:
        table.add_column(column)
    for mutant in mutants:
        table.add_row(*map(escape, mutant.row()), style=None if mutant.right else "red")
    return table


def _grades_table(name, report):
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=f"{name}: the sample submissions", show_lines=True)
    for column in ("submission", "points", "maximum", "where points are missing"):
        table.add_column(column)
    for graded in report.graded:
        cells: dict[str, list[str]] = {}
        for cell, reason in graded.reasons.items():
            cells.setdefault(reason, []).append(
                f"{cell} {graded.points[cell]:g}/{graded.maximum[cell]:g}"
            )
        lines = [f"{', '.join(where)}: {reason}" for reason, where in cells.items()]
        if graded.by_hand:
            lines.append(f"{graded.by_hand:g} points are graded by a person")
        total = sum(graded.maximum.values()) + graded.by_hand
        table.add_row(
            graded.sample.name,
            f"{sum(graded.points.values()):g}",
            f"{total:g}",
            escape("\n".join(lines)),
        )
    return table


def _passport_table(result):
    from rich.table import Table

    from course_lib.devices import describe

    machine = result.machine
    load = "unknown" if result.load_per_core is None else f"{result.load_per_core:.2f} per core"
    table = Table(
        title=f"{describe(machine)} ({result.device}), {result.measured}",
        caption=f"load {load}; PyTorch {machine['torch']} with {machine['threads']} threads, "
        f"Python {machine['python']}",
    )
    table.add_column("what")
    table.add_column("achieved", justify="right")
    table.add_column("at side", justify="right")
    for precision in [*result.flop_per_s, *result.op_per_s]:
        rate, side = result.peak(precision), result.peak_side(precision)
        table.add_row(f"{precision} matmul", _bare(rate), f"{side:,}")
    table.add_row("copy, read and write", _bare(result.bytes_per_s), "")
    table.add_row("launch of one operation", _bare(result.launch_seconds), "")
    if "float32" in result.flop_per_s:
        table.add_row("ridge of the float32 roofline", _bare(result.ridge()), "")
    if result.device == "cuda" and result.device_memory_bytes:
        table.add_row("memory of the device", f"{result.device_memory_bytes / 2**30:.0f} GiB", "")
    return table


def _bare(estimate) -> str:
    """Value and interval; that all of a passport is measured need not be said in each row."""
    return str(estimate).removesuffix(" (measured)")


def _draw(result, picture: Path) -> None:
    import matplotlib

    matplotlib.use("svg")
    from course_lib.plotting import axes, roofline_chart, use_style

    use_style()
    panel = axes("What this machine achieves", "arithmetic intensity (FLOP/B)", "FLOP/s")
    peaks = {name: result.peak(name).value for name in result.flop_per_s}
    roofline_chart(panel, peaks, result.bytes_per_s.value, {})
    panel.figure.savefig(picture, format="svg")


if __name__ == "__main__":
    app()
