// What each test file gets: Jest's assertions, mocks, tables and the printing of values.
export { default as expectBundle } from "./expect.js";
export { ModuleMocker } from "jest-mock";
export { bind } from "jest-each";
export { format, plugins } from "pretty-format";
