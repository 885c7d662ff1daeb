// Small repairs of a test file, each with a name. The text as written is kept beside it by the host.
import { parse } from "./acorn.mjs";
import { edited, read, walk } from "./sources.mjs";

const parses = (text) => {
  try {
    read(text);
    return true;
  } catch {
    return false;
  }
};
const faultOf = (text) => {
  try {
    read(text);
    return null;
  } catch (error) {
    return error;
  }
};

const TOKENS = /<[|｜][^<>\n|｜]{1,40}[|｜]>|<\/?s>|<\/?think>|\[\/?INST\]/g;
/** A token of the model's own template that came through into the text. */
const leakedToken = (text) => text.replace(TOKENS, "");

const BLOCKS = /^[ \t]*`{3,}[^\n]*$/gm;
/** Marks of fences left in the text. */
const fences = (text) => text.replace(BLOCKS, "");

const GLOBALS = "(?:@jest/globals|jest|vitest|@testing-library/jest-dom(?:/extend-expect)?)";
const REQUIRED = new RegExp(`^[ \\t]*(?:(?:const|let|var)[^=;\\n]+=[ \\t]*)?require\\(["']${GLOBALS}["']\\)[^\\n;]*;?[ \\t]*$`, "gm");
const DESTRUCTURED = new RegExp(`^[ \\t]*(?:const|let|var)[ \\t]*\\{[^}\\n]*\\}[ \\t]*(?:=[ \\t]*require\\(["']${GLOBALS}["']\\)|from[ \\t]+["']${GLOBALS}["']);?[ \\t]*$`, "gm");
const IMPORTED = new RegExp(`^[ \\t]*import\\b[^;'"]*(?:from[ \\t]*)?["']${GLOBALS}["'];?[ \\t]*$`, "gm");
/** Imports of the test framework dropped: its names are there; `vi` is `jest`. */
const importOfFramework = (text) => {
  const bare = text.replace(REQUIRED, "").replace(DESTRUCTURED, "").replace(IMPORTED, "");
  return bare === text ? text : bare.replace(/\bvi\.(?=fn|spyOn|mock|useFakeTimers|useRealTimers|advanceTimersByTime|clearAllMocks|resetAllMocks|restoreAllMocks)/g, "jest.");
};

/** `const {a} from "x"`, or `import` beside `require`: one style. */
const importStyle = (text) => {
  const made = text.replace(/^([ \t]*)(?:const|let|var)([ \t]*\{[^}\n]*\})[ \t]*from[ \t]*(["'][^"'\n]+["']);?/gm, "$1const$2 = require($3);");
  let tree;
  try {
    tree = parse(made, { ecmaVersion: "latest", sourceType: "module", allowAwaitOutsideFunction: true });
  } catch {
    return made;
  }
  const imports = tree.body.filter((node) => node.type === "ImportDeclaration");
  let requires = false;
  walk(tree, (node) => { requires ||= node.type === "CallExpression" && node.callee.name === "require"; });
  if (!imports.length || !requires) return made;
  return edited(made, imports.map((node) => {
    const named = node.specifiers.filter((each) => each.type === "ImportSpecifier").map((each) => (each.imported.name === each.local.name ? each.local.name : `${each.imported.name}: ${each.local.name}`));
    const whole = node.specifiers.find((each) => each.type !== "ImportSpecifier");
    const call = `require(${JSON.stringify(node.source.value)})`;
    const parts = [whole && `${whole.local.name} = ${call}`, named.length && `{ ${named.join(", ")} } = ${call}`].filter(Boolean);
    return [node.start, node.end, parts.length ? `const ${parts.join(", ")};` : `${call};`];
  }));
};

/** `describe(…, async () => …)`: the word is dropped where nothing waits in it. */
const asyncDescribe = (text) => text.replace(/(\bdescribe(?:\.\w+)?\([^\n]*?,[ \t]*)async[ \t]+(?=\(|function)/g, "$1");

const TEST = /^([ \t]*)(?:it|test)(?:\.\w+)?\(/;
/** One test that does not parse is left out: the one in which the parser stopped, or one before. */
const oneTestDropped = (text) => {
  const fault = faultOf(text);
  if (!fault?.loc) return text;
  const lines = text.split("\n");
  const starts = lines.flatMap((line, index) => (TEST.test(line) ? [index] : []));
  const near = starts.filter((index) => index < fault.loc.line).slice(-3).reverse();
  for (const start of near) {
    const indent = TEST.exec(lines[start])[1];
    let end = start + 1;
    while (end < lines.length && !(lines[end].startsWith(indent) && /^(?:\}\)|(?:it|test|describe|beforeEach|afterEach)\b|\})/.test(lines[end].slice(indent.length)))) end += 1;
    for (const last of [end + 1, end]) {
      const made = [...lines.slice(0, start), ...Array(last - start).fill(""), ...lines.slice(last)].join("\n");
      if (parses(made)) return made;
    }
  }
  return text;
};

const CUT = /\n*\[[A-Z ]*TRUNCATED[A-Z ]*\]\s*$/;
const closers = { "(": ")", "[": "]", "{": "}", "${": "}" };
/** What is open at the end of a text, closed; null when strings or brackets do not fit. */
const closing = (text) => {
  const open = [];
  let state = "", escaped = false;
  for (let at = 0; at < text.length; at += 1) {
    const sign = text[at], two = text.slice(at, at + 2);
    if (state === "//") { if (sign === "\n") state = ""; continue; }
    if (state === "/*") { if (two === "*/") { state = ""; at += 1; } continue; }
    if (state) {
      if (escaped) escaped = false;
      else if (sign === "\\") escaped = true;
      else if (sign === state) state = "";
      else if (state === "`" && two === "${") { open.push("${"); state = ""; at += 1; }
      continue;
    }
    if (two === "//" || two === "/*") { state = two; at += 1; continue; }
    if (sign === '"' || sign === "'" || sign === "`") state = sign;
    else if ("([{".includes(sign)) open.push(sign);
    else if (")]}".includes(sign)) {
      const last = open.pop();
      if (!last || closers[last] !== sign) return null;
      if (last === "${") state = "`";
    }
  }
  return state ? null : open.reverse().map((sign) => closers[sign]).join("");
};
/** A text that breaks off: cut after its last whole statement, what is open closed. */
const truncationClosed = (text) => {
  const whole = text.replace(CUT, "").trimEnd();
  const fault = faultOf(whole);
  // A fault in the middle of the text is no truncation.
  if (!fault || (fault.pos ?? 0) < whole.split("\n").slice(0, -3).join("\n").length) return text;
  const ends = [...whole.matchAll(/^[ \t]*\}\);?[ \t]*$/gm)].map((found) => found.index + found[0].length);
  for (const end of ends.slice(-25).reverse()) {
    const kept = whole.slice(0, end);
    const rest = closing(kept);
    if (rest === null) continue;
    const made = kept + "\n" + rest.replace(/\}\)/g, "});\n");
    if (parses(made)) return made;
  }
  return text;
};

