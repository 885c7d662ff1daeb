// Evaluated in every context, before anything of the answer: Jest's world as far as tests see it.
//
// The value is a function of `outside` (functions of the runner, kept in closures and never handed on:
// whoever holds a function of another realm holds that realm) and of the bundle of assertions.
// What a test file does to this context can only spoil what this context says about itself; it
// does not know whether the module it tests is the right one.
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
  const { expectBundle, ModuleMocker, bind, format } = assertions;
  const expect = expectBundle.expect ?? expectBundle.default;
  const stringify = JSON.stringify;
  const textOf = Function.prototype.call.bind(Function.prototype.toString);
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
      loose(error, "uncaught");
    }
  };
  const setTimeout = later(false), setInterval = later(true);
  const setImmediate = (action, ...given) => setTimeout(action, 0, ...given);
  const start = host.clock();
  const open = (name, value) => define(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
  const realTime = { setTimeout, setInterval, setImmediate, clearTimeout: stop, clearInterval: stop, clearImmediate: stop };
  for (const name of Object.keys(realTime)) open(name, realTime[name]);
  open("queueMicrotask", (action) => { Promise.resolve().then(action).catch((error) => loose(error, "uncaught")); });
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
    cwd: () => "/work", nextTick: (action, ...given) => { Promise.resolve().then(() => action(...given)).catch((error) => loose(error, "uncaught")); },
    hrtime: Object.assign(() => { const ms = host.clock(); return [Math.floor(ms / 1000), Math.floor((ms % 1000) * 1e6)]; }, { bigint: () => BigInt(Math.floor(host.clock() * 1e6)) }),
    exit: () => { throw new Error("process.exit was called"); },
    abort: () => { throw new Error("process.abort was called"); },
    on() { return this; }, once() { return this; }, off() { return this; }, removeListener() { return this; }, removeAllListeners() { return this; }, emit: () => false, listeners: () => [],
    memoryUsage: () => ({ heapUsed: 0, heapTotal: 0, rss: 0, external: 0, arrayBuffers: 0 }), uptime: () => (host.clock() - start) / 1000,
    stdout: { write: () => true }, stderr: { write: () => true },
  });

  // -- collecting ----------------------------------------------------------------------------
  const block = (name, parent, mode) => ({ name, parent, mode, hooks: { beforeAll: [], beforeEach: [], afterEach: [], afterAll: [] }, children: [] });
  const root = block("", null, "");
  const tests = [];
  let current = root, running = null, loading = true, rowOf = null;
  const titled = (name) => {
    if (typeof name === "string" || typeof name === "number") return String(name);
    if (typeof name === "function") return name.name;
    throw new Error(`Invalid first argument, ${String(name)}. It must be a named class, named function, number, or string.`);
  };
  const nested = (what) => {
    if (running) throw new Error(`${what} cannot be nested inside a test`);
    if (!loading) throw new Error(`Cannot add ${what} after tests have started running`);
  };
  const makeDescribe = (mode) => (name, action) => {
    nested("a describe block");
    const title = titled(name);
    if (typeof action !== "function") throw new Error(`Invalid second argument, ${String(action)}. It must be a callback function.`);
    const made = block(title, current, mode);
    current.children.push(made);
    const before = current;
    current = made;
    let given;
    try {
      given = action();
    } finally {
      current = before;
    }
    if (given && typeof given.then === "function") {
      given.then(() => {}, () => {});
      throw new Error('Returning a Promise from "describe" is not supported. Tests must be defined synchronously.');
    }
    if (given !== undefined) throw new Error('A "describe" callback must not return a value.');
  };
  const makeTest = (mode, failing = false) => (name, action, limit) => {
    nested("a test");
    const title = titled(name);
    if (mode !== "todo" && action === undefined) throw new Error("Missing second argument. It must be a callback function. Perhaps you want to use `test.todo` for a test placeholder.");
    if (mode !== "todo" && typeof action !== "function") throw new Error(`Invalid second argument, ${String(action)}. It must be a callback function.`);
    const made = { index: tests.length, name: title, parent: current, mode, action, failing, limit, row: rowOf ? rowOf[0] : 0, body: rowOf ? rowOf[1] : action ? textOf(action) : "" };
    current.children.push(made);
    tests.push(made);
  };
  // A table's rows share one body and differ by their place in it.
  const withEach = (call, takesDone) => (table, ...data) => {
    const bound = bind((title, action, limit) => { row += 1; rowOf = [row, text]; call(title, action, limit); }, takesDone)(table, ...data);
    let row = 0, text = "";
    return (title, action, limit) => {
      text = typeof action === "function" ? textOf(action) : "";
      row = 0;
      try {
        return bound(title, action, limit);
      } finally {
        rowOf = null;
      }
    };
  };
  const family = (make, takesDone) => {
    const made = {};
    for (const mode of ["", "only", "skip"]) {
      made[mode] = make(mode);
      made[mode].each = withEach(make(mode), takesDone);
    }
    return Object.assign(made[""], { only: made.only, skip: made.skip });
  };
  const describe = family(makeDescribe, false);
  const it = family((mode) => Object.assign(makeTest(mode), { failing: makeTest(mode, true) }), true);
  it.todo = makeTest("todo");
  it.concurrent = Object.assign(makeTest(""), { only: makeTest("only"), skip: makeTest("skip"), each: it.each });
  const hook = (kind) => (action, limit) => {
    nested("a hook");
    if (typeof action !== "function") throw new Error("Invalid first argument. It must be a callback function.");
    current.hooks[kind].push({ action, limit });
  };

  // -- assertions ----------------------------------------------------------------------------
  // Each is counted, and what it expects is noted: texts, names of classes, patterns.
  let made = 0, noted = [];
  const note = (value, depth = 0) => {
    if (noted.length >= 60 || depth > 3 || value == null) return;
    if (typeof value === "string") noted.push(value.slice(0, 200));
    else if (typeof value === "function") noted.push(String(value.name).slice(0, 100));
    else if (value instanceof RegExp) noted.push(String(value.source).slice(0, 200));
    else if (Array.isArray(value)) for (const each of value.slice(0, 20)) note(each, depth + 1);
    else if (value instanceof Error) { note(value.message, depth + 1); note(value.constructor, depth + 1); }
    else if (typeof value === "object") {
      for (const name of Object.keys(value).slice(0, 20)) if (name !== "$$typeof") note(value[name], depth + 1);
    }
  };
  const watched = (matchers) => new Proxy(matchers, {
    get(target, name) {
      const found = target[name];
      if (typeof found === "function") {
        return (...given) => {
          made += 1;
          try {
            for (const each of given) note(each);
          } catch {}
          return found(...given);
        };
      }
      return found && typeof found === "object" ? watched(found) : found;
    },
  });
  const watchedExpect = new Proxy(expect, { apply: (target, self, given) => watched(target(...given)) });
  const counted = (library) => new Proxy(library, {
    apply: (target, self, given) => { made += 1; return target(...given); },
    get(target, name) {
      const found = target[name];
      if (typeof found !== "function" || /^[A-Z]/.test(String(name))) return found;
      return name === "strict" ? counted(found) : (...given) => {
        made += 1;
        try {
          for (const each of given) note(each);
        } catch {}
        return found(...given);
      };
    },
  });

  // A snapshot that nobody has is written, and passes, as in a first run of Jest; versions that come
  // later are held to those of the first, as a module is that changes after they were written.
  const kept = about.snapshots ? JSON.parse(about.snapshots) : null, written = {}, places = {};
  const keyOf = (name) => { places[name] = (places[name] ?? 0) + 1; return `${name} ${places[name]}`; };
  const stripped = (text) => String(text).split("\n").map((line) => line.trim()).filter(Boolean).join("\n");
  const printed = (value) => format(value, { escapeRegex: true, escapeString: false, indent: 2, printFunctionName: false });
  const compared = (value, name, inline) => {
    const found = printed(value), key = keyOf(name ?? "");
    const wanted = inline ?? (kept && Object.hasOwn(kept, key) ? kept[key] : found);
    if (inline === undefined) written[key] = found.slice(0, 5000);
    const pass = inline === undefined ? wanted === found.slice(0, 5000) || wanted === found : stripped(found) === stripped(inline);
    return { pass, message: () => `expected the snapshot\n${wanted}\nbut got\n${found}` };
  };
  const thrownBy = (received, fromPromise) => {
    if (fromPromise) return { error: received };
    try {
      received();
    } catch (error) {
      return { error };
    }
    return null;
  };
  const inlineOf = (given) => given.filter((each) => typeof each === "string").pop();
  const throwsSnapshot = (inlined) => function (received, ...given) {
    const thrown = thrownBy(received, this.promise === "rejects");
    if (!thrown) return { pass: false, message: () => "Received function did not throw" };
    return compared(thrown.error?.message ?? thrown.error, this.currentTestName, inlined ? inlineOf(given) : undefined);
  };
  expect.extend({
    toMatchSnapshot(received) { return compared(received, this.currentTestName); },
    toMatchInlineSnapshot(received, ...given) { return compared(received, this.currentTestName, inlineOf(given)); },
    toThrowErrorMatchingSnapshot: throwsSnapshot(false),
    toThrowErrorMatchingInlineSnapshot: throwsSnapshot(true),
  });

  // -- modules -------------------------------------------------------------------------------
  const mocks = new Map();
  let registry = new Map(), extras = null, mocked = false;
  const more = () => (extras ??= host.extras());
  const stem = (request) => String(request).replace(/^node:/, "").replace(/^.*\//, "").replace(/\.(?:[cm]?[jt]sx?|json)$/, "");
  const isModule = (request) => /^[./@~]/.test(request) && stem(request) === about.stem;
  const identity = (request) => (isModule(request) ? "the module" : String(request));
  const builtin = {
    "@jest/globals": () => globals, assert: () => counted(more().assert), "assert/strict": () => counted(more().assert.strict),
    events: () => more().events, path: () => more().path, util: () => more().util,
    "timers/promises": () => ({ setTimeout: (ms, value) => new Promise((done) => setTimeout(() => done(value), ms)) }),
  };
  const actual = (request) => {
    const known = identity(request);
    if (registry.has(known)) return registry.get(known).exports;
    if (/^[./]/.test(request) && about.files.includes(stem(request))) {
      const module = { exports: {} };
      registry.set(known, module);
      const file = host.file(stem(request));
      if (typeof file === "string") module.exports = JSON.parse(file);
      else file(module.exports, require, module, request, "/work", undefined, imported, importedLater);
      return module.exports;
    }
    if (known === "the module") {
      const module = { exports: {}, id: about.stem, loaded: false };
      registry.set("the module", module);
      try {
        host.module()(module.exports, require, module, `/work/${about.stem}.js`, "/work", host.count, imported, importedLater);
      } catch (error) {
        registry.delete("the module");
        throw error;
      }
      module.loaded = true;
      return module.exports;
    }
    const name = String(request).replace(/^node:/, "");
    if (!Object.hasOwn(builtin, name)) throw Object.assign(new Error(`Cannot find module '${request}'`), { code: "MODULE_NOT_FOUND" });
    const module = { exports: builtin[name]() };
    registry.set(known, module);
    return module.exports;
  };
  const require = (request) => {
    if (typeof request !== "string") throw new TypeError("The \"id\" argument of require must be a string");
    const known = identity(request);
    if (!mocks.has(known)) return actual(request);
    const mock = mocks.get(known);
    if (!("made" in mock)) mock.made = mock.factory ? mock.factory() : automatic(actual(request));
    return mock.made;
  };
  require.resolve = (request) => String(request);
  const automatic = (value) => {
    if (typeof value === "function") return mocker.fn();
    if (!value || typeof value !== "object") return value;
    return Object.fromEntries(Object.keys(value).map((name) => [name, automatic(value[name])]));
  };
  // `import {a} from`: the named exports, or the error that linking gives.
  const imported = (request, names) => {
    const found = require(request);
    const es = found && found.__esModule;
    const whole = es ? found : Object.assign(Object.create(null), typeof found === "object" || typeof found === "function" ? found : {}, { default: found });
    for (const name of names) {
      if (!(name in whole)) throw new SyntaxError(`The requested module '${request}' does not provide an export named '${name}'`);
    }
    return whole;
  };
  const importedLater = async (request) => imported(String(request), []);

  const mocker = new ModuleMocker(globalThis);
  let limitOfTests = about.testMilliseconds, clock = null;
  const mock = (request, factory) => {
    const known = identity(request);
    if (known === "the module") mocked = true;
    mocks.set(known, { factory });
    return jest;
  };
  const unmock = (request) => (mocks.delete(identity(request)), jest);
  const faked = (name) => (...given) => {
    if (!clock) throw new Error("Fake timers are not in use: call jest.useFakeTimers() first");
    return clock[name](...given);
  };
  const jest = {
    fn: (action) => mocker.fn(action), spyOn: (...given) => mocker.spyOn(...given), mocked: (value) => value,
    replaceProperty: (...given) => mocker.replaceProperty(...given), isMockFunction: (value) => mocker.isMockFunction(value),
    clearAllMocks: () => (mocker.clearAllMocks(), jest), resetAllMocks: () => (mocker.resetAllMocks(), jest), restoreAllMocks: () => (mocker.restoreAllMocks(), jest),
    mock, doMock: mock, setMock: (request, value) => mock(request, () => value), unmock, dontMock: unmock, deepUnmock: unmock,
    requireActual: (request) => actual(request), requireMock: (request) => require(request),
    resetModules: () => ((registry = new Map()), jest),
    isolateModules: (action) => { const before = registry; registry = new Map(); try { action(); } finally { registry = before; } return jest; },
    setTimeout: (ms) => ((limitOfTests = Math.min(Number(ms) || limitOfTests, about.testMilliseconds)), jest), retryTimes: () => jest,
    useFakeTimers: (options) => {
      clock?.uninstall();
      const now = options && options.now !== undefined ? options.now : Date.now();
      const skipped = new Set((options && options.doNotFake) || []);
      const names = ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "setImmediate", "clearImmediate", "Date", "queueMicrotask", "performance", "nextTick", "hrtime"];
      clock = more().timers.withGlobal(globalThis).install({ loopLimit: 100000, now, toFake: names.filter((each) => !skipped.has(each)) });
      return jest;
    },
    useRealTimers: () => { clock?.uninstall(); clock = null; return jest; },
    advanceTimersByTime: faked("tick"), advanceTimersByTimeAsync: faked("tickAsync"), runAllTimers: faked("runAll"), runAllTimersAsync: faked("runAllAsync"),
    runOnlyPendingTimers: faked("runToLast"), runOnlyPendingTimersAsync: faked("runToLastAsync"), runAllTicks: faked("runMicrotasks"),
    advanceTimersToNextTimer: (steps = 1) => { for (let each = 0; each < steps; each += 1) faked("next")(); },
    clearAllTimers: () => clock?.reset(), getTimerCount: () => (clock ? clock.countTimers() : 0),
    setSystemTime: (now) => faked("setSystemTime")(now), now: () => (clock ? clock.now : Date.now()), getRealSystemTime: () => host.now(),
  };
  const globals = {
    describe, it, test: it, expect: watchedExpect, jest,
    beforeAll: hook("beforeAll"), beforeEach: hook("beforeEach"), afterEach: hook("afterEach"), afterAll: hook("afterAll"),
  };
  const named = { ...globals, fit: it.only, xit: it.skip, xtest: it.skip, fdescribe: describe.only, xdescribe: describe.skip };
  for (const name of Object.keys(named)) if (name !== "jest") fixed(globalThis, name, named[name]);

  // -- running -------------------------------------------------------------------------------
  const unhandled = [];
  const loose = (error, how) => {
    const said = words(error);
    if (unhandled.length < 20) unhandled.push({ how, said, test: running ? running.index : null });
    if (running && running.spoil) running.spoil(error);
  };
  const called = (action, ms, isTest, given) => new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      const late = new Error(`Exceeded timeout of ${ms} ms`);
      overdue.add(late);
      reject(late);
    }, ms);
    const end = (settle) => (value) => { stop(timer); settle(value); };
    const yes = end(resolve), no = end(reject);
    if (running) running.spoil = no;
    try {
      if (action.length > given) {
        let told = false;
        const done = (reason) => {
          if (told) return no(new Error("Expected done to be called once, but it was called multiple times."));
          told = true;
          return reason ? no(reason instanceof Error ? reason : new Error(`Failed: ${words(reason)}`)) : yes();
        };
        done.fail = (reason) => no(reason ?? new Error("done.fail was called"));
        const back = action.call({}, done);
        if (back && typeof back.then === "function") no(new Error("Test functions cannot both take a 'done' callback and return something."));
        return;
      }
      const back = action.call({});
      if (back && typeof back === "object" && typeof back.then === "function") back.then(() => yes(), no);
      else if (isTest && back !== undefined && !(back && typeof back.next === "function")) no(new Error(`test functions can only return Promise or undefined. Returned value: ${words(back)}`));
      else yes();
    } catch (error) {
      no(error);
    }
  });
  const limit = (own) => Math.min(Number(own) || limitOfTests, about.testMilliseconds);
  const path = (each) => { const names = []; for (let at = each; at && at.parent !== undefined && at !== root; at = at.parent) names.unshift(at.name); return names; };
  const isTest = (each) => each.index !== undefined;
  const inside = (each, mode) => { for (let at = each; at; at = at.parent) if (at.mode === mode) return true; return false; };
  const anyOnly = () => { const look = (at) => at.mode === "only" || (at.children || []).some(look); return look(root); };
  const hooked = (each) => { for (let at = each.parent; at; at = at.parent) if (at.hooks.beforeEach.length || at.hooks.beforeAll.length) return true; return false; };
  const overdue = new Set();

  const oneTest = async (each, broken) => {
    const result = { index: each.index, status: "passed", said: "", assertions: 0, noted: [] };
    if (each.mode === "todo" || inside(each, "skip") || (only && !inside(each, "only")) || about.skipped.includes(each.index)) {
      host.tell(stringify({ ended: { ...result, status: "skipped" } }));
      return;
    }
    host.tell(stringify({ started: each.index }));
    made = 0;
    noted = [];
    running = each;
    expect.setState({ assertionCalls: 0, expectedAssertionsNumber: null, isExpectingAssertions: false, suppressedErrors: [], currentTestName: path(each).join(" ") });
    const errors = broken ? [broken] : [];
    let prepared = false;
    const chain = [];
    for (let at = each.parent; at; at = at.parent) chain.unshift(at);
    if (!broken) {
      try {
        for (const at of chain) for (const one of at.hooks.beforeEach) await called(one.action, limit(one.limit), false, 0);
        prepared = true;
        await called(each.action, limit(each.limit), true, 0);
      } catch (error) {
        errors.push(error);
      }
      for (const at of chain.reverse()) {
        for (const one of at.hooks.afterEach) {
          try {
            await called(one.action, limit(one.limit), false, 0);
          } catch (error) {
            errors.push(error);
          }
        }
      }
      // A rejection that nobody waits for is told when the queue of jobs is empty.
      await new Promise((done) => { running.spoil = (error) => errors.push(error); host.breath(done); });
      for (const late of expect.extractExpectedAssertionsErrors()) errors.push(late.error);
      for (const late of expect.getState().suppressedErrors ?? []) errors.push(late);
    }
    running = null;
    const failed = errors.length > 0;
    result.assertions = made;
    result.noted = [...new Set(noted)];
    if (failed !== each.failing) {
      result.said = failed ? words(errors[0]) : "Failing test passed even though it was supposed to fail.";
      result.status = overdue.has(errors[0]) ? "timeout" : prepared ? "failed" : "error";
    }
    host.tell(stringify({ ended: result }));
  };
  const whole = async (at, broken) => {
    const skippedWhole = inside(at, "skip");
    if (!skippedWhole && !broken) {
      for (const one of at.hooks.beforeAll) {
        try {
          await called(one.action, limit(one.limit), false, 0);
        } catch (error) {
          broken = error ?? new Error("beforeAll failed");
          break;
        }
      }
    }
    for (const each of at.children) await (isTest(each) ? oneTest(each, broken) : whole(each, broken));
    if (skippedWhole) return;
    for (const one of at.hooks.afterAll) {
      try {
        await called(one.action, limit(one.limit), false, 0);
      } catch (error) {
        loose(error, "afterAll");
      }
    }
  };
  let only = false;
  const run = async (testFile) => {
    try {
      const module = { exports: {} };
      await testFile(module.exports, require, module, "/work/answer.test.js", "/work", jest, imported, importedLater);
      if (!tests.length) throw new Error("Your test suite must contain at least one test.");
    } catch (error) {
      return stringify({ fault: words(error, 500), mocked, unhandled });
    }
    loading = false;
    only = anyOnly();
    host.tell(stringify({ collected: tests.map((each) => path(each).join(" > ").slice(0, 300)) }));
    // What a test does may lie in its hooks: the same body under others is another test.
    const bodies = about.withBodies ? tests.map((each) => [hooked(each) ? path(each.parent).join(" > ") : "", each.row, each.body.slice(0, 20000)]) : undefined;
    await whole(root, null);
    return stringify({ bodies, mocked, unhandled, snapshots: kept ? undefined : stringify(written) });
  };
  const go = async (testFile) => host.finish(await run(testFile));
  return { go, fire, loose };
});
