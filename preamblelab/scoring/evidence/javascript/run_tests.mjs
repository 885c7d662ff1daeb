// Runs in the sandbox: one test file against versions of one module, each in a context of its own.
//
// Usage: run_tests.mjs, under node (descriptors in SANDBOX_CHANNEL) or deno (stdin, stdout). It is told
// by lines what to do; what it says carries the nonce of this run, which no context ever sees.
import vm from "node:vm";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { asFunctionBody, asModuleBody, COUNT, countedLines, disguised, exportedNames, hollowed, IMPORTED, IMPORTED_LATER } from "./sources.mjs";
import { factsOf } from "./facts.mjs";
import { repaired } from "./repairs.mjs";

const deno = typeof Deno !== "undefined";
// A context lives for milliseconds: only what is really hot is worth an optimizing compiler.
if (!deno) (await import("node:v8")).setFlagsFromString("--interrupt-budget=1000000");
const stringify = JSON.stringify;
const beside = (name) => readFileSync(fileURLToPath(new URL(name, import.meta.url)), "utf8");

let speak, lines;
if (deno) {
  const encoder = new TextEncoder();
  const output = Deno.stdout, input = Deno.stdin;
  for (const name of ["log", "info", "debug"]) console[name] = (...words) => console.error(...words);
  speak = (text) => {
    let bytes = encoder.encode(text);
    while (bytes.length) bytes = bytes.subarray(output.writeSync(bytes));
  };
  lines = (async function* () {
    const decoder = new TextDecoder();
    const buffer = new Uint8Array(65536);
    let text = "";
    for (;;) {
      const count = await input.read(buffer);
      if (count === null) return;
      text += decoder.decode(buffer.subarray(0, count), { stream: true });
      const parts = text.split("\n");
      text = parts.pop();
      yield* parts;
    }
  })();
} else {
  const { writeSync, createReadStream } = await import("node:fs");
  const { createInterface } = await import("node:readline");
  const [reading, writing] = (process.env.SANDBOX_CHANNEL ?? "3,4").split(",").map(Number);
  speak = (text) => {
    let bytes = Buffer.from(text);
    while (bytes.length) {
      try {
        bytes = bytes.subarray(writeSync(writing, bytes));
      } catch (error) {
        if (error.code !== "EAGAIN") throw error;
      }
    }
  };
  lines = createInterface({ input: createReadStream(null, { fd: reading }), crlfDelay: Infinity })[Symbol.asyncIterator]();
}
const next = async () => (await lines.next()).value;

const { nonce, stem, milliseconds, files, snapshots: carried } = JSON.parse(await next());
const say = (said) => speak("\n" + nonce + stringify(said) + "\n");

const PARTS = ["world.js", "collecting.js", "asserting.js", "modules.js", "running.js"];
const [world, ...parts] = PARTS.map((name) => new vm.Script(beside(`context/${name}`), { filename: "runner" }));
const assertions = new vm.Script(beside("assertions.js"), { filename: "assertions" });
let extras = null;
const PARAMETERS = ["exports", "require", "module", "__filename", "__dirname"];
const compiled = (body, parameters, asynchronous) =>
  new vm.Script(`(${asynchronous ? "async " : ""}function (${parameters.join(", ")}) {${body}\n})`, { filename: "file" });

let atWork = null;
const loose = (reason) => {
  try {
    atWork?.loose(reason, "rejection");
  } catch {}
};
if (deno) globalThis.addEventListener("unhandledrejection", (event) => (event.preventDefault(), loose(event.reason)));
else {
  process.on("unhandledRejection", loose);
  process.on("uncaughtException", loose);
}

