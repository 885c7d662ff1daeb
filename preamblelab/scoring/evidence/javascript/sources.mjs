// Reads and rewrites source text: ES modules as functions, hollow modules, counted lines.
//
// Lines stay where they are: every rewriting keeps the line breaks of the text.
import { parse } from "./acorn.mjs";

const LATEST = { ecmaVersion: "latest", allowHashBang: true };
export const IMPORTED = "__imported", IMPORTED_LATER = "__imported_later", COUNT = "__count";

/** Calls `visit(node, parent)` for every node, parents first; a visit that says false ends there. */
export const walk = (node, visit, parent = null) => {
  if (visit(node, parent) === false) return;
  for (const name of Object.keys(node)) {
    const value = node[name];
    if (Array.isArray(value)) {
      for (const each of value) if (each && typeof each.type === "string") walk(each, visit, node);
    } else if (value && typeof value.type === "string") walk(value, visit, node);
  }
};

/** Replaces stretches [start, end, text] of a text; none overlaps another. */
export const edited = (text, edits) => {
  let made = "", place = 0;
  // At one place, what is put in comes in the order in which it was asked for.
  for (const [start, end, by] of [...edits].sort((one, other) => one[0] - other[0])) {
    made += text.slice(place, start) + by;
    place = Math.max(place, end);
  }
  return made + text.slice(place);
};
const breaks = (text) => "\n".repeat(text.split("\n").length - 1);

/** Reads a file as node does: a script with `return` and `require`, else an ES module. */
export const read = (text) => {
  try {
    return { tree: parse(text, { ...LATEST, sourceType: "script", allowReturnOutsideFunction: true }), es: false };
  } catch (fault) {
    if (!/^\s*(?:import\b|export\b)|\bimport\.meta\b/m.test(text)) throw fault;
    return { tree: parse(text, { ...LATEST, sourceType: "module", allowAwaitOutsideFunction: true }), es: true };
  }
};

const namesOf = (pattern) => {
  const names = [];
  walk(pattern, (node, parent) => {
    if (node.type === "Property") return void 0;
    if (node.type === "Identifier" && !(parent?.type === "Property" && parent.key === node && !parent.shorthand && !parent.computed)) names.push(node.name);
    return node.type !== "AssignmentPattern" || (names.push(...namesOf(node.left)), false);
  });
  return [...new Set(names)];
};
const spelled = (node) => (node.type === "Literal" ? node.value : node.name);
const getter = (name, value) => `Object.defineProperty(exports,${JSON.stringify(name)},{enumerable:true,configurable:true,get:()=>${value}});`;

const importEdits = (text, node) => {
  const from = JSON.stringify(node.source.value);
  const wanted = node.specifiers.filter((each) => each.type !== "ImportNamespaceSpecifier").map((each) => (each.type === "ImportDefaultSpecifier" ? "default" : spelled(each.imported)));
  const call = `${IMPORTED}(${from},${JSON.stringify(wanted)})`;
  const parts = node.specifiers.map((each) => {
    if (each.type === "ImportNamespaceSpecifier") return `${each.local.name}=${call}`;
    const name = each.type === "ImportDefaultSpecifier" ? "default" : spelled(each.imported);
    return `{${JSON.stringify(name)}:${each.local.name}}=${call}`;
  });
  // Imports come first, wherever they stand.
  return { first: (parts.length ? `const ${parts.join(",")}` : call) + ";", edit: [node.start, node.end, breaks(text.slice(node.start, node.end))] };
};

