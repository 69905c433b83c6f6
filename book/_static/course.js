// Let keyboard users scroll what scrolls sideways: tables, formulas and outputs that are wider than the page.
"use strict";

function markScrollable() {
  for (const box of document.querySelectorAll("div.math, .cell_output, .pst-scrollable-table-container, div.highlight pre")) {
    if (box.scrollWidth > box.clientWidth) {
      box.tabIndex = 0;
    } else {
      box.removeAttribute("tabindex");
    }
  }
}

window.addEventListener("load", () => {
  markScrollable();
  window.MathJax?.startup?.promise.then(markScrollable);
});
window.addEventListener("resize", markScrollable);