let suite = null, snapshots = carried || "";
/** Reads a test file; says whether it parses, and what was mended to make it so. */
const prepare = ({ text, repair, module }) => {
  suite = null;
  const said = { repairs: [], parses: false, fault: "" };
  let source = text;
  try {
    if (repair) ({ text: source, repairs: said.repairs } = repaired(text, { stem, files: Object.keys(files), names: exportedNames(module) }));
    const { body, es } = asFunctionBody(source);
    new vm.Script(`(${es ? "async " : ""}function (${PARAMETERS.join(", ")}) {${body}\n})`);
    said.parses = true;
    // Jest hands `jest` to a file like `require`: a file that declares it anew does not load.
    suite = { script: compiled(body, [...PARAMETERS, "jest", IMPORTED, IMPORTED_LATER], es) };
  } catch (error) {
    said.fault = `${error?.name}: ${error?.message}`.slice(0, 500);
  }
  return { ...said, text: said.repairs.length ? source : undefined };
};

const fileNamed = (name, context) => {
  const { text, json } = files[name];
  if (json) return text;
  return compiled(asModuleBody(text), [...PARAMETERS, "__unused", IMPORTED, IMPORTED_LATER], false).runInContext(context);
};

/** Runs the file against one version of the module, in a fresh context. */
const run = async ({ id, source, change, count, skip, facts, quiet }) => {
  const seen = new Set();
  let text = source, wanted = null;
  if (change === "disguise") text = disguised(source);
  else if (change) text = hollowed(source, change);
  if (count) ({ text, lines: wanted } = countedLines(source));
  const module = compiled(asModuleBody(text), [...PARAMETERS, COUNT, IMPORTED, IMPORTED_LATER], false);
  const context = vm.createContext(Object.create(null), { codeGeneration: { strings: false, wasm: false } });
  const timers = new Map();
  const guarded = (action) => (...given) => {
    try {
      return action(...given);
    } catch {
      return undefined; // what is thrown here belongs to this realm and must not get into that one
    }
  };
  // A word for every test costs as much as the tests: where nothing hangs they come together.
  const held = [];
  const tell = (event) => {
    const line = `\n${nonce}{"id":${id},"event":${event}}\n`;
    if (quiet) held.push(line);
    else speak(line);
  };
  let inner = null, finish = null;
  const finished = new Promise((resolve) => (finish = resolve));
  const host = {
    timer: guarded((timer, ms) => void timers.set(timer, setTimeout(() => { timers.delete(timer); inner.fire(timer); }, Math.min(ms, 60000)))),
    untimer: guarded((timer) => { clearTimeout(timers.get(timer)); timers.delete(timer); }),
    clock: guarded(() => performance.now()), now: guarded(() => Date.now()),
    tell: guarded(tell),
    breath: guarded((done) => void setImmediate(done)),
    file: (name) => fileNamed(name, context),
    module: () => module.runInContext(context),
    extras: () => (extras ??= new vm.Script(beside("extras.js"), { filename: "extras" })).runInContext(context),
    count: (line) => void seen.add(line),
    finish: guarded((said) => void finish(String(said))),
  };
  let made = world.runInContext(context)(host, assertions.runInContext(context), {
    stem, testMilliseconds: milliseconds, skipped: skip ?? [],
    files: Object.keys(files), snapshots, withBodies: Boolean(facts),
  });
  for (const part of parts) made = part.runInContext(context)(made);
  inner = made;
  atWork = made;
  // Its promise is not waited for: `then` of that realm would be handed functions of this one.
  made.go(suite.script.runInContext(context));
  const said = await finished;
  atWork = null;
  if (held.length) speak(held.join(""));
  for (const each of timers.values()) clearTimeout(each);
  const done = JSON.parse(said);
  if (typeof done.snapshots === "string" && done.snapshots.length < 1e6) snapshots = done.snapshots;
  if (done.bodies) done.facts = factsOf(done.bodies);
  return { id, done: { ...done, bodies: undefined }, lines: wanted && { all: wanted.length, seen: seen.size } };
};

say({ ready: true });
for (;;) {
  const line = await next();
  if (line === undefined) break;
  const asked = JSON.parse(line);
  try {
    say(asked.op === "prepare" ? { prepared: prepare(asked) } : await run(asked));
  } catch (error) {
    say({ id: asked.id, broken: `${error?.name}: ${error?.message}`.slice(0, 500) });
  }
}
if (!deno) process.exit(0);
