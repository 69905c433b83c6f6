// Fact cards: the style sheet opens them; here they stay on the screen, and Escape or a tap elsewhere closes them.
"use strict";

const MARGIN = 8; // to the edges of the window
const GAP = 6; // to the number
let open = null;

// Beside its number and inside the window: below, or above where there is more room. Narrow screens have it as a sheet
// at the lower edge, or at the upper one where it would cover its number.
function place() {
  const card = open.querySelector(".fact-card");
  const value = open.querySelector(".fact-value").getClientRects()[0];
  const { width, height } = card.getBoundingClientRect();
  const below = value.bottom + GAP + height + MARGIN <= window.innerHeight;
  open.classList.toggle("fact-at-top", !below && value.top > window.innerHeight / 2);
  const left = Math.max(MARGIN, Math.min(value.left, document.documentElement.clientWidth - width - MARGIN));
  card.style.setProperty("--left", `${left}px`);
  card.style.setProperty("--top", `${below ? value.bottom + GAP : Math.max(MARGIN, value.top - GAP - height)}px`);
}

function show(fact) {
  open = fact;
  fact.classList.remove("fact-dismissed");
  fact.classList.add("fact-placed");
  place();
}

function dismiss() {
  const fact = open;
  if (fact?.querySelector(".fact-card").contains(document.activeElement)) {
    fact.querySelector(".fact-value").focus(); // what is hidden cannot keep the focus
  }
  fact?.classList.add("fact-dismissed");
  open = null;
}

for (const fact of document.querySelectorAll(".fact")) {
  const value = fact.querySelector(".fact-value");
  fact.addEventListener("pointerenter", () => show(fact));
  fact.addEventListener("focusin", () => show(fact));
  for (const leaving of ["pointerleave", "focusout"]) {
    fact.addEventListener(leaving, (event) => {
      if (!fact.contains(event.relatedTarget)) {
        fact.classList.remove("fact-dismissed");
        open = open === fact && !fact.matches(":hover, :focus-within") ? null : open;
      }
    });
  }
  value.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      if (fact.classList.contains("fact-dismissed")) {
        show(fact);
      } else {
        dismiss();
      }
    }
  });
}

document.addEventListener("keydown", (event) => event.key === "Escape" && dismiss());
document.addEventListener("pointerdown", (event) => {
  if (open && !open.contains(event.target)) {
    document.activeElement.blur();
    dismiss();
  }
});
window.addEventListener("scroll", () => open && place(), { capture: true, passive: true });
