// json-rpc-2.0: node jsonrpc20.mjs http|websocket PORT [USER PASSWORD]
import { once } from "node:events";
import rpc from "json-rpc-2.0";
import WebSocket from "ws";
import { outcome, print, run } from "./report.mjs";

const [transport, port, user, password] = process.argv.slice(2);
const author = `json-rpc-2.0 ${process.pid}`;
const authorization = user && `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;

function plain(client) {
  const call = (method, params) => client.request(method, params);
  return {
    positional: () => call("interop.subtract", [42, 23]),
    named: () => call("interop.subtract", { subtrahend: 23, minuend: 42 }),
    text: () => call("interop.echo", ['€ "quoted"\n}']),
    large: async () => (await call("interop.echo", ["€".repeat(100000)])).length,
    nothing: () => call("interop.echo", [null]),
    failure: () => call("interop.fail"),
    crash: () => call("interop.crash"),
    unknown: () => call("interop.absent"),
    wrong: () => call("interop.subtract", [1]),
    concurrent: () => Promise.all([1, 2, 3].map((n) => call("interop.echo", [n]))),
    notification: () => {
      client.notify("interop.note", [author, "read this"]);
      return call("interop.notes", [author, 1]);
    },
    batch: () =>
      client.requestAdvanced([
        { jsonrpc: "2.0", id: "a", method: "interop.subtract", params: [42, 23] },
        { jsonrpc: "2.0", id: "b", method: "interop.absent" },
        { jsonrpc: "2.0", id: "c", method: "interop.whoami" },
      ]),
    whoami: () => call("interop.whoami"),
  };
}

// The sender that the README of json-rpc-2.0 gives.
async function overHTTP() {
  const client = new rpc.JSONRPCClient(async (request) => {
    const response = await fetch(`http://127.0.0.1:${port}/rpc`, {
      method: "POST",
      headers: { "content-type": "application/json", ...(authorization && { authorization }) },
      body: JSON.stringify(request),
    });
    if (response.status === 200) {
      client.receive(await response.json());
    } else if (request.id !== undefined) {
      throw new Error(`${response.status} ${response.statusText}`);
    }
  });
  return run(plain(client));
}

async function overWebSocket() {
  const ws = new WebSocket(`ws://127.0.0.1:${port}/`, { headers: authorization && { authorization } });
  const opened = await outcome(once(ws, "open"));
  if ("error" in opened) {
    return { opened };
  }
  const both = new rpc.JSONRPCServerAndClient(
    new rpc.JSONRPCServer({ errorListener: () => {} }),
    new rpc.JSONRPCClient((message) => ws.send(JSON.stringify(message))),
  );
  ws.on("message", (data) => both.receiveAndSend(JSON.parse(data)));
  let tell;
  const told = new Promise((resolve) => (tell = resolve));
  both.addMethod("local.concat", ([a, b]) => a + b);
  both.addMethod("local.refuse", () => {
    throw new rpc.JSONRPCErrorException("no thanks", 99);
  });
  both.addMethod("local.nested", ([n]) => both.request("interop.subtract", [n, 1]));
  both.addMethod("local.told", tell);
  const report = await run({
    ...plain(both),
    calledBack: () => both.request("interop.ask", ["local.concat", ["a", "b"]]),
    calledBackNested: () => both.request("interop.ask", ["local.nested", [20]]),
    calledBackInVain: () => both.request("interop.ask", ["local.refuse", []]),
    calledBackUnknown: () => both.request("interop.ask", ["local.absent", []]),
    told: async () => {
      await both.request("interop.tell", ["local.told", [1, 2]]);
      return told;
    },
  });
  ws.close(1000);
  const [code] = await once(ws, "close");
  return { ...report, close: code };
}

print(await { http: overHTTP, websocket: overWebSocket }[transport]());
