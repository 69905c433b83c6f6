"""The form of a calculator as HTML, inert until the page's script opens it."""

from __future__ import annotations

import json
from html import escape

from .forms.calculator import Calculator
from .forms.fields import Field


def form(calculator: Calculator) -> str:
    """The form in a ``template``: without scripts it shows nothing."""
    shown, folded = (
        "\n".join(_field(calculator, field) for field in calculator.fields if field.more == more)
        for more in (False, True)
    )
    if folded:
        shown += f"""
<details class="calculator-fold-fields"><summary>More inputs</summary>
<div class="calculator-fields">
{folded}
</div>
</details>"""
    return f"""<template>
<form class="calculator-form" novalidate autocomplete="off" aria-label="{escape(calculator.title)}">
<div class="calculator-fields">
{shown}
</div>
<p class="calculator-general-error calculator-error" hidden></p>
<p class="calculator-actions"><button type="submit" class="calculator-button">Compute</button></p>
</form>
</template>
"""


def _field(calculator: Calculator, field: Field) -> str:
    name = f"calculator-{calculator.name}-{field.name}"
    described = f"{name}-error" + (f" {name}-hint" if field.hint else "")
    shared = f'id="{name}" name="{field.name}" aria-describedby="{described}"'
    unit = f' <span class="calculator-unit">({escape(field.unit)})</span>' if field.unit else ""
    hint = f'<p class="calculator-hint" id="{name}-hint">{escape(field.hint)}</p>'
    return f"""<div class="calculator-field" data-only-for="{escape(" ".join(field.only_for))}">
<label for="{name}">{escape(field.label)}{unit}</label>
{_input(field, shared, name)}
{hint if field.hint else ""}
<p class="calculator-error" id="{name}-error" hidden></p>
</div>"""


def _input(field: Field, shared: str, name: str) -> str:
    if field.kind == "choice":
        options = "".join(
            f'<option value="{escape(value)}"{" selected" * (value == field.default)}>'
            f"{escape(label)}</option>"
            for value, label in field.choices
        )
        presets = f" data-presets='{escape(json.dumps(field.presets))}'" if field.presets else ""
        return f"<select {shared}{presets}>{options}</select>"
    mode = "text" if field.kind in ("name", "counts") else "decimal"
    needed = "" if field.optional else " required"
    typed = f'type="text" inputmode="{mode}" value="{escape(field.default)}" spellcheck="false"'
    if not field.choices:
        return f"<input {typed} {shared}{needed}>"
    options = "".join(
        f'<option value="{escape(value)}">{escape(label)}</option>'
        for value, label in field.choices
    )
    offered = f'<datalist id="{name}-known">{options}</datalist>'
    return f'<input {typed} {shared} list="{name}-known"{needed}>{offered}'
