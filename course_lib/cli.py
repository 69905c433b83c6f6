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
    Console().print(table)


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

    from course_lib.passport import default_path
    from course_lib.passport import passport as make

    console = Console()
    try:
        with console.status("measuring") as status:
            result = make(path, device=device, again=again, progress=status.update)
    except ValueError as error:
        console.print(f"[red]{error}[/]")
        raise typer.Exit(2) from error
    console.print(_passport_table(result))
    console.print(f"kept in {path or default_path(result.device)}")
    if result.contaminated:
        console.print("[yellow]Other work held this up: close it and run again with --again.[/]")
    if picture is not None:
        _draw(result, picture)
        console.print(f"roofline in {picture}")


def _passport_table(result):
    from rich.table import Table

    from course_lib.devices import describe

    table = Table(title=f"{describe(result.machine)} ({result.device}), {result.measured}")
    table.add_column("what")
    table.add_column("achieved", justify="right")
    for precision in result.flop_per_s:
        table.add_row(f"{precision} matmul", str(result.peak(precision)))
    table.add_row("copy, read and write", str(result.bytes_per_s))
    table.add_row("launch of one operation", str(result.launch_seconds))
    if "float32" in result.flop_per_s:
        table.add_row("ridge of the float32 roofline", str(result.ridge()))
    return table


def _draw(result, picture: Path) -> None:
    import matplotlib

    matplotlib.use("svg")
    from course_lib.plotting import axes, roofline_chart, use_style

    use_style()
    panel = axes("What this machine achieves", "FLOP/B", "FLOP/s")
    peaks = {name: result.peak(name).value for name in result.flop_per_s}
    roofline_chart(panel, peaks, result.bytes_per_s.value, {})
    panel.figure.savefig(picture, format="svg")


if __name__ == "__main__":
    app()