const exportEdits = (text, node) => {
  if (node.type === "ExportDefaultDeclaration") {
    const inner = node.declaration;
    const named = /Declaration$/.test(inner.type) && inner.id;
    if (named) return { first: getter("default", inner.id.name), edits: [[node.start, inner.start, ""]] };
    return { first: getter("default", "__default"), edits: [[node.start, inner.start, "const __default="]] };
  }
  if (node.type === "ExportAllDeclaration") throw new SyntaxError("`export * from` is not read by this runner");
  if (node.declaration) {
    const inner = node.declaration;
    const names = inner.declarations ? inner.declarations.flatMap((each) => namesOf(each.id)) : [inner.id.name];
    return { first: names.map((name) => getter(name, name)).join(""), edits: [[node.start, inner.start, ""]] };
  }
  const edits = [[node.start, node.end, breaks(text.slice(node.start, node.end))]];
  if (!node.source) return { first: node.specifiers.map((each) => getter(spelled(each.exported), each.local.name)).join(""), edits };
  const call = (each) => `${IMPORTED}(${JSON.stringify(node.source.value)},[${JSON.stringify(spelled(each.local))}])[${JSON.stringify(spelled(each.local))}]`;
  return { first: node.specifiers.map((each) => getter(spelled(each.exported), call(each))).join(""), edits };
};

const isMock = (node) =>
  node.type === "ExpressionStatement" && node.expression.type === "CallExpression" && node.expression.callee.type === "MemberExpression" &&
  node.expression.callee.object.name === "jest" && ["mock", "unmock"].includes(node.expression.callee.property.name);

