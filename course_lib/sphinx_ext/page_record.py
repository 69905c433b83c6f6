"""The compute label: what building a page took, from the build's own record of that page.

A page's last cell (tagged `remove-cell`) displays the record as JSON under `MIME_TYPE`; the wall
time comes from myst-nb, which keeps it in the execution cache next to the outputs. The page has
been executed, or fetched from the cache, before its first directive is parsed, so the label can
stand at the top.
"""

from collections.abc import Mapping
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from course_lib.metering.ledger import MIME_TYPE
from course_lib.quantities import si

from .boxes import frame

logger = logging.getLogger(__name__)


class ComputeLabel(SphinxDirective):
    """The box under a page's title; takes nothing, since nothing in it is typed."""

    def run(self) -> list[nodes.Node]:
        """Build the label, or warn that the page has no record."""
        client = self._notebook_client()
        record = take_record(client.notebook) if client else None
        runtime = (client.exec_metadata or {}).get("runtime") if client else None
        if record is None or runtime is None:
            logger.warning(
                "compute-label: this page has no record; "
                "end it with a cell, tagged remove-cell, that calls page_record()",
                location=self.get_location(),
            )
            self.env.note_reread()
            return []
        box = frame("compute-label")
        self.set_source_info(box)
        box += nodes.paragraph("", "", *sentence(record, runtime))
        return [box]

    def _notebook_client(self) -> Any:
        renderer = self.state.document.attributes.get("nb_renderer")
        return renderer.renderer.nb_client if renderer else None


def take_record(notebook: Any) -> dict | None:
    """Return the notebook's last page record; take all of them away, so that none is rendered."""
    record = None
    for cell in notebook.cells:
        outputs = cell.get("outputs", [])
        for output in [o for o in outputs if MIME_TYPE in o.get("data", {})]:
            record = output["data"][MIME_TYPE]
            outputs.remove(output)
    return record


def sentence(record: Mapping[str, Any], runtime: float) -> list[nodes.Node]:
    """Return the label's sentence; whatever the record lacks is left out."""
    costs = [f"{_minutes(runtime)} of wall time"]
    if "cpu_seconds" in record:
        costs[0] += f" ({_minutes(record['cpu_seconds'])} of CPU time)"
    if record.get("counted_flop"):  # a page that measures nothing leaves it out
        costs.append(f"{si(record['counted_flop'], 'FLOP')} (counted)")
    if "energy_wh" in record:
        costs.append(_with_interval(record["energy_wh"], "Wh"))
    if "co2e_g" in record:
        costs.append(_with_interval(record["co2e_g"], "gCO2e"))
    text: list[nodes.Node] = [nodes.Text("Building this page took ")]
    for index, cost in enumerate(costs):
        if index:
            text.append(nodes.Text(" and " if index == len(costs) - 1 else ", "))
        text.append(nodes.strong("", cost))
    where = f", on {record['machine']}." if record.get("machine") else "."
    return [*text, nodes.Text(where)]


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} minutes" if seconds >= 6 else f"{seconds:.1f} seconds"


def _with_interval(amount: float | Mapping[str, Any], unit: str) -> str:
    if not isinstance(amount, Mapping):
        return f"{amount:.2g} {unit}"
    text = f"{amount['value']:.2g} {unit}"
    if "low" in amount and "high" in amount:
        text += f" ({amount['low']:.2g} to {amount['high']:.2g}"
        text += f", {amount['basis']})" if "basis" in amount else ")"
    return text


def setup(app: Sphinx) -> None:
    """Register the directive."""
    app.add_directive("compute-label", ComputeLabel)
