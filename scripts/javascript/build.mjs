// Writes the bundles that run in the sandbox: `npm ci && npm run build`. Never needed by a user.
import { build } from "esbuild";
import { readFileSync, writeFileSync, readdirSync, existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, "../../preamblelab/scoring/evidence/javascript/bundle");
const wanted = JSON.parse(readFileSync(join(here, "package.json"), "utf8")).devDependencies;
const part = (name) => join(here, "parts", name);
const ownFormat = (importer) => /[\\/]jest-each[\\/]/.test(importer);
const stands = { chalk: "chalk.js", "jest-message-util": "message_util.js", "jest-util": "jest_util.js" };

const common = {
  bundle: true,
  absWorkingDir: here,
  charset: "ascii",
  legalComments: "none",
  minify: true,
  platform: "browser",
  target: "es2022",
  metafile: true,
  write: false,
  define: { global: "globalThis" },
  plugins: [
    {
      name: "stand-ins",
      setup: (builder) => {
        builder.onResolve({ filter: /^(chalk|jest-message-util|jest-util)$/ }, ({ path }) => ({ path: part(stands[path]) }));
        builder.onResolve({ filter: /^util$/ }, ({ importer }) => (ownFormat(importer) ? { path: part("format.js") } : undefined));
      },
    },
  ],
};

// An expression that gives the bundle's exports, so that nothing is left behind in a context.
const expression = (name) => ({
  format: "iife",
  globalName: "bundle",
  entryPoints: [part(name)],
  banner: { js: "(function(){" },
  footer: { js: "return bundle;})()" },
});

const made = {
  "assertions.js": await build({ ...common, ...expression("assertions.js") }),
  "extras.js": await build({ ...common, ...expression("extras.js") }),
  "acorn.mjs": await build({ ...common, format: "esm", entryPoints: [part("acorn.js")] }),
};

const packages = new Set();
for (const [name, { outputFiles, metafile }] of Object.entries(made)) {
  writeFileSync(join(target, name), outputFiles[0].text.trimEnd() + "\n");
  for (const input of Object.keys(metafile.inputs)) {
    const found = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (found) packages.add(found[1]);
  }
}

const versions = {};
const notices = ["What is bundled in this folder, with its licences. Made by scripts/javascript/build.mjs.\n"];
for (const name of [...packages].sort()) {
  const folder = join(here, "node_modules", name);
  const about = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  versions[name] = about.version;
  const file = readdirSync(folder).find((each) => /^(licen[cs]e|copying)/i.test(each));
  const text = file ? readFileSync(join(folder, file), "utf8").trim() : `${about.license}, as its package.json says.`;
  notices.push(`${"=".repeat(80)}\n${name} ${about.version} (${about.license})\n\n${text}\n`);
}
for (const name of Object.keys(wanted)) {
  if (name !== "esbuild" && versions[name] !== wanted[name]) throw new Error(`${name}: ${versions[name]} is bundled, ${wanted[name]} is pinned`);
}
writeFileSync(join(target, "versions.json"), JSON.stringify(versions, null, 1) + "\n");
writeFileSync(join(target, "LICENSES.txt"), notices.join("\n"));
