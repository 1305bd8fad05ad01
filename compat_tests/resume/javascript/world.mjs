// A browser's tab of our own making: sockets, timers and the page's events, all at the test's word.

import { readFileSync } from "node:fs";

const FILE = new URL(
  "../../../channels_bridge/static/channels_bridge/resumable.js",
  import.meta.url,
);
export const SOURCE = readFileSync(FILE, "utf8");
export const TYPES = readFileSync(new URL("resumable.d.ts", FILE), "utf8");

// What the file finds instead of a browser's own.
const GLOBALS = [
  ...["WebSocket", "CloseEvent", "Date", "Math", "document", "location", "globalThis"],
  ...["setTimeout", "clearTimeout", "setInterval", "clearInterval"],
];
const code = `"use strict";${SOURCE.replace("export class", "return class")}`;
const compiled = new Function(...GLOBALS, code);
const evaluate = (globals) => compiled(...GLOBALS.map((name) => globals[name]));

/** The events that a page can be told. */
export const EVENTS = SOURCE.match(/EVENTS = \[(.*)\]/)[1].match(/\w+/g);

class FakeCloseEvent extends Event {
  constructor(type, { code = 0, reason = "", wasClean = false } = {}) {
    super(type);
    Object.assign(this, { code, reason, wasClean });
  }
}

/** What a browser's WebSocket does that a page can see; the network is the test's. */
class FakeWebSocket {
  binaryType = "blob";
  bufferedAmount = 0;
  protocol = "";
  extensions = "";
  readyState = 0;
  sent = [];
  opened = false;
  closed = null; // what close() was called with

  constructor(world, url, protocols) {
    this.world = world;
    this.url = String(url);
    this.protocols = protocols;
    world.sockets.push(this);
  }

  /** The value of `_resume` in the handshake. */
  get claim() {
    return new URL(this.url).searchParams.get("_resume");
  }

  send(data) {
    if (this.readyState === 0) throw new DOMException("Still connecting", "InvalidStateError");
    if (this.readyState === 1) this.sent.push(data);
  }

  close(...given) {
    const [code, reason] = given;
    const isValid = code === 1000 || (code >= 3000 && code <= 4999);
    // As in Chromium, where no code is one that is left out, and not one before a reason.
    if (!isValid && (code !== undefined || given.length > 1)) {
      throw new DOMException("No such code", "InvalidAccessError");
    }
    if (this.readyState > 1) return;
    this.readyState = 2;
    this.closed = [code, reason];
  }

  /** The server has accepted. */
  open({ protocol = "", extensions = "" } = {}) {
    Object.assign(this, { readyState: 1, opened: true, protocol, extensions });
    this.onopen?.(new Event("open"));
    return this;
  }

  /** A message arrives. */
  receive(...messages) {
    for (const data of messages) {
      if (this.readyState === 1) this.onmessage?.({ data, origin: "ws://localhost" });
    }
    return this;
  }

  /** The connection ends. */
  end(code = 1006, reason = "") {
    this.readyState = 3;
    if (!this.opened) this.onerror?.(new Event("error"));
    this.onclose?.(new FakeCloseEvent("close", { code, reason, wasClean: code !== 1006 }));
  }
}

/** Timers and a clock that stand still until they are told to go on. */
class Clock {
  now = 1_000_000;
  timers = new Map();
  #last = 0;

  set(callback, delay = 0, every = null) {
    delay = Math.max(delay, 0) || 0; // as browsers take NaN
    this.timers.set(++this.#last, { callback, due: this.now + delay, delay, every });
    return this.#last;
  }

  /** Let so many ms pass, and all that becomes due meanwhile run. */
  pass(ms) {
    const end = this.now + ms;
    for (;;) {
      const due = [...this.timers].filter(([, timer]) => timer.due <= end);
      if (due.length === 0) break;
      const [id, timer] = due.reduce((one, other) => (other[1].due < one[1].due ? other : one));
      this.now = Math.max(this.now, timer.due);
      if (timer.every === null) this.timers.delete(id);
      else timer.due = this.now + Math.max(timer.every, 1);
      timer.callback();
    }
    this.now = end;
  }

  /** The machine sleeps: time passes, but no timer runs before it is awake. */
  sleep(ms) {
    this.now += ms;
  }
}

class Storage {
  constructor(items = []) {
    this.items = new Map(items);
  }
  getItem(key) {
    return this.items.get(key) ?? null;
  }
  setItem(key, value) {
    this.items.set(key, String(value));
  }
  removeItem(key) {
    this.items.delete(key);
  }
  /** What a duplicated tab gets. */
  copy() {
    return new Storage(this.items);
  }
}

export class World {
  sockets = [];
  clock = new Clock();
  page = new EventTarget(); // the page's globalThis
  document = Object.assign(new EventTarget(), { hidden: false });
  sessionStorage = new Storage();
  random = 0.5;

  constructor({ href = "https://example.org/room/?a=1#b", sessionStorage } = {}) {
    if (sessionStorage) this.sessionStorage = sessionStorage;
    const { clock, document } = this;
    const location = { href, toString: () => href };
    const world = this;
    const globals = {
      WebSocket: class extends FakeWebSocket {
        constructor(url, protocols) {
          super(world, url, protocols);
        }
      },
      setTimeout: (callback, delay) => clock.set(callback, delay),
      clearTimeout: (id) => clock.timers.delete(id),
      setInterval: (callback, delay) => clock.set(callback, delay, delay),
      clearInterval: (id) => clock.timers.delete(id),
      Date: { now: () => clock.now },
      Math: { min: Math.min, random: () => this.random },
      CloseEvent: FakeCloseEvent,
      document,
      location,
      globalThis: Object.assign(this.page, { document, location }),
    };
    this.ResumableSocket = evaluate(globals);
  }

  /** A ResumableSocket, and in `.log` what its page has been told. */
  make(url = "wss://example.org/ws/", ...rest) {
    const socket = new this.ResumableSocket(url, ...rest);
    socket.log = [];
    for (const type of EVENTS) {
      socket.addEventListener(type, (event) => socket.log.push(note(event)));
    }
    return socket;
  }

  /** The socket made last. */
  get socket() {
    return this.sockets.at(-1);
  }

  /** Let the back-off pass, whatever it is. Returns the next socket. */
  next() {
    const before = this.sockets.length;
    this.clock.pass(31_000);
    if (this.sockets.length === before) throw new Error("no other connection was made");
    return this.socket;
  }

  tell(type) {
    this.page.dispatchEvent(new Event(type));
  }

  show(hidden) {
    this.document.hidden = hidden;
    this.document.dispatchEvent(new Event("visibilitychange"));
  }
}

const plain = (map) => Object.fromEntries(map);

/** An event, nearly as the test vectors write it. */
export function note(event) {
  const { type, data, group, recovered, why, count, code } = event;
  if (type === "message") return [type, data];
  if (type === "close") return [type, code];
  if (type === "resumed") return [type, { group, recovered, why }];
  if (type === "presence") {
    const [members, joined, left] = [event.members, event.joined, event.left].map(plain);
    return [type, { group, count, members, joined, left }];
  }
  return [type];
}

export const HELLO = '!{"t":"hello","v":1,"beat":25,"retry":[0.1,30],"c":"tok1"}';
export const control = (message) => "!" + JSON.stringify(message);
export const at = (fields) =>
  control({ t: "at", g: "AbCdEfGh", e: "q1w2e3", o: 16, k: "k1", ...fields });
export const bytes = (text) => new TextEncoder().encode(text).buffer;