const requests = (text) => [...text.matchAll(/(?:require\(|from[ \t]+|import[ \t]+|import\(|mock\()[ \t]*["']([^"'\n]+)["']/g)].map((found) => found[1]);
const stemOf = (request) => request.replace(/^.*\//, "").replace(/\.[cm]?[jt]sx?$/, "");

/** No path leads to the module, but one leads to nothing: that one is meant. */
const modulePath = (text, { stem, files }) => {
  const known = requests(text);
  if (known.some((each) => /^[./@~]/.test(each) && stemOf(each) === stem)) return text;
  const lost = known.find((each) => (/^[./@~]/.test(each) && !files.includes(stemOf(each))) || stemOf(each) === stem);
  return lost === undefined ? text : text.replaceAll(`"${lost}"`, `"./${stem}"`).replaceAll(`'${lost}'`, `'./${stem}'`);
};

/** Names of the module that the file uses and nowhere declares are imported. */
const importAdded = (text, { stem, names }) => {
  if (requests(text).some((each) => stemOf(each) === stem || /^[./]/.test(each))) return text;
  const used = new Set(), declared = new Set();
  walk(read(text).tree, (node, parent) => {
    if (node.type === "VariableDeclarator") walk(node.id, (each) => { if (each.type === "Identifier") declared.add(each.name); });
    if (/^(?:Function|Class)Declaration$/.test(node.type)) declared.add(node.id.name);
    if (/^Import.*Specifier$/.test(node.type)) declared.add(node.local.name);
    const property = (parent?.type === "MemberExpression" && parent.property === node && !parent.computed) || (parent?.type === "Property" && parent.key === node && !parent.shorthand);
    if (node.type === "Identifier" && !property) used.add(node.name);
  });
  const missing = names.filter((name) => name !== "default" && used.has(name) && !declared.has(name));
  return missing.length ? `const { ${missing.join(", ")} } = require("./${stem}"); ${text}` : text;
};

// Those that need a text that does not parse, in the order in which they are tried; then the others.
const OF_TEXT = [["leaked special token", leakedToken], ["fences", fences], ["import of the framework", importOfFramework], ["import style", importStyle], ["one test dropped", oneTestDropped], ["truncation closed", truncationClosed]];

// A text with marks of fences may parse: three back ticks are a template and a half.
const ALWAYS = new Set(["fences", "import of the framework", "import style"]);

/** Gives the text that can be loaded, as far as these repairs go, and the names of those made. */
export const repaired = (text, { stem, files, names }) => {
  const repairs = [];
  let made = text;
  const take = (name, next) => {
    if (next !== made) repairs.push(name);
    made = next;
  };
  for (const [name, repair] of OF_TEXT) {
    if (!ALWAYS.has(name) && parses(made)) continue;
    take(name, repair(made));
  }
  take("async describe", asyncDescribe(made));
  if (parses(made)) {
    take("import added", importAdded(made, { stem, names }));
    take("module path", modulePath(made, { stem, files }));
  }
  return { text: made, repairs };
};
