// Describes and tests, put together as Jest does while the file is evaluated.
(function (shared) {
  "use strict";
  const { bind } = shared.assertions, { textOf } = shared;
  shared.loading = true;
  const block = (name, parent, mode) => ({ name, parent, mode, hooks: { beforeAll: [], beforeEach: [], afterEach: [], afterAll: [] }, children: [] });
  const root = block("", null, "");
  const tests = [];
  let current = root, rowOf = null;
  const titled = (name) => {
    if (typeof name === "string" || typeof name === "number") return String(name);
    if (typeof name === "function") return name.name;
    throw new Error(`Invalid first argument, ${String(name)}. It must be a named class, named function, number, or string.`);
  };
  const nested = (what) => {
    if (shared.running) throw new Error(`${what} cannot be nested inside a test`);
    if (!shared.loading) throw new Error(`Cannot add ${what} after tests have started running`);
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
  return Object.assign(shared, { root, tests, describe, it, hook });
});
