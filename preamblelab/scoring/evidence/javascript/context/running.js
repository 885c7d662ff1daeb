// Hooks and tests one after the other, as jest-circus runs them; what came of each is told outside.
(function (shared) {
  "use strict";
  const { about, expect, host, imported, importedLater, jest, kept, require, root, setTimeout, stop, tally, tests, words, written } = shared;
  const stringify = JSON.stringify;
  const unhandled = [];
  shared.loose = (error, how) => {
    const said = words(error);
    if (unhandled.length < 20) unhandled.push({ how, said, test: shared.running ? shared.running.index : null });
    shared.running?.spoil?.(error);
  };
  const called = (action, ms, isTest, given) => new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      const late = new Error(`Exceeded timeout of ${ms} ms`);
      overdue.add(late);
      reject(late);
    }, ms);
    const end = (settle) => (value) => { stop(timer); settle(value); };
    const yes = end(resolve), no = end(reject);
    if (shared.running) shared.running.spoil = no;
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
  const limit = (own) => Math.min(Number(own) || shared.limit, about.testMilliseconds);
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
    tally.made = 0;
    tally.noted = [];
    shared.running = each;
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
      await new Promise((done) => { shared.running.spoil = (error) => errors.push(error); host.breath(done); });
      for (const late of expect.extractExpectedAssertionsErrors()) errors.push(late.error);
      for (const late of expect.getState().suppressedErrors ?? []) errors.push(late);
    }
    shared.running = null;
    const failed = errors.length > 0;
    result.assertions = tally.made;
    result.noted = [...new Set(tally.noted)];
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
        shared.loose(error, "afterAll");
      }
    }
  };
  let only = false;
  const run = async (testFile) => {
    try {
      const module = { exports: {} };
      await testFile(module.exports, require, module, "/project/answer.test.js", "/project", jest, imported, importedLater);
      if (!tests.length) throw new Error("Your test suite must contain at least one test.");
      // What is rejected while the file is loaded, and waited for by nobody, ends Jest's process.
      await new Promise((done) => host.breath(done));
      if (unhandled.length) throw new Error(`Unhandled ${unhandled[0].how} while the file was loaded: ${unhandled[0].said}`);
    } catch (error) {
      return stringify({ fault: words(error, 500), mocked: shared.mocked, unhandled });
    }
    shared.loading = false;
    only = anyOnly();
    host.tell(stringify({ collected: tests.map((each) => path(each).join(" > ").slice(0, 300)) }));
    // What a test does may lie in its hooks: the same body under others is another test.
    const bodies = about.withBodies ? tests.map((each) => [hooked(each) ? path(each.parent).join(" > ") : "", each.row, each.body.slice(0, 20000)]) : undefined;
    await whole(root, null);
    return stringify({ bodies, mocked: shared.mocked, unhandled, snapshots: kept ? undefined : stringify(written) });
  };
  const go = async (testFile) => host.finish(await run(testFile));
  return { go, fire: shared.fire, loose: shared.loose };
});
