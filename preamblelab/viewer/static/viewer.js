// Keeps the progress of a running experiment moving. Every page works without it, by reload.
"use strict";

const part = document.getElementById("progress");

async function follow() {
  const before = part.dataset.state;
  let wait = 1500;
  try {
    const began = performance.now();
    const answer = await fetch(part.dataset.source, { credentials: "same-origin" });
    if (!answer.ok) return;
    const fresh = document.createElement("template");
    fresh.innerHTML = await answer.text(); // escaped by the viewer, and nothing in it may run
    const state = fresh.content.firstElementChild.dataset.state;
    if (state !== before) {
      part.replaceChildren(...fresh.content.firstElementChild.childNodes);
      part.dataset.state = state;
      if (before.startsWith("running") && state.startsWith("idle")) {
        location.reload(); // the run is over: show what it found
        return;
      }
    }
    // A store of many trials takes a while to count: ask it less often.
    wait = Math.max(wait, 10 * (performance.now() - began));
  } catch {
    wait = 10000; // the viewer has been stopped, or the laptop slept
  }
  if (!part.dataset.state.startsWith("running")) wait = Math.max(wait, 4000);
  setTimeout(follow, wait);
}

if (part) setTimeout(follow, 1000);
