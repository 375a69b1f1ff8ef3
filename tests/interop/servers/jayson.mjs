// jayson: node jayson.mjs http|tcp|websocket PORT [USER PASSWORD]
import { createServer } from "node:http";
import jayson from "jayson/lib/index.js";
import { announce, credentials, FAILURE, guarded, mayPass, METHODS } from "./methods.mjs";

const [transport, port, ...rest] = process.argv.slice(2);
const who = credentials(rest);

// Nobody can be called back, and nobody hears that a call was given up.
const exposed = Object.fromEntries(
  Object.entries(METHODS).map(([name, method]) => [
    name,
    (params, done) => {
      Promise.resolve(method(params, {})).then((value) => done(null, value), done);
    },
  ]),
);
const server = new jayson.Server({ ...exposed, fail: (params, done) => done(FAILURE) });
const place = { host: "127.0.0.1", port: Number(port) };

const starters = {
  http: () => {
    const rpc = server.http();
    return createServer(guarded(who, (...both) => rpc.emit("request", ...both))).listen(place);
  },
  tcp: () => server.tcp().listen(place),
  websocket: () => server.websocket({ ...place, verifyClient: ({ req }) => mayPass(who, req) }),
};

announce(starters[transport]());
