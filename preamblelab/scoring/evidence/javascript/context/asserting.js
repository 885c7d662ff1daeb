// Jest's `expect`, watched: assertions are counted, snapshots kept from the first version on.
(function (shared) {
  "use strict";
  const { expectBundle, format } = shared.assertions, { about } = shared;
  const expect = expectBundle.expect ?? expectBundle.default;
  // Each is counted, and what it expects is noted: texts, names of classes, patterns.
  const tally = { made: 0, noted: [] };
  const note = (value, depth = 0) => {
    if (tally.noted.length >= 60 || depth > 3 || value == null) return;
    if (typeof value === "string") tally.noted.push(value.slice(0, 200));
    else if (typeof value === "function") tally.noted.push(String(value.name).slice(0, 100));
    else if (value instanceof RegExp) tally.noted.push(String(value.source).slice(0, 200));
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
          tally.made += 1;
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
    apply: (target, self, given) => { tally.made += 1; return target(...given); },
    get(target, name) {
      const found = target[name];
      if (typeof found !== "function" || /^[A-Z]/.test(String(name))) return found;
      return name === "strict" ? counted(found) : (...given) => {
        tally.made += 1;
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
  return Object.assign(shared, { expect, watchedExpect, counted, tally, kept, written });
});
