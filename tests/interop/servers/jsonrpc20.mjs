// json-rpc-2.0: node jsonrpc20.mjs http|websocket PORT [USER PASSWORD]
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import rpc from "json-rpc-2.0";
import { WebSocketServer } from "ws";
import { announce, credentials, FAILURE, guarded, mayPass, METHODS } from "./methods.mjs";

const [transport, port, ...rest] = process.argv.slice(2);
const who = credentials(rest);
const place = { host: "127.0.0.1", port: Number(port) };

function addMethods(server) {
  for (const [name, method] of Object.entries(METHODS)) server.addMethod(name, method);
  server.addMethod("fail", () => {
    throw new rpc.JSONRPCErrorException(FAILURE.message, FAILURE.code, FAILURE.data);
  });
}

const quiet = { errorListener: () => {} };

// The server of its README, on node:http.
function overHTTP() {
  const server = new rpc.JSONRPCServer(quiet);
  addMethods(server);
  const listener = async (request, response) => {
    const gone = new Promise((resolve) => response.once("close", resolve));
    const answer = await server.receiveJSON(await text(request), { onCancel: gone.then.bind(gone) });
    if (answer === null) response.writeHead(204).end();
    else response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(answer));
  };
  return createServer(guarded(who, listener)).listen(place);
}

function overWebSocket() {
  const server = new WebSocketServer({ ...place, verifyClient: ({ req }) => mayPass(who, req) });
  server.on("connection", (ws) => {
    const both = new rpc.JSONRPCServerAndClient(
      new rpc.JSONRPCServer(quiet),
      new rpc.JSONRPCClient((message) => ws.send(JSON.stringify(message))),
      quiet,
    );
    addMethods(both);
    const caller = { call: both.request.bind(both), notify: both.notify.bind(both) };
    ws.on("message", (data) => both.receiveAndSend(JSON.parse(data), caller));
  });
  return server;
}

announce({ http: overHTTP, websocket: overWebSocket }[transport]());
