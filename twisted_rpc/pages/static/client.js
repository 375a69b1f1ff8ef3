/** A JSON-RPC 2.0 client for browsers and Node. */

/** The server answered with an error. */
export class RPCError extends Error {
  constructor(code, message, data) {
    super(message);
    this.name = 'RPCError';
    this.code = code;
    this.data = data;
  }
}

class Client {
  #url;
  #last = 0;

  constructor(url) {
    this.#url = url;
  }

  async call(method, params) {
    const body = JSON.stringify({jsonrpc: '2.0', method, params, id: ++this.#last});
    const headers = {'Content-Type': 'application/json'};
    const answer = await fetch(this.#url, {method: 'POST', headers, body, credentials: 'omit'});
    const {result, error} = await answer.json();
    if (error) throw new RPCError(error.code, error.message, error.data);
    return result;
  }
}

/** A client of the server at a URL, which may be relative to the page. */
export function connect(url) {
  return new Client(new URL(url, globalThis.location?.href).href);
}
