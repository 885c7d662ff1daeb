// What the text of a test shows: assertions, copies, what is asserted of errors.
import { parse } from "./acorn.mjs";
import { walk } from "./sources.mjs";

const THROWS = /^toThrow/;
const ERRORS = /^(?:e|err|error|ex|exception|caught|thrown|reason|failure)s?\d*$/i;
const OTHER = new Set(["name", "stack", "constructor", "length"]);
const spelled = (node) => (node.type === "Literal" ? String(node.value) : node.name);

/** The names of a chain from its end to `expect`, and the call of `expect`; null where it is none. */
const chainOf = (node) => {
  const names = [];
  let at = node.callee;
  while (at?.type === "MemberExpression") {
    names.unshift(spelled(at.property));
    at = at.object;
  }
  return at?.type === "CallExpression" && at.callee.name === "expect" && names.length ? { names, subject: at.arguments[0] } : null;
};

const keysOf = (node) => {
  const keys = [];
  if (node) walk(node, (each) => { if (each.type === "Property" && !each.computed) keys.push(spelled(each.key)); });
  return keys;
};
/** What is read of an error in an expression: `e.message`, `errors[0].field`. */
const readOf = (node) => {
  const found = { message: false, field: false, error: false };
  if (!node) return found;
  walk(node, (each) => {
    if (each.type === "Identifier" && ERRORS.test(each.name)) found.error = true;
    if (each.type !== "MemberExpression" || each.computed) return;
    const name = each.property.name;
    let from = each.object;
    while (from.type === "MemberExpression") from = from.object;
    if (from.type !== "Identifier" || !ERRORS.test(from.name)) return;
    if (name === "message") found.message = true;
    else if (!OTHER.has(name) && !Object.hasOwn(Array.prototype, name) && !(name in Array.prototype)) found.field = true;
  });
  return found;
};

const oneOf = (text) => {
  const facts = { assertions: 0, errors: 0, messages: 0, fields: 0 };
  const tokens = [];
  let tree;
  try {
    tree = parse(`(${text})`, { ecmaVersion: "latest", sourceType: "script", onToken: (token) => tokens.push(token.type.label + (token.value === undefined ? "" : String(token.value.value ?? token.value))) });
  } catch {
    return { facts, key: text };
  }
  walk(tree, (node) => {
    if (node.type !== "CallExpression") return;
    if (/^assert(?:\.|$)/.test(node.callee.name ?? node.callee.object?.name ?? "")) {
      facts.assertions += 1;
      if (/^(?:throws|rejects)$/.test(node.callee.property?.name ?? "")) {
        facts.errors += 1;
        const keys = keysOf(node.arguments[1]);
        if (node.arguments[1]?.regex || keys.includes("message")) facts.messages += 1;
        if (keys.some((key) => key !== "message" && !OTHER.has(key))) facts.fields += 1;
      }
      return;
    }
    const chain = chainOf(node);
    if (!chain) return;
    facts.assertions += 1;
    const matcher = chain.names.at(-1), expected = node.arguments[0];
    const rejects = chain.names.includes("rejects"), seen = readOf(chain.subject), keys = keysOf(expected);
    const property = matcher === "toHaveProperty" && expected ? spelled(expected) : null;
    if (chain.names.includes("not")) {
      if (THROWS.test(matcher)) return;
    }
    if (THROWS.test(matcher) || rejects || seen.error) facts.errors += 1;
    const text = expected && (typeof expected.value === "string" || expected.regex || expected.type === "TemplateLiteral" || (expected.type === "NewExpression" && expected.arguments.length > 0));
    if ((THROWS.test(matcher) && text) || seen.message || ((rejects || seen.error) && (keys.includes("message") || property === "message"))) facts.messages += 1;
    const others = [...keys, property].filter((key) => key && key !== "message" && !OTHER.has(key));
    if (seen.field || ((rejects || seen.error) && others.length)) facts.fields += 1;
  });
  return { facts, key: tokens.join(" ") };
};

/** Facts of all tests in order; `copy` is the place of an earlier test with the same text. */
export const factsOf = (bodies) => {
  const first = new Map();
  return bodies.map(([hooks, row, text], index) => {
    const { facts, key } = oneOf(text);
    const whole = `${hooks}\n${row}\n${key}`;
    const copy = first.get(whole);
    if (copy === undefined) first.set(whole, index);
    return { ...facts, copy: copy ?? null };
  });
};
