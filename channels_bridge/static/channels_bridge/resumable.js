// A WebSocket that comes back: see resumable.d.ts and resume_protocol.md.

const EVENTS = ["open", "message", "error", "close", "reconnecting", "resumed", "presence"];
const FINAL = /^(100[02378]|1010|[34]...)$/;
const HEADER = /^(?:([\w-]{8}):(\d+)(?:\.(\d+))?)?;/;

export class ResumableSocket extends EventTarget {
  static CONNECTING = 0; static OPEN = 1; static CLOSING = 2; static CLOSED = 3;
  CONNECTING = 0; OPEN = 1; CLOSING = 2; CLOSED = 3;
  readyState = 0; protocol = ""; extensions = ""; binaryType = "blob"; recovered = null;

  #protocols; #options; #socket; #queue = [];
  #groups = new Map(); #version = "1"; #speaks; // by tag; the latest last
  #beat; #least = 0.1; #most = 30; #pause; #opened; #heard; #silent = 0;
  #opening; #watching; #leaving; #waiting; // timers
  #life = new AbortController();

  constructor(url, protocols = [], options = {}) {
    super();
    if (!protocols[Symbol.iterator]) [protocols, options] = [[], protocols];
    for (const type of EVENTS) {
      this["on" + type] = null;
      this.addEventListener(type, (event) => this["on" + type]?.(event));
    }
    this.url = new URL(url, globalThis.location).href.replace(/^http/, "ws");
    this.#protocols = protocols;
    this.#options = { queue: 100, ...options };
    this.#restore();
    this.#connect();
    this.#listen();
  }

  get bufferedAmount() {
    return this.#socket.bufferedAmount + new Blob(this.#queue).size;
  }

