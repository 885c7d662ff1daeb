// In place of jest-util, which loads the file system: the four functions that are used of it.
exports.isPromise = (candidate) =>
  candidate != null &&
  (typeof candidate === "object" || typeof candidate === "function") &&
  typeof candidate.then === "function";
exports.pluralize = (word, count, ending = "s") => `${count} ${word}${count === 1 ? "" : ending}`;
exports.convertDescriptorToString = (descriptor) => {
  if (["string", "number", "undefined"].includes(typeof descriptor)) return descriptor;
  if (typeof descriptor === "function" && descriptor.name !== undefined) return descriptor.name;
  throw new Error(`Invalid first argument, ${String(descriptor)}. It must be a named class, named function, number, or string.`);
};
exports.ErrorWithStack = class extends Error {};
