// In place of jest-message-util, which reads source files to decorate a stack: here are none.
exports.formatStackTrace = () => "";
exports.separateMessageFromStack = (content) => ({ message: String(content ?? ""), stack: "" });
