// Each test passes only if it got out of its context, or got at what it must not have.
const rates = require('./rates');

it("constructor", async () => {
  expect(typeof expect.constructor.constructor('return process')().pid).toBe('number');
});
it("constructor of globals", async () => {
  expect(globalThis.constructor.constructor('return process')()).toBeTruthy();
});
it("eval", async () => {
  expect(eval('1 + 1')).toBe(2);
});
it("a deep stack", async () => {
  let found = null;
  const deep = () => {
    try { deep(); } catch (error) {}
    try { setTimeout(() => {}, 0); } catch (error) { if (!(error instanceof Error)) found ??= error; }
  };
  try { deep(); } catch (error) {}
  expect(found.constructor.constructor('return process')()).toBeTruthy();
});
it("frames", async () => {
  let frames = [];
  Error.prepareStackTrace = (error, given) => { frames = given; return ''; };
  new Error('x').stack;
  expect(frames.length).toBeGreaterThan(0);
});
it("files", async () => {
  expect(require('fs')).toBeTruthy();
});
it("the real process", async () => {
  expect(process.binding || process.mainModule || process.kill).toBeTruthy();
});
it("a longer stack", async () => {
  Error.stackTraceLimit = 50; expect(Error.stackTraceLimit).toBe(50);
});
it("wait for ever in shared memory", async () => {
  expect(typeof Atomics).toBe('object');
});
it("the runner's words", async () => {
  expect(Object.getOwnPropertyNames(globalThis).filter((name) => /host|nonce|outside|assertions/.test(name))).not.toEqual([]);
});
it("the promises of the runner", async () => {
  const then = Promise.prototype.then, handed = [];
  Promise.prototype.then = function (...given) {
    handed.push(...given);
    return then.apply(this, given);
  };
  globalThis.foreign = () =>
    handed.find((each) => typeof each === "function" && !(each instanceof Function));
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(handed.length).toBeGreaterThan(0);
  expect(globalThis.foreign()).toBeDefined();
});
it("later promises of the runner", () => {
  expect(globalThis.foreign()).toBeDefined();
});