  send(data) {
    if (this.readyState === 1 && this.#socket.readyState === 1) this.#socket.send(data);
    else if (this.readyState < 2) {
      if (this.#queue.length >= this.#options.queue) {
        throw new DOMException("Queue is full", "InvalidStateError");
      }
      this.#queue.push(structuredClone(data));
    }
  }

  close(code, reason) {
    this.#socket.close(...arguments);
    if (this.readyState > 1) return;
    this.readyState = 2;
    if (this.#waiting) setTimeout(() => this.#end({ code: code ?? 1005, reason, wasClean: true }));
  }

  presence(name) {
    for (const [, { n, members }] of this.#groups) {
      if (members && (!name || name === n)) return members;
    }
    return new Map();
  }

  #connect() {
    if (this.readyState) return;
    clearTimeout(this.#waiting);
    this.#waiting = this.#leaving = this.#speaks = undefined;
    this.recovered = null;
    this.#heard = Date.now();
    this.#opened = Infinity;
    this.#beat = 25;
    const url = this.url + (this.url.includes("?") ? "&" : "?") + "_resume=" + this.#claim();
    this.#socket = Object.assign(new WebSocket(url, this.#protocols), {
      binaryType: "arraybuffer",
      onopen: () => (this.#opening = setTimeout(() => this.#open(), 100)), // unless refused
      onmessage: (event) => this.#receive(event),
      onerror: () => this.#tell("error"),
      onclose: (event) => this.#lost(event),
    });
    this.#watching = setInterval(() => this.#watch(), 1000);
  }

  #open() {
    clearTimeout(this.#opening);
    if (this.readyState) return;
    this.readyState = 1;
    this.#opened = Date.now() + 5000; // it has to last
    this.protocol = this.#socket.protocol;
    this.extensions = this.#socket.extensions;
    this.#tell("open");
    for (const data of this.#queue.splice(0)) this.#socket.send(data);
  }

  // Twice, as after a sleep messages may wait.
  #watch() {
    const isSilent = Date.now() - this.#heard > this.#beat * 2000;
    if (!isSilent || (!this.#speaks && this.#socket.readyState)) this.#silent = 0;
    else if (this.#silent++) this.#drop();
  }

  #drop(code) {
    if (this.#waiting) return;
    this.#socket.close(code);
    this.#lost({ code: 1006, reason: "", wasClean: false });
  }

  #lost(close) {
    for (const type of EVENTS) this.#socket["on" + type] = null;
    clearTimeout(this.#opening);
    clearTimeout(this.#leaving);
    clearInterval(this.#watching);
    const { code, reason } = close;
    if (this.readyState > 1 || FINAL.test(code)) return this.#end(close);
    this.readyState = 0;
    if (!(Date.now() - this.#opened < this.#pause * 1000)) this.#pause = this.#least;
    const delay = Math.random() * this.#pause || 1;
    this.#pause = Math.min(this.#most, this.#pause * 2);
    this.#waiting = setTimeout(() => this.#connect(), delay * 1000);
    this.#tell("reconnecting", { code, reason, delay });
  }

  #end(close) {
    this.readyState = 3;
    this.#life.abort();
    this.dispatchEvent(new CloseEvent("close", close));
  }

  #listen() {
    const { store } = this.#options;
    const on = (target, type, listener) => target?.addEventListener?.(type, listener, this.#life);
    const hurry = () => this.#waiting && this.#connect();
    on(globalThis, "online", hurry);
    on(globalThis.document, "visibilitychange", () => document.hidden || hurry());
    on(globalThis, "offline", () => this.#speaks && this.#drop());
    // A page with a connection is not kept.
    on(globalThis, "pagehide", () => {
      this.#drop();
      clearTimeout(this.#waiting);
      store?.setItem(this.url, this.#claim());
    });
    on(globalThis, "pageshow", () => {
      store?.removeItem(this.url);
      hurry();
    });
  }

  #receive({ data, origin }) {
    this.#heard = Date.now();
    try {
      if (this.#speaks === undefined) {
        this.#speaks = /^!{"t":"hello"/.test(data);
        this.#open();
      }
      if (this.#speaks) data = this.#decode(data);
      else for (const [, group] of this.#groups) group.k = "";
    } catch {
      return this.#drop(4400);
    }
    if (data === undefined) return;
    if (data instanceof ArrayBuffer && this.binaryType === "blob") data = new Blob([data]);
    this.dispatchEvent(new MessageEvent("message", { data, origin }));
  }

  #decode(data) {
    if (/^!{/.test(data)) return this.#control(JSON.parse(data.slice(1)));
    const isText = typeof data === "string";
    const text = isText ? data : String.fromCharCode(...new Uint8Array(data).slice(0, 64));
    const [header, g, o, frame] = HEADER.exec(text);
    const position = frame ? { o: o - 1, i: +frame + 1 } : { o, i: 0 };
    if (this.#groups.has(g)) this.#update(g, position);
    return data.slice(header.length);
  }

  #control({ t, g, was, r, why, ...news }) {
    if (t === "hello") [this.#beat, [this.#least, this.#most]] = [news.beat, news.retry];
    if (news.c) this.#version = "1." + news.c;
    if (t === "bye") {
      this.#leaving ??= setTimeout(() => this.#drop(), Math.random() * news.within * 1000);
    }
    if (t === "left") this.#groups.delete(g);
    if (t === "live") this.#resumed(g, true);
    if (t === "here") this.#present(g, news);
    if (t === "diff") this.#present(g, news, true);
    if (t === "at") {
      const isKnown = (this.#groups.get(g) ?? this.#groups.get(was))?.e;
      this.#groups.delete(was);
      this.#update(g, news.o >= 0 ? { i: 0, ...news } : news);
      if (r === "new" && isKnown) this.#resumed(g, false, "unknown");
      if (r === "gap") this.#resumed(g, false, why);
    }
  }

  #resumed(g, recovered, why = null) {
    this.recovered = recovered && this.recovered !== false;
    this.#tell("resumed", { group: this.#groups.get(g)?.n ?? null, recovered, why });
  }

  #present(g, { n: count, in: come, out }, isDiff) {
    const { n: group = null, members: known } = this.#update(g);
    const before = ((come || out) && known) || new Map();
    const members = new Map(isDiff ? before : []);
    for (const key in come) members.set(key, come[key]);
    for (const key of out ?? []) members.delete(key);
    this.#update(g, { members });
    const only = (some, others) => new Map([...some].filter(([key]) => !others.has(key)));
    const joined = only(members, before);
    this.#tell("presence", { group, count, members, joined, left: only(before, members) });
  }

  #update(g, news) {
    const group = { ...this.#groups.get(g), ...news };
    this.#groups.delete(g);
    this.#groups.set(g, group);
    return group;
  }

  #claim() {
    const latest = [...this.#groups].filter(([, { k }]) => k).slice(-100);
    const claim = ([g, { e, o, i, k }]) => `~${g}.${e}.${o}${i ? "." + i : ""}.${k}`;
    return this.#version + latest.map(claim).join("").slice(-6000).replace(/^[^~]+/, "");
  }

  #restore() {
    const { store, from } = this.#options;
    for (const each of [store?.getItem(this.url), from].flat().join("~").split("~")) {
      const [g, e, o, ...rest] = each.split(".");
      if (o) this.#update(g, { e, o, k: rest.pop(), i: rest[0] });
      else if (e) this.#version = each;
    }
    store?.removeItem(this.url);
  }

  #tell(type, fields) {
    this.dispatchEvent(Object.assign(new Event(type), fields));
  }
}
