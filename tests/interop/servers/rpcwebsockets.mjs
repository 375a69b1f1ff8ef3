// rpc-websockets: node rpcwebsockets.mjs websocket PORT [USER PASSWORD]
import { Server } from "rpc-websockets";
import { announce, credentials, FAILURE, METHODS } from "./methods.mjs";

const [, port, ...rest] = process.argv.slice(2);
const who = credentials(rest);
const server = new Server({ host: "127.0.0.1", port: Number(port) });

server.event("told");
const caller = { notify: (name, params) => server.emit(name, ...params) };
for (const [name, method] of Object.entries(METHODS)) {
  const registered = server.register(name, (params) => method(params, caller));
  if (who) registered.protected();
}
server.register("fail", () => {
  throw FAILURE;
});
server.setAuth(({ user, password }) => user === who?.user && password === who?.password);

announce(server.wss);
