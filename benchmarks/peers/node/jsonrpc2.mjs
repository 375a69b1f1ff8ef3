// node-jsonrpc2 (json-rpc2): node jsonrpc2.mjs tcp|http|websocket PORT
import rpc from "json-rpc2";

const [transport, port] = process.argv.slice(2);
const server = rpc.Server.$create({ websocket: transport === "websocket" });
server.expose("calc.add", ([a, b], connection, reply) => reply(null, a + b));
server.expose("calc.echo", ([text], connection, reply) => reply(null, text));

if (transport === "tcp") server.listenRaw(Number(port), "127.0.0.1");
else server.listen(Number(port), "127.0.0.1");
