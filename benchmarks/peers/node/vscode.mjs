// vscode-jsonrpc: node vscode.mjs content-length PORT
import { createServer } from "node:net";
import rpc from "vscode-jsonrpc/node";

createServer((socket) => {
  const connection = rpc.createMessageConnection(
    new rpc.SocketMessageReader(socket),
    new rpc.SocketMessageWriter(socket),
  );
  socket.on("error", () => {});
  connection.onRequest("calc.add", (a, b) => a + b);
  connection.onRequest("calc.echo", (text) => text);
  connection.listen();
}).listen(Number(process.argv[3]), "127.0.0.1");
