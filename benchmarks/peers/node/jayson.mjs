// jayson: node jayson.mjs tcp|http|websocket PORT
import jayson from "jayson/lib/index.js";

const [transport, port] = process.argv.slice(2);
const server = new jayson.Server({
  "calc.add": ([a, b], done) => done(null, a + b),
  "calc.echo": ([text], done) => done(null, text),
});
const place = { host: "127.0.0.1", port: Number(port) };

if (transport === "websocket") server.websocket(place);
else server[transport]().listen(place);
