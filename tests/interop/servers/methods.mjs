// What every server of this directory exposes, whatever it is built with.
//
// A method takes the parameters as they came and who calls: `call`, `notify` and
// `onCancel`, as far as the server has them.

const notes = [];
let waiting = 0;
let cancelled = 0;

export const FAILURE = { code: 7, message: "as asked", data: { why: "test" } };

export const METHODS = {
  // By position or by name, as in the specification's examples.
  subtract: (params) =>
    Array.isArray(params) ? params[0] - params[1] : params.minuend - params.subtrahend,
  echo: ([value]) => value,
  // The value is left out of the answer by servers that write what JSON has no word for.
  nothing: () => undefined,
  note: ([text]) => {
    notes.push(text);
    return null;
  },
  notes: () => notes,
  // Never ends by itself.
  wait: (params, caller) =>
    new Promise((_, reject) => {
      waiting += 1;
      caller.onCancel?.(() => {
        cancelled += 1;
        reject(new Error("cancelled"));
      });
    }),
  waits: () => ({ waiting, cancelled }),
  pid: () => process.pid,
  ask: ([name, params], caller) => caller.call(name, params),
  tell: async ([name, params], caller) => {
    await caller.notify(name, params);
    return null;
  },
};

// The credentials that a server takes, from its command line; nobody asks for any without.
export function credentials(args) {
  const [user, password] = args;
  return user && { user, password, basic: `Basic ${btoa(`${user}:${password}`)}` };
}

// Whether a request of HTTP, or for a WebSocket, may pass.
export function mayPass(who, request) {
  return !who || request.headers.authorization === who.basic;
}

// Answer 401 instead of the listener, as a proxy or a middleware in front of it would.
export function guarded(who, listener) {
  return (request, response) => {
    if (mayPass(who, request)) {
      listener(request, response);
    } else {
      response.writeHead(401, { "WWW-Authenticate": 'Basic realm="interop"' }).end();
    }
  };
}

export function announce(server) {
  const tell = () => console.log(`listening on ${server.address().port}`);
  if (server.listening) tell();
  else server.once("listening", tell);
}
