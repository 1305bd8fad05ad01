/**
 * A WebSocket that comes back after a lost connection, and goes on where it was.
 *
 * It takes the place of `WebSocket`:
 *
 *     import { ResumableSocket } from "/static/channels_bridge/resumable.js";
 *     const socket = new ResumableSocket("/ws/chat/lobby/"); // was: new WebSocket(...)
 *
 * The messages of groups that `CONFIG["history"]` keeps come once and in order, those too that were sent while
 * there was no connection. Where that is not possible, `resumed` says so. With a server that does not speak the
 * protocol (`resume_protocol.md`) it is a WebSocket that reconnects, and no more.
 */

/** The events, besides those of `WebSocket`, which differ in this:
 *
 * - `open` comes after each connection, not only the first: the server's consumer is another one each time.
 * - `close` comes once, at the end: after `close()`, and after the codes 1000, 1002, 1003, 1007, 1008, 1010 and
 *   3000 to 4999. 4403: the consumer has refused the connection.
 */
export interface ResumableSocketEventMap {
  open: Event;
  message: MessageEvent;
  error: Event;
  close: CloseEvent;
  reconnecting: ReconnectingEvent;
  resumed: ResumedEvent;
  presence: PresenceEvent;
}

/** The connection is lost, and there will be another one. */
export interface ReconnectingEvent extends Event {
  /** Seconds until it is tried. */
  readonly delay: number;
  /** How the last one ended, as in a `CloseEvent`. */
  readonly code: number;
  readonly reason: string;
}

/** What has become of a group's messages that were sent while there was no connection. */
export interface ResumedEvent extends Event {
  /** The name that the consumer has given the group for its page, if any. */
  readonly group: string | null;
  /** True: all of them have come. False: some are missing before the next message. */
  readonly recovered: boolean;
  /**
   * Why some are missing: `expired` (no longer kept), `unknown` (the server has lost its history), `ticket` (not this
   * user's, or too old), `lagged` (this connection was too slow), `failed` (the consumer raised an exception).
   */
  readonly why: "expired" | "unknown" | "ticket" | "lagged" | "failed" | (string & {}) | null;
}

/** Who is in a group, by the keys that `CONFIG["presence"]` has for them. */
export type Members = Map<string, any>;

/** Somebody has come or gone, or the page is told for the first time who is there. */
export interface PresenceEvent extends Event {
  readonly group: string | null;
  /** How many are there. `members` is empty if these are too many to be listed. */
  readonly count: number;
  readonly members: Members;
  readonly joined: Members;
  /** With what was known of them. */
  readonly left: Members;
}

export interface ResumableSocketOptions {
  /**
   * Where the page was when it was rendered: `{% stream_position %}` or `position()`. What came since then comes first.
   */
  from?: string | readonly string[];
  /**
   * Keeps the positions while the page is reloaded or another one is shown: `sessionStorage`. Two sockets of a page
   * that have the same URL need a `store` each.
   */
  store?: Pick<Storage, "getItem" | "setItem" | "removeItem">;
  /**
   * How many messages wait for the next connection, 100 if not said. When there are as many, `send()` throws
   * `InvalidStateError`, as a WebSocket does that has not opened yet.
   */
  queue?: number;
}

export declare class ResumableSocket extends EventTarget {
  static readonly CONNECTING: 0;
  static readonly OPEN: 1;
  static readonly CLOSING: 2;
  static readonly CLOSED: 3;
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSING: 2;
  readonly CLOSED: 3;

  constructor(url: string | URL, options?: ResumableSocketOptions);
  constructor(url: string | URL, protocols?: string | string[], options?: ResumableSocketOptions);

  readonly url: string;
  /** The subprotocol of the last connection. */
  readonly protocol: string;
  readonly extensions: string;
  /** `CONNECTING`, too, while there is no connection between two. */
  readonly readyState: 0 | 1 | 2 | 3;
  /** With what waits for the next connection. */
  readonly bufferedAmount: number;
  binaryType: BinaryType;
  /**
   * Whether this connection goes on where the last one was: false if anything was missing, null as long as nothing is
   * known, and where no group's messages are kept.
   */
  readonly recovered: boolean | null;

  send(data: string | ArrayBufferLike | Blob | ArrayBufferView): void;
  close(code?: number, reason?: string): void;
  /** Who is in the group that the consumer has named so; without a name, in the first one. */
  presence(name?: string): Members;

  onopen: ((this: ResumableSocket, event: Event) => any) | null;
  onmessage: ((this: ResumableSocket, event: MessageEvent) => any) | null;
  onerror: ((this: ResumableSocket, event: Event) => any) | null;
  onclose: ((this: ResumableSocket, event: CloseEvent) => any) | null;
  onreconnecting: ((this: ResumableSocket, event: ReconnectingEvent) => any) | null;
  onresumed: ((this: ResumableSocket, event: ResumedEvent) => any) | null;
  onpresence: ((this: ResumableSocket, event: PresenceEvent) => any) | null;

  addEventListener<K extends keyof ResumableSocketEventMap>(
    type: K,
    listener: (this: ResumableSocket, event: ResumableSocketEventMap[K]) => any,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<K extends keyof ResumableSocketEventMap>(
    type: K,
    listener: (this: ResumableSocket, event: ResumableSocketEventMap[K]) => any,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void;
}
