// In place of chalk: no colours, and every chain of its names gives back its text.
const plain = (text) => String(text);
module.exports = new Proxy(plain, { get: (target, name) => (name === "level" ? 0 : module.exports) });
