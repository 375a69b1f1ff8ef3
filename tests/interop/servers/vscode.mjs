// vscode-jsonrpc: node vscode.mjs tcp PORT [USER PASSWORD], or node vscode.mjs stdio
import { createServer } from "node:net";
import rpc from "vscode-jsonrpc/node";
import { announce, credentials, FAILURE, METHODS } from "./methods.mjs";

const [transport, port, ...rest] = process.argv.slice(2);
const who = credentials(rest);

const methods = {
  ...METHODS,
  fail: () => {
    throw new rpc.ResponseError(FAILURE.code, FAILURE.message, FAILURE.data);
  },
};

function serve(reader, writer) {
  const connection = rpc.createMessageConnection(reader, writer);
  const caller = (token) => ({
    call: (name, params) => connection.sendRequest(name, ...params),
    notify: (name, params) => connection.sendNotification(name, ...params),
    onCancel: token.onCancellationRequested,
  });
  let admitted = !who;
  for (const [name, method] of Object.entries(methods)) {
    // It hands out what is given by position one by one, what is given by name as one object.
    connection.onRequest(name, (...given) => {
      if (!admitted) throw new rpc.ResponseError(-32001, "Unauthorized");
      const token = given.pop();
      const isByName = given.length === 1 && typeof given[0] === "object";
      return method(isByName ? given[0] : given, caller(token));
    });
  }
  connection.onNotification("note", (...given) => METHODS.note(given));
  if (who) {
    connection.onRequest("auth", (user, password) => {
      admitted = user === who.user && password === who.password;
      if (!admitted) throw new rpc.ResponseError(-32001, "Unauthorized", "invalid credentials");
      return true;
    });
  }
  connection.listen();
}

if (transport === "stdio") {
  const { stdin, stdout } = process;
  serve(new rpc.StreamMessageReader(stdin), new rpc.StreamMessageWriter(stdout));
  stdin.once("end", () => process.exit());
} else {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    serve(new rpc.SocketMessageReader(socket), new rpc.SocketMessageWriter(socket));
  });
  announce(server.listen(Number(port), "127.0.0.1"));
}
