// node-jsonrpc2 (json-rpc2): node jsonrpc2.mjs raw|http|websocket PORT [USER PASSWORD]
import { promisify } from "node:util";
import rpc from "json-rpc2";
import { outcome, print, run } from "./report.mjs";

const [transport, port, user, password] = process.argv.slice(2);
const client = rpc.Client.$create(Number(port), "127.0.0.1", user, password);
const author = `json-rpc2 ${process.pid}`;

// What the server may call, over a raw socket or a WebSocket.
const told = [];
client.expose("local.concat", (args, connection, reply) => reply(null, args.join("+")));
client.expose("local.refuse", () => {
  throw rpc.Error.InvalidParams.$create("no thanks");
});
client.expose("local.told", (args, connection, reply) => {
  told.push(args);
  reply(null, "nobody waits for this");
});

function plain(call) {
  return {
    positional: () => call("interop.subtract", [42, 23]),
    text: () => call("interop.echo", ['€ "quoted"\n}']),
    large: async () => (await call("interop.echo", ["x".repeat(200000)])).length,
    nothing: () => call("interop.echo", [null]),
    failure: () => call("interop.fail", []),
    crash: () => call("interop.crash", []),
    unknown: () => call("interop.absent", []),
    wrong: () => call("interop.subtract", [1]),
  };
}

function mutual(connection, call) {
  return {
    ...plain(call),
    // Its HTTP client breaks characters that two segments share; here they must stay whole.
    largeText: async () => (await call("interop.echo", ["€".repeat(100000)])).length,
    concurrent: () => Promise.all([1, 2, 3].map((n) => call("interop.echo", [n]))),
    // Without a callback it sends "id": null, which is a call; it ignores the answer.
    withoutCallback: () => {
      connection.call("interop.note", [author, "read this"]);
      return call("interop.notes", [author, 1]);
    },
    calledBack: () => call("interop.ask", ["local.concat", ["a", "b"]]),
    calledBackInVain: () => call("interop.ask", ["local.refuse", []]),
    calledBackUnknown: () => call("interop.ask", ["local.absent", []]),
    told: async () => {
      await call("interop.tell", ["local.told", [1, 2]]);
      return told;
    },
    whoami: () => call("interop.whoami", []),
  };
}

async function overConnection(connect) {
  const opened = await outcome(promisify(connect).call(client));
  if (opened.error !== undefined || opened.value === "undefined") {
    return { opened };
  }
  const connection = opened.value;
  const call = promisify(connection.call).bind(connection);
  const report = await run(mutual(connection, call));
  const closed = new Promise((resolve) => connection.on("close", resolve));
  connection.end();
  await closed;
  return report;
}

async function overHTTP() {
  const call = promisify(client.call).bind(client);
  return run({
    ...plain(call),
    named: () => call("interop.subtract", { subtrahend: 23, minuend: 42 }),
    // More than max_connections_per_address, which its calls would use up if they stayed open.
    many: async () => {
      const last = 150;
      for (let n = 1; n < last; n++) await call("interop.echo", [n]);
      return call("interop.echo", [last]);
    },
    contentType: async () => "content-type" in (await call("interop.headers", [])),
    stream: () => new Promise((resolve, reject) => {
      client.stream("interop.echo", ["streamed"], (error, connection) => {
        connection?.on("result", (answer) => resolve(answer.result));
        if (error) reject(error);
      });
    }),
    whoami: () => call("interop.whoami", []),
  });
}

if (transport === "http") {
  print(await overHTTP());
} else {
  print(await overConnection(transport === "raw" ? client.connectSocket : client.connectWebsocket));

}
// Over HTTP it never ends a request, and refused it leaves its socket open.
process.exit();
