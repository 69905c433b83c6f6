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
    if "cold" in detail:
        table.add_row("timed questions", *_timing())
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


def _timing() -> tuple[str, str]:
    """Whether a function takes as long as itself here, and what to do where it does not."""
    from course_lib.checking.timed import in_words, ratio_of
    from course_lib.grading.running.timing import self_test

    found = self_test()
    if found["problem"]:
        return "[yellow]no[/]", f"close other programs: {found['problem']}"
    return f"[green]yes[/]  a function was {in_words(ratio_of(found['ratios']))} times itself", ""


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
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Of directories in source/, such as 03-measure. Default: all."),
    ] = None,
    course_dir: Annotated[Path, typer.Option(help="Default: here, or exercises/ here.")] = Path(),
    workspace: Annotated[
        Path,
        typer.Option(help="In it a folder for each, made anew: release, gradebook, feedback."),
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
    """Release assignments, grade their sample submissions, and compare with what they must get.

    Exits with 1 if a sample gets other points, or if a change of the reference loses none; with 2
    if an assignment cannot be graded at all. The others are graded nevertheless.
    """
    from rich.console import Console
    from rich.markup import escape

    from course_lib.grading.check_assignment import check_assignment as check
    from course_lib.grading.mutants import log_of
    from course_lib.grading.releasing import assignments
    from course_lib.grading.samples import SampleError

    console = Console(highlight=False)
    course = _course(course_dir)
    names = names or assignments(course)
    if not names:
        console.print(f"[red]there is no assignment in {escape(str(course / 'source'))}[/]")
        raise typer.Exit(2)
    reports, failures = {}, {}
    for name in names:
        if len(names) > 1:
            console.rule(name)
        try:
            reports[name] = check(
                name, course, workspace / name, record, mutations=mutations, seed=seed,
                progress=lambda line: console.print(line, markup=False),
            )  # fmt: skip
        except SampleError as error:
            failures[name] = str(error)
            console.print(f"[red]{escape(str(error))}[/]")
            continue
        console.print(_grades_table(name, reports[name]))
        _print_verdict(console, reports[name])
    if log is not None and mutations:
        logs = [log_of(name, report.mutants) for name, report in reports.items()]
        log.write_text("".join(logs), encoding="utf-8")
        console.print(f"log in {log}", soft_wrap=True)
    if (page := Path("_build/html/index.html")).is_file():
        console.print(f"book              {page}  (or: make serve)", soft_wrap=True)
    for name, report in reports.items():
        _print_places(console, name if len(names) > 1 else "", report)
    for name, said in failures.items():
        console.print(f"[red]{escape(f'{name}: {said}')}[/]")
    right = all(report.right for report in reports.values())
    raise typer.Exit(2 if failures else 0 if right else 1)


@app.command()
def release(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Of directories in source/, such as 03-measure. Default: all."),
    ] = None,
    course_dir: Annotated[Path, typer.Option(help="Default: here, or exercises/ here.")] = Path(),
    to: Annotated[
        Path, typer.Option("--to", help="A folder; in it one for each, which is replaced.")
    ] = Path("notebooks"),
    as_zip: Annotated[bool, typer.Option("--zip", help="A zip each instead of a folder.")] = False,
    repository: Annotated[
        str | None,
        typer.Option(help="On GitHub: notebooks then install the course where it is missing."),
    ] = None,
) -> None:
    """Write what students receive: notebook without solutions, checks, AGENTS.md.

    The course and its gradebook stay as they are: a class needs `nbgrader generate_assignment`.
    """
    from rich.console import Console
    from rich.markup import escape

    from course_lib.files import write_whole
    from course_lib.grading.placing import place
    from course_lib.grading.releasing import (
        ReleaseError,
        assignments,
        for_the_cloud,
        released_files,
        zipped,
    )

    console = Console(highlight=False)
    course = _course(course_dir)
    try:
        for name in names or assignments(course):
            files = released_files(name, course)
            if repository is not None:
                files = for_the_cloud(name, files, repository)
            target = to / (f"{name}.zip" if as_zip else name)
            if as_zip:
                to.mkdir(parents=True, exist_ok=True)
                write_whole(target, zipped(name, files))
            else:
                place(files, target, lambda folder: None)
            console.print(str(target), markup=False, soft_wrap=True)
    except ReleaseError as error:
        console.print(f"[red]{escape(str(error))}[/]")
        raise typer.Exit(2) from error


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


def _print_verdict(console, report) -> None:
    """How many wrong samples were caught, which got other points, and what mutations lost."""
    from rich.markup import escape

    from course_lib.grading.mutants import summary_of

    wrong = [graded for graded in report.graded if graded.wrong]
    exact = sum(graded.as_expected for graded in wrong)
    console.print(f"{exact} of {len(wrong)} wrong samples caught with the exact score")
    for graded in report.graded:
        if not graded.as_expected:
            said = f"{graded.sample.name} got {graded.points}, and must get {graded.sample.points}"
            console.print(f"[red]{escape(said)}[/]")
    if report.mutants:
        console.print(_mutants_table(report.mutants))
        console.print(summary_of(report.mutants))


def _print_places(console, name: str, report) -> None:
    """Where the products of one assignment are; one feedback page for all if there are others."""
    if name:
        console.print(name, markup=False)
    pages = report.feedback[:1] if name else report.feedback
    lines = [f"student notebook  {report.student_notebook}  (copy it before you work in it)"]
    lines += [f"feedback          {page}" for page in pages]
    if name and len(report.feedback) > 1:
        lines[-1] += f"  (and {len(report.feedback) - 1} more)"
    lines += [f"grades            {report.grades}"]
    console.print("\n".join(lines), soft_wrap=True, markup=False)


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
