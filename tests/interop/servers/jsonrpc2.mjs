// node-jsonrpc2 (json-rpc2): node jsonrpc2.mjs raw|http|websocket PORT [USER PASSWORD]
import { promisify } from "node:util";
import rpc from "json-rpc2";
import { announce, credentials, FAILURE, METHODS } from "./methods.mjs";

const [transport, port, ...rest] = process.argv.slice(2);
const who = credentials(rest);
const server = rpc.Server.$create();
if (who) server.enableAuth(who.user, who.password);

// Without a callback it sends a call with id null, which is all it has for a notification.
const caller = (connection) => ({
  call: (name, params) => promisify(connection.call).call(connection, name, params),
  notify: (name, params) => connection.call(name, params),
});
for (const [name, method] of Object.entries(METHODS)) {
  server.expose(name, (params, connection, reply) => {
    Promise.resolve(method(params, caller(connection))).then((value) => reply(null, value), reply);
  });
}
server.expose("fail", (params, connection, reply) => {
  reply(rpc.Error.ServerError.$create(FAILURE.message, FAILURE.data));
});

const starters = {
  raw: () => server.listenRaw(Number(port), "127.0.0.1"),
  // With port 0 it does not listen by itself.
  http: () => server.listen().listen(Number(port), "127.0.0.1"),
};
announce(starters[transport === "raw" ? "raw" : "http"]());
