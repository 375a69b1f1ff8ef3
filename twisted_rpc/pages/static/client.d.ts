/** A JSON-RPC 2.0 client for browsers and for Node.  Times are milliseconds. */

/** By position, or by name. */
export type Params = readonly unknown[] | object | null;

/** Who we are; a ticket is for WebSockets, and good for one connection. */
export type Credentials =
  | {readonly user: string; readonly password: string}
  | {readonly token: string}
  | {readonly ticket: string};

/** Where a client stands; from `closed` it does not come back. */
export type State = 'connecting' | 'connected' | 'disconnected' | 'closed';

/** What waits while there is no connection. */
export interface OfflineBounds {
  /** How many calls, notifications and batches; 0 for none.  1000 unless given. */
  readonly size?: number;
  /** How many bytes they have together.  1 MiB unless given. */
  readonly bytes?: number;
  /** How long each may wait; null for as long as it takes.  30 seconds unless given. */
  readonly age?: number | null;
  /** Refuse one more, or drop the oldest for it.  `refuse` unless given. */
  readonly whenFull?: 'refuse' | 'drop_oldest';
}

export interface ConnectOptions {
  /** Who we are, or what is asked for that before each connection (over HTTP, each request). */
  readonly auth?:
    | Credentials
    | null
    | (() => Credentials | null | undefined | PromiseLike<Credentials | null | undefined>);
  /** How long a call may take, without a connection too; null for ever.  30 seconds unless given. */
  readonly timeout?: number | null;
  /** Whether it comes back after its line was lost.  It does unless this is false. */
  readonly reconnect?: boolean;
  /** How long to wait after so many failures in a row.  Half a second to half a minute, unless given. */
  readonly backoff?: (failures: number) => number;
  readonly offline?: OfflineBounds;
  /** Reads JSON; `JSON.parse` unless given, to which 9007199254740993 is one less. */
  readonly parse?: (text: string) => unknown;
}

export interface CallOptions {
  /** How long it may take; null for ever.  The client's own unless given. */
  readonly timeout?: number | null;
  /** Cancels it: the promise is rejected with the signal's reason, and the server is told. */
  readonly signal?: AbortSignal | null;
  /** Trace Context (W3C), as OpenTelemetry's propagator writes it. */
  readonly trace?: {readonly traceparent?: string; readonly tracestate?: string};
  /** What the server's log calls this request. */
  readonly requestId?: string;
}

/** The server's methods as attributes: `client.proxy.calc.add(1, 2)`; but none named `then`. */
export interface MethodProxy {
  (...params: any[]): Promise<any>;
  readonly [name: string]: MethodProxy;
}

/** Calls and notifications of one message. */
export interface Batch {
  /** Add a call; see `Client.call`. */
  call<T = any>(method: string, params?: Params, options?: CallOptions): Promise<T>;
  /** Add a notification; see `Client.notify`. */
  notify(method: string, params?: Params, options?: CallOptions): Promise<void>;
}

/**
 * One server.  Over a WebSocket, a connection to it that comes back by itself; over HTTP each
 * message is a request of its own, and the client is `connected` until it is closed.
 */
export interface Client {
  /** The server's. */
  readonly url: string;
  readonly state: State;
  /** Told of each new state, and why the line was lost. */
  onstate: ((state: State, error?: Error) => void) | null;
  /** Told of each notification and call that comes from the server, beside who answers it. */
  onrequest: ((method: string, params: unknown, isCall: boolean) => void) | null;
  readonly proxy: MethodProxy;
  /**
   * Call a method; the promise has its result.
   *
   * It is rejected with RPCError, CallTimeout, ConnectionLost, AuthenticationFailed or
   * ProtocolError; with the reason of a signal; or with TypeError where nothing can be sent.
   */
  call<T = any>(method: string, params?: Params, options?: CallOptions): Promise<T>;
  /**
   * Notify the server.  The promise says that it was sent, over HTTP that it was taken, and may
   * be left alone.  TypeError is thrown where nothing can be sent.
   */
  notify(method: string, params?: Params, options?: CallOptions): Promise<void>;
  /** Send what a function adds to a batch as one message; what the function returns. */
  batch<T>(fill: (batch: Batch) => T): T;
  /**
   * Hear a notification of the server's.  An array is spread over the arguments, an object is
   * the only one.  The function that is returned ends it.
   */
  on(method: string, listener: (...params: any[]) => unknown): () => void;
  /**
   * Answer a method that the server calls, with what the function returns or its promise has.
   * The server is told of an RPCError that it throws; anything else is an Internal error.  The
   * function that is returned ends it.
   */
  expose(method: string, target: (...params: any[]) => unknown): () => void;
  /** The client, once it is connected; rejected when the attempt under way fails. */
  connected(): Promise<Client>;
  /** Close for good; what waits fails with ConnectionLost. */
  close(): void;
}

/** An error with a code: what the server answered, or what an exposed function throws. */
export class RPCError extends Error {
  constructor(code: number, message: string, data?: unknown);
  readonly name: 'RPCError';
  readonly code: number;
  readonly data: any;
  toJSON(): {code: number; message: string; data: any};
}

/** The server did not answer in time. */
export class CallTimeout extends Error {
  readonly name: 'CallTimeout';
}

/** The line dropped before the answer came, or none could be made, or the client is closed. */
export class ConnectionLost extends Error {
  readonly name: 'ConnectionLost';
}

/** The server does not take our credentials; a WebSocket's client is closed by that. */
export class AuthenticationFailed extends Error {
  readonly name: 'AuthenticationFailed';
}

/** What the server sent is no JSON-RPC. */
export class ProtocolError extends Error {
  readonly name: 'ProtocolError';
}

/** Over HTTP nothing comes but answers. */
export class NotFullDuplex extends Error {
  readonly name: 'NotFullDuplex';
}

/**
 * A client of the server at a URL: `ws:` and `wss:` for a WebSocket, `http:` and `https:` for
 * calls by fetch.  A relative one is a WebSocket to the server that the page came from.
 *
 * Throws TypeError where the URL or an option is none.
 */
export function connect(url: string | URL, options?: ConnectOptions): Client;