/** Gives a file as the body of a function: imports and exports by name, `jest.mock` first. */
export const asFunctionBody = (text) => {
  const { tree, es } = read(text);
  const edits = [], heads = [], imports = [], mocks = [];
  for (const node of tree.body) {
    if (node.type === "ImportDeclaration") {
      const made = importEdits(text, node);
      imports.push(made.first);
      edits.push(made.edit);
    } else if (/^Export/.test(node.type)) {
      const made = exportEdits(text, node);
      heads.push(made.first);
      edits.push(...made.edits);
    } else if (isMock(node)) {
      mocks.push([node.start, node.end]);
    }
  }
  const inner = [];
  walk(tree, (node) => {
    if (node.type === "ImportExpression") inner.push([node.start, node.start + "import".length, IMPORTED_LATER]);
    if (node.type === "MetaProperty" && node.meta.name === "import") throw new SyntaxError("`import.meta` is not read by this runner");
  });
  const hoisted = mocks.map(([start, end]) => edited(text.slice(start, end), inner.filter(([at]) => at >= start && at < end).map(([at, to, by]) => [at - start, to - start, by])).replace(/\n/g, " "));
  edits.push(...mocks.map(([start, end]) => [start, end, breaks(text.slice(start, end))]));
  edits.push(...inner.filter(([at]) => !mocks.some(([start, end]) => at >= start && at < end)));
  const strict = es ? '"use strict";Object.defineProperty(exports,"__esModule",{value:true});' : "";
  const directive = !es && tree.body[0]?.directive === "use strict" ? '"use strict";' : "";
  const body = edited(text.replace(/^#![^\n]*/, (line) => " ".repeat(line.length)), edits);
  return { body: strict + directive + heads.join("") + hoisted.map((each) => each.replace(/;?$/, ";")).join("") + imports.join("") + body, es };
};

const REWRITTEN = /\bimport\b|\bexport\b|\bjest\b|^#!/;
/** The same for a module, which is read only where something in it has to be rewritten. */
export const asModuleBody = (text) => (REWRITTEN.test(text) ? asFunctionBody(text).body : text);

const functions = new Set(["FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression"]);

/** Empties every function: it throws, or it gives nothing back (a constructor what it extends). */
export const hollowed = (text, how) => {
  const { tree } = read(text);
  const edits = [], derived = new Set();
  walk(tree, (node, parent) => {
    if (/^Class/.test(node.type) && node.superClass) derived.add(node.body);
    if (node.type === "MethodDefinition" && node.kind === "constructor" && derived.has(parent)) derived.add(node.value);
    if (!functions.has(node.type)) return true;
    const gap = breaks(text.slice(node.body.start, node.body.end));
    const inner = how === "throw" ? 'throw new Error("hollow");' : derived.has(node) ? "super(...arguments);" : "";
    edits.push([node.body.start, node.body.end, `{${inner}${gap}}`]);
    return false;
  });
  return edited(text, edits);
};

/** The same program with a comment before every token: who reads its text sees another. */
export const disguised = (text) => {
  const { tree, es } = read(text);
  const solid = [];
  walk(tree, (node) => {
    if (node.type === "TemplateElement") solid.push([node.start - 1, node.end + 1]);
    if (node.type === "Literal" && node.regex) solid.push([node.start, node.end]);
  });
  const edits = [];
  const tokens = [];
  parse(text, { ...LATEST, sourceType: es ? "module" : "script", allowReturnOutsideFunction: true, allowAwaitOutsideFunction: es, onToken: tokens });
  for (const { start } of tokens) {
    if (!solid.some(([from, to]) => from < start && start < to)) edits.push([start, start, "/**/"]);
  }
  return edited(text, edits);
};

const wrappable = { IfStatement: ["consequent", "alternate"], ForStatement: ["body"], ForInStatement: ["body"], ForOfStatement: ["body"], WhileStatement: ["body"], DoWhileStatement: ["body"], LabeledStatement: [], WithStatement: ["body"] };
const silent = new Set(["FunctionDeclaration", "ClassDeclaration", "ImportDeclaration", "EmptyStatement", "BlockStatement", "ExportAllDeclaration"]);

/** Counts lines: before each statement, and in each arrow without a block, stands a call. */
export const countedLines = (text) => {
  const { tree } = read(text);
  const lines = new Set(), edits = [];
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  const lineAt = (place) => {
    let low = 0, high = starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (starts[middle] <= place) low = middle;
      else high = middle;
    }
    return low + 1;
  };
  const mark = (node) => (lines.add(lineAt(node.start)), `${COUNT}(${lineAt(node.start)})`);
  const before = (node) => {
    const bare = node.type === "ExportNamedDeclaration" || node.type === "ExportDefaultDeclaration";
    const inner = bare ? node.declaration : node;
    if (silent.has(node.type) || node.directive || (bare && (!inner || silent.has(inner.type)))) return;
    edits.push([node.start, node.start, mark(node) + ";"]);
  };
  walk(tree, (node, parent) => {
    if (["Program", "BlockStatement", "StaticBlock"].includes(node.type)) node.body.forEach(before);
    if (node.type === "SwitchCase") node.consequent.forEach(before);
    for (const name of wrappable[node.type] ?? []) {
      const child = node[name];
      if (child && child.type !== "BlockStatement" && child.type !== "EmptyStatement") {
        edits.push([child.start, child.start, `{${silent.has(child.type) ? "" : mark(child) + ";"}`], [child.end, child.end, "}"]);
      }
    }
    if (node.type === "ArrowFunctionExpression" && node.expression) {
      const wrapped = text.slice(node.body.start - 1, node.body.start) === "(";
      edits.push([node.body.start, node.body.start, wrapped ? `${mark(node.body)},` : `(${mark(node.body)},`], [node.body.end, node.body.end, wrapped ? "" : ")"]);
    }
  });
  return { text: edited(text, edits), lines: [...lines] };
};

/** Names that the module gives out, as far as its text shows them. */
export const exportedNames = (text) => {
  const names = new Set();
  walk(read(text).tree, (node) => {
    if (node.type === "ExportNamedDeclaration") {
      for (const each of node.specifiers) names.add(spelled(each.exported));
      if (node.declaration) for (const each of node.declaration.declarations?.flatMap((one) => namesOf(one.id)) ?? [node.declaration.id.name]) names.add(each);
    }
    if (node.type !== "AssignmentExpression" || node.left.type !== "MemberExpression") return;
    const left = text.slice(node.left.start, node.left.end);
    if (left === "module.exports" && node.right.type === "ObjectExpression") {
      for (const each of node.right.properties) if (each.key && !each.computed) names.add(spelled(each.key));
    } else if (left === "module.exports" && node.right.type === "Identifier") names.add(node.right.name);
    else if (/^(?:module\.)?exports\.\w+$/.test(left)) names.add(left.split(".").pop());
  });
  return [...names];
};
