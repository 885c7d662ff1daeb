// Keeps progress moving and brings the verdict. Every page works without it, by reload.
"use strict";

// Asks for a part of the page; gives the state it had before and the one it has now.
async function renewed(part) {
  const before = part.dataset.state;
  const answer = await fetch(part.dataset.source, { credentials: "same-origin" });
  if (!answer.ok) return null;
  const fresh = document.createElement("template");
  fresh.innerHTML = await answer.text(); // escaped by the viewer, and nothing in it may run
  const state = fresh.content.firstElementChild.dataset.state;
  if (state !== before) {
    part.replaceChildren(...fresh.content.firstElementChild.childNodes);
    part.dataset.state = state;
  }
  return { before, state };
}

async function follow(part) {
  let wait = 1500;
  try {
    const began = performance.now();
    const seen = await renewed(part);
    if (!seen) return;
    if (seen.before.startsWith("running") && seen.state.startsWith("idle")) {
      location.reload(); // the run is over: show what it found
      return;
    }
    // A store of many trials takes a while to count: ask it less often.
    wait = Math.max(wait, 10 * (performance.now() - began));
  } catch {
    wait = 10000; // the viewer has been stopped, or the laptop slept
  }
  if (part.dataset.state.startsWith("idle")) wait = Math.max(wait, 4000);
  setTimeout(follow, wait, part);
}

async function expect(part) {
  if (part.dataset.state !== "waiting") return;
  let wait = 700;
  try {
    if (!(await renewed(part))) return;
  } catch {
    wait = 10000;
  }
  setTimeout(expect, wait, part);
}

const progress = document.getElementById("progress");
if (progress) setTimeout(follow, 1000, progress);
const verdict = document.getElementById("verdict");
if (verdict) setTimeout(expect, 300, verdict);
