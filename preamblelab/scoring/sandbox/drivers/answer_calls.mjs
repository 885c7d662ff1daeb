// Runs in the sandbox: loads a file and answers calls of its functions, one line each.
//
// Usage: answer_calls.mjs FILE, under node (descriptors in SANDBOX_CHANNEL) or deno (stdin, stdout).

const deno = typeof Deno !== "undefined";
const MARK = "$kind";
const clock = () => performance.now() / 1000;
const stringify = JSON.stringify;

const encode = (value, depth = 0) => {
  if (depth > 200) return { [MARK]: "too deep" };
  if (value === undefined) return { [MARK]: "undefined" };
  if (value === null || typeof value === "boolean" || typeof value === "string") return value;
  if (typeof value === "number") {
    if (Number.isFinite(value)) return value;
    return { [MARK]: "number", text: Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf" };
  }
  if (typeof value === "bigint") return { [MARK]: "integer", text: String(value) };
  if (typeof value !== "object") return { [MARK]: typeof value };
  if (Array.isArray(value)) return Array.from(value, (item) => encode(item, depth + 1));
  if (value instanceof Set) return { [MARK]: "set", items: Array.from(value, (item) => encode(item, depth + 1)) };
  if (value instanceof Map) {
    const pairs = Array.from(value, ([name, item]) => [name, encode(item, depth + 1)]);
    return pairs.every(([name]) => typeof name === "string")
      ? { [MARK]: "map", items: pairs }
      : { [MARK]: "Map with keys that are no text" };
  }
  if (value instanceof Uint8Array) {
    return { [MARK]: "bytes", text: Array.from(value, (byte) => byte.toString(16).padStart(2, "0")).join("") };
  }
  if (MARK in value || value instanceof Date || value instanceof RegExp || value instanceof Error) {
    return { [MARK]: value.constructor?.name ?? "object" };
  }
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, encode(item, depth + 1)]));
};

const raised = (error) => {
  if (!(error instanceof Error) && !(error && typeof error === "object" && "message" in error)) {
    return { error: error === null ? "null" : typeof error, message: String(error).slice(0, 10000), fields: {} };
  }
  const fields = {};
  for (const name of Object.keys(error)) fields[name] = encode(error[name]);
  // Error classes of an own name usually set `name` on the instance or only on the class.
  const name = error.name && error.name !== "Error" ? error.name : error.constructor?.name;
  return { error: String(name ?? "Error"), message: String(error.message).slice(0, 10000), fields };
};

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

const reach = (from, path) => {
  let owner, found = from;
  for (const part of path) [owner, found] = [found, found?.[part]];
  return [owner, found];
};

// A script without exports is run as one, so that what it declares at its top can be reached.
const loadFile = async (file) => {
  const module = await import(new URL(file, import.meta.url.replace(/sandbox_driver\/[^/]*$/, "")).href);
  let script;
  return async (name) => {
    const path = name.split(".");
    for (const from of [module, module.default]) {
      const [owner, found] = reach(from, path);
      if (typeof found === "function") return found.bind(owner);
    }
    if (typeof module.default === "function" && name === module.default.name) return module.default;
    if (!deno) {
      const vm = await import("node:vm");
      const { readFileSync } = await import("node:fs");
      const { createRequire } = await import("node:module");
      const { resolve } = await import("node:path");
      if (!script) {
        const exported = { exports: {} };
        globalThis.require ??= createRequire(resolve(file));
        globalThis.module ??= exported;
        globalThis.exports ??= exported.exports;
        script = vm.runInThisContext(readFileSync(file, "utf8"), { filename: file }) ?? true;
      }
      const found = vm.runInThisContext(name);
      if (typeof found === "function") return found;
    }
    throw new ReferenceError(`${name} is not defined`);
  };
};

const next = async () => (await lines.next()).value;
const { nonce } = JSON.parse(await next());
const say = (id, said, began) => speak("\n" + nonce + stringify({ id, ...said, seconds: clock() - began }) + "\n");

let began = clock();
let find;
try {
  find = await loadFile(deno ? Deno.args[0] : process.argv[2]);
  say(-1, {}, began);
} catch (error) {
  say(-1, raised(error), began);
}
while (find) {
  const line = await next();
  if (line === undefined) break;
  const asked = JSON.parse(line);
  began = clock();
  let said;
  try {
    said = { value: encode(await (await find(asked.function))(...asked.arguments)) };
  } catch (error) {
    said = raised(error);
  }
  say(asked.id, said, began);
}
if (!deno) process.exit(0);
