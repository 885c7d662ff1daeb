// What a file can require, and what `jest` is: the module under test, mocks, time that is faked.
(function (shared) {
  "use strict";
  const { ModuleMocker } = shared.assertions;
  const { about, counted, describe, fixed, hook, host, it, watchedExpect } = shared;
  const mocks = new Map();
  let registry = new Map(), extras = null;
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
      else file(module.exports, require, module, request, "/project", undefined, imported, importedLater);
      return module.exports;
    }
    if (known === "the module") {
      const module = { exports: {}, id: about.stem, loaded: false };
      registry.set("the module", module);
      try {
        host.module()(module.exports, require, module, `/project/${about.stem}.js`, "/project", host.count, imported, importedLater);
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
  let clock = null;
  shared.limit = about.testMilliseconds;
  shared.mocked = false;
  const mock = (request, factory) => {
    const known = identity(request);
    if (known === "the module") shared.mocked = true;
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
    setTimeout: (ms) => ((shared.limit = Math.min(Number(ms) || shared.limit, about.testMilliseconds)), jest), retryTimes: () => jest,
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
  return Object.assign(shared, { require, imported, importedLater, jest });
});
