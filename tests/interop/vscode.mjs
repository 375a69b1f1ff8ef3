// vscode-jsonrpc: node vscode.mjs tcp PORT [USER PASSWORD], or stdio COMMAND ARGUMENT...
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import rpc from "vscode-jsonrpc/node";
import { print, run } from "./report.mjs";

const [transport, ...rest] = process.argv.slice(2);
const author = `vscode-jsonrpc ${process.pid}`;

function steps(connection) {
  const call = (method, ...params) => connection.sendRequest(method, ...params);
  let tell;
  const told = new Promise((resolve) => (tell = resolve));
  connection.onRequest("local.concat", (a, b) => a + b);
  connection.onRequest("local.named", ({ first, last }) => `${first} ${last}`);
  connection.onRequest("local.refuse", () => {
    throw new rpc.ResponseError(99, "no thanks");
  });
  // Over the same line while the server waits for this answer.
  connection.onRequest("local.nested", (n) => call("interop.subtract", n, 1));
  connection.onNotification("local.told", (...params) => tell(params));
  return {
    positional: () => call("interop.subtract", 42, 23),
    named: () => call("interop.subtract", { subtrahend: 23, minuend: 42 }),
    structured: () => call("interop.echo", rpc.ParameterStructures.byPosition, { a: [1, null] }),
    text: () => call("interop.echo", '€ "quoted"\r\n\r\n}'),
    large: async () => (await call("interop.echo", "€".repeat(100000))).length,
    nothing: () => call("interop.echo", null),
    failure: () => call("interop.fail"),
    crash: () => call("interop.crash"),
    unknown: () => call("interop.absent"),
    wrong: () => call("interop.subtract", 1),
    concurrent: () => Promise.all([1, 2, 3].map((n) => call("interop.echo", n))),
    notification: async () => {
      await connection.sendNotification("interop.note", author, "read this");
      return call("interop.notes", author, 1);
    },
    calledBack: () => call("interop.ask", "local.concat", ["a", "b"]),
    calledBackByName: () => call("interop.ask", "local.named", { first: "A", last: "B" }),
    calledBackNested: () => call("interop.ask", "local.nested", [20]),
    calledBackInVain: () => call("interop.ask", "local.refuse", []),
    calledBackUnknown: () => call("interop.ask", "local.absent", []),
    told: async () => {
      await call("interop.tell", "local.told", [1, 2]);
      return told;
    },
    // It sends `$/cancelRequest`, a notification, and waits for the answer.
    cancelled: async () => {
      const source = new rpc.CancellationTokenSource();
      const answer = call("interop.notes", author, 2, source.token);
      source.cancel();
      await connection.sendNotification("interop.note", author, "and this");
      return answer;
    },
    whoami: () => call("interop.whoami"),
  };
}

async function overTCP([port, user, password]) {
  const socket = connect(Number(port), "127.0.0.1");
  await once(socket, "connect");
  const connection = rpc.createMessageConnection(
    new rpc.SocketMessageReader(socket),
    new rpc.SocketMessageWriter(socket),
  );
  connection.listen();
  const first = user && { auth: () => connection.sendRequest("auth", user, password) };
  const report = await run({ ...first, ...steps(connection) });
  socket.end();
  await once(socket, "close");
  return report;
}

async function overStdio([command, ...options]) {
  const child = spawn(command, options, { stdio: ["pipe", "pipe", "ignore"] });
  const exited = once(child, "exit");
  const connection = rpc.createMessageConnection(
    new rpc.StreamMessageReader(child.stdout),
    new rpc.StreamMessageWriter(child.stdin),
  );
  const failed = new Promise((_, reject) => connection.onError(([error]) => reject(error)));
  failed.catch(() => {});
  connection.listen();
  try {
    const report = await Promise.race([run(steps(connection)), failed]);
    child.stdin.end();
    return { ...report, exit: await exited };
  } finally {
    child.kill();
  }
}

print(await { tcp: overTCP, stdio: overStdio }[transport](rest));
