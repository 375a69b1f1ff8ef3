// jayson: node jayson.mjs http|tcp|websocket PORT [USER PASSWORD]
import { once } from "node:events";
import { createRequire } from "node:module";
import jayson from "jayson/promise/index.js";
import { outcome, print, run } from "./report.mjs";

const [transport, port, user, password] = process.argv.slice(2);
const author = `jayson ${process.pid}`;
const headers = user && {
  Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`,
};

const makers = {
  http: () => jayson.Client.http({ host: "127.0.0.1", port, path: "/rpc", headers }),
  tcp: () => jayson.Client.tcp({ host: "127.0.0.1", port }),
  websocket: async () => {
    // The WebSocket of jayson itself, so that its own version is what is tried.
    const WebSocket = createRequire(createRequire(import.meta.url).resolve("jayson"))("ws");
    const ws = new WebSocket(`ws://127.0.0.1:${port}/rpc`, { headers });
    await once(ws, "open");
    return jayson.Client.websocket({ ws });
  },
};

function steps(client) {
  const call = (method, params) => client.request(method, params);
  const prepared = (method, params, id) => client.request(method, params, id, false);
  return {
    positional: () => call("interop.subtract", [42, 23]),
    named: () => call("interop.subtract", { subtrahend: 23, minuend: 42 }),
    text: () => call("interop.echo", ['€ "quoted"\n}']),
    large: async () => (await call("interop.echo", ["€".repeat(100000)])).result.length,
    failure: () => call("interop.fail", []),
    crash: () => call("interop.crash", []),
    unknown: () => call("interop.absent", []),
    wrong: () => call("interop.subtract", [1]),
    concurrent: () => Promise.all([1, 2, 3].map((n) => call("interop.echo", [n]))),
    // An id of null makes it a notification, which it sends without id.
    notification: async () => {
      const answer = await client.request("interop.note", [author, "read this"], null);
      const notes = await call("interop.notes", [author, 1]);
      return { answer: answer ?? "none", notes: notes.result };
    },
    batch: () =>
      client.request([
        prepared("interop.subtract", [42, 23], "a"),
        prepared("interop.note", [author, "and this"], null),
        prepared("interop.absent", [], "b"),
        prepared("interop.notes", [author, 2], "c"),
      ]),
    whoami: () => call("interop.whoami", []),
  };
}

// Its ids differ each time, except those that this script has chosen.
function withoutIds(report) {
  return JSON.parse(JSON.stringify(report), (key, value) =>
    key === "id" && typeof value === "string" && value.length > 1 ? "its own" : value,
  );
}

// Only over HTTP: on a stream it waits for an answer that nobody owes it.
const silentBatch = (client) => async () =>
  (await client.request([client.request("interop.note", [author, "too"], null, false)])) ?? "none";

const opened = await outcome(makers[transport]());
if ("error" in opened) {
  print({ opened });
} else {
  const client = opened.value;
  const more = transport === "http" && { silentBatch: silentBatch(client) };
  print(withoutIds(await run({ ...steps(client), ...more })));
}
process.exit();
