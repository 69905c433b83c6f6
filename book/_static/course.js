// Let keyboard users scroll what scrolls sideways: tables, formulas and outputs that are wider than the page.
"use strict";

const SCROLLS = "div.math, mjx-container[display], .cell_output, .cell_output .output, .pst-scrollable-table-container, pre";

function markScrollable() {
  for (const box of document.querySelectorAll(SCROLLS)) {
    if (box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight) {
      box.tabIndex = 0;
    } else {
      box.removeAttribute("tabindex");
    }
  }
}

// The main part changes its size when the window does, when a fold opens, and when formulas are set.
new ResizeObserver(markScrollable).observe(document.querySelector("main"));
