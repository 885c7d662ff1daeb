// Runs in the sandbox once: tries what must not be possible, and says what was.

const deno = typeof Deno !== "undefined";
const [canary, port, proof] = deno ? Deno.args : process.argv.slice(2);

const attempt = async (action) => {
  try {
    console.log(await action());
  } catch (error) {
    console.log("failed:", error.code ?? error.name);
  }
};

if (deno) {
  await attempt(() => Deno.readTextFileSync(canary));
  await attempt(() => Deno.writeTextFileSync(`${canary}.more`, "written"));
  await attempt(() => Deno.writeTextFileSync(canary, "written"));
  await attempt(async () => void (await Deno.connect({ hostname: "127.0.0.1", port: Number(port) })));
  await attempt(() => new Deno.Command("/bin/true").outputSync() && "sees the host");
  await attempt(() => Deno.env.toObject() && "sees the host");
} else {
  const fs = await import("node:fs");
  const net = await import("node:net");
  await attempt(() => fs.readFileSync(canary, "utf8"));
  await attempt(() => fs.writeFileSync(`${canary}.more`, "written"));
  await attempt(() => fs.writeFileSync(canary, "written"));
  await attempt(
    () =>
      new Promise((resolve, reject) => {
        const socket = net.connect({ host: "127.0.0.1", port: Number(port), timeout: 2000 });
        socket.on("connect", () => (socket.destroy(), resolve("connected")));
        socket.on("error", reject);
        socket.on("timeout", () => (socket.destroy(), reject(new Error("timeout"))));
      }),
  );
  await attempt(() => {
    for (const name of fs.readdirSync("/proc")) {
      if (!/^\d+$/.test(name) || name === "1" || Number(name) === process.pid) continue;
      if (!fs.readFileSync(`/proc/${name}/cmdline`, "utf8").includes(proof)) return "sees the host";
    }
    return "alone";
  });
}
console.log("tried", proof);
