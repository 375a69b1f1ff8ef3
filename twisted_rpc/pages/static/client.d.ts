/** The server answered with an error. */
export class RPCError extends Error {
  readonly code: number;
  readonly data: unknown;
}

/** Calls one server. */
export interface Client {
  call(method: string, params?: unknown[] | Record<string, unknown>): Promise<unknown>;
}

/** A client of the server at a URL, which may be relative to the page. */
export function connect(url: string): Client;
