// In place of node's `util` where jest-each formats titles: the npm package knows neither %i nor %f.
const { format: printed } = require("pretty-format");
const one = { maxDepth: 1, min: true };
const plain = (value) => (typeof value === "string" ? value : typeof value === "bigint" ? `${value}n` : typeof value === "object" && value !== null ? printed(value, one) : String(value));
const number = (value, read) => (typeof value === "symbol" ? NaN : typeof value === "object" && value !== null ? NaN : read(value));
exports.format = (text, ...values) => {
  let used = 0;
  const made = String(text).replace(/%[sdifjoO%]/g, (sign) => {
    if (sign === "%%") return "%";
    if (used >= values.length) return sign;
    const value = values[used++];
    if (sign === "%s") return plain(value);
    if (sign === "%d") return String(number(value, Number));
    if (sign === "%i") return String(number(value, (each) => parseInt(each, 10)));
    if (sign === "%f") return String(number(value, parseFloat));
    return sign === "%j" ? JSON.stringify(value) : printed(value, { min: true });
  });
  return [made, ...values.slice(used).map(plain)].join(" ");
};
