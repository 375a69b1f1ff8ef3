// json-rpc-2.0: node jsonrpc20.mjs http|websocket PORT
import { createServer } from "node:http";
import rpc from "json-rpc-2.0";
import { WebSocketServer } from "ws";

const [transport, port] = process.argv.slice(2);
const place = { host: "127.0.0.1", port: Number(port) };
const server = new rpc.JSONRPCServer();
server.addMethod("calc.add", ([a, b]) => a + b);
server.addMethod("calc.echo", ([text]) => text);

// Its README leaves the transport to the program; node:http is the leanest one.
function overHTTP() {
  createServer((request, response) => {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", async () => {
      const answer = await server.receiveJSON(Buffer.concat(chunks).toString());
      if (answer === null) {
        response.writeHead(204).end();
        return;
      }
      const body = JSON.stringify(answer);
      const length = Buffer.byteLength(body);
      response.writeHead(200, { "Content-Type": "application/json", "Content-Length": length });
      response.end(body);
    });
  }).listen(place);
}

// A client for each connection, as its README does for both directions at once.
function overWebSocket() {
  const clients = new Set();
  server.addMethod("news.publish", ([count, params]) => {
    for (let i = 0; i < count; i++) {
      for (const client of clients) client.notify("news", params);
    }
    return count;
  });
  new WebSocketServer(place).on("connection", (ws) => {
    const client = new rpc.JSONRPCClient((message) => ws.send(JSON.stringify(message)));
    clients.add(client);
    ws.on("close", () => clients.delete(client));
    ws.on("message", async (data) => {
      const answer = await server.receiveJSON(data.toString());
      if (answer !== null) ws.send(JSON.stringify(answer));
    });
  });
}

if (transport === "websocket") overWebSocket();
else overHTTP();
