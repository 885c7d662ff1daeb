// Evaluated first in every context, before anything of the answer: a world without a host.
//
// `outside` are functions of the runner. They are kept in closures and never handed on: whoever
// holds a function of another realm holds that realm. What a test file does to this context can only
// spoil what this context says about itself; it does not know whether its module is the right one.
// The value is shared by the other parts of this folder, which take it and add to it.
(function (outside, assertions, about) {
  "use strict";
  // An error of the other realm must not come in either, not even when the stack is full.
  const host = {};
  for (const name of Object.keys(outside)) {
    const call = outside[name];
    host[name] = (...given) => {
      try {
        return call(...given);
      } catch {
        throw new Error("the runner failed");
      }
    };
  }
  const { format } = assertions;
  const textOf = Function.prototype.call.bind(Function.prototype.toString);
  const shared = { host, about, assertions, textOf, running: null, loose: () => {} };
  const define = Object.defineProperty;
  const fixed = (owner, name, value) => define(owner, name, { value, writable: false, configurable: false, enumerable: false });

  // No source text: neither of functions nor, by line and column, of stacks.
  fixed(Error, "stackTraceLimit", 0);
  const masked = { toString() { return `function ${typeof this === "function" ? this.name : ""}() { [native code] }`; } }.toString;
  define(Function.prototype, "toString", { value: masked, writable: true, configurable: true, enumerable: false });
  for (const name of ["WebAssembly", "SharedArrayBuffer", "Atomics"]) delete globalThis[name];

  const words = (value, most = 300) => {
    try {
      const text = value instanceof Error || (value && typeof value === "object" && "message" in value)
        ? `${value.name ?? "Error"}: ${value.message}`
        : `thrown: ${format(value, { maxDepth: 2 })}`;
      return text.slice(0, most);
    } catch {
      return "thrown: a value that cannot be printed";
    }
  };

  // -- time ----------------------------------------------------------------------------------
  const waiting = new Map();
  let lastTimer = 0;
  const later = (again) => (action, delay, ...given) => {
    if (typeof action !== "function") throw new TypeError("The callback of a timer must be a function");
    const id = ++lastTimer;
    const ms = Math.max(again ? 1 : 0, Number(delay) || 0);
    waiting.set(id, { action, given, ms, again });
    host.timer(id, ms);
    return id;
  };
  const stop = (id) => { if (waiting.delete(Number(id))) host.untimer(Number(id)); };
  const fire = (id) => {
    const due = waiting.get(id);
    if (!due) return;
    if (due.again) host.timer(id, due.ms);
    else waiting.delete(id);
    try {
      (0, due.action)(...due.given);
    } catch (error) {
      shared.loose(error, "uncaught");
    }
  };
  const setTimeout = later(false), setInterval = later(true);
  const setImmediate = (action, ...given) => setTimeout(action, 0, ...given);
  const start = host.clock();
  const open = (name, value) => define(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
  const realTime = { setTimeout, setInterval, setImmediate, clearTimeout: stop, clearInterval: stop, clearImmediate: stop };
  for (const name of Object.keys(realTime)) open(name, realTime[name]);
  open("queueMicrotask", (action) => { Promise.resolve().then(action).catch((error) => shared.loose(error, "uncaught")); });
  open("performance", { now: () => host.clock() - start });
  open("global", globalThis);
  // Chance is the same in every version, so that no test kills a mutant by it.
  let seed = 0x2545f491;
  Math.random = () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  const quiet = {};
  for (const name of ["log", "info", "debug", "warn", "error", "trace", "table", "dir", "group", "groupEnd", "time", "timeEnd", "assert", "count"]) quiet[name] = () => {};
  open("console", quiet);
  open("process", {
    argv: ["node", "answer.test.js"], env: { NODE_ENV: "test", JEST_WORKER_ID: "1" }, platform: "linux", pid: 1,
    version: "v20.0.0", versions: { node: "20.0.0" }, exitCode: undefined,
    cwd: () => "/project", nextTick: (action, ...given) => { Promise.resolve().then(() => action(...given)).catch((error) => shared.loose(error, "uncaught")); },
    hrtime: Object.assign(() => { const ms = host.clock(); return [Math.floor(ms / 1000), Math.floor((ms % 1000) * 1e6)]; }, { bigint: () => BigInt(Math.floor(host.clock() * 1e6)) }),
    exit: () => { throw new Error("process.exit was called"); },
    abort: () => { throw new Error("process.abort was called"); },
    on() { return this; }, once() { return this; }, off() { return this; }, removeListener() { return this; }, removeAllListeners() { return this; }, emit: () => false, listeners: () => [],
    memoryUsage: () => ({ heapUsed: 0, heapTotal: 0, rss: 0, external: 0, arrayBuffers: 0 }), uptime: () => (host.clock() - start) / 1000,
    stdout: { write: () => true }, stderr: { write: () => true },
  });
  return Object.assign(shared, { define, fixed, words, setTimeout, stop, fire });
});
