// What a page knows from WebSocket, and finds here.

import assert from "node:assert/strict";
import { test } from "node:test";

import { EVENTS, HELLO, SOURCE, TYPES, World, at, bytes } from "./world.mjs";

test("the file is a module with one export", async () => {
  const module = await import("data:text/javascript," + encodeURIComponent(SOURCE));
  assert.deepEqual(Object.keys(module), ["ResumableSocket"]);
});

test("what a page can use has a type", () => {
  const world = new World();
  const page = new world.ResumableSocket("/ws/");
  const own = [...Object.keys(page), ...Object.getOwnPropertyNames(Object.getPrototypeOf(page))];
  const [, types] = TYPES.split("class ResumableSocket ");
  for (const name of own) assert.match(types, new RegExp(`\\b${name}(: |\\(|\\?: )`), name);
  const [, events] = TYPES.match(/ResumableSocketEventMap \{(.*?)\}/s);
  assert.deepEqual(events.match(/\w+(?=:)/g), EVENTS);
});

test("constants are those of WebSocket, of the class and of each socket", () => {
  const world = new World();
  for (const owner of [world.ResumableSocket, world.make()]) {
    const { CONNECTING, OPEN, CLOSING, CLOSED } = owner;
    assert.deepEqual([CONNECTING, OPEN, CLOSING, CLOSED], [0, 1, 2, 3]);
  }
});

test("addresses may be relative to the page, and of any scheme", () => {
  const href = "https://example.org/room/?a=1#b";
  for (const [given, expected] of [
    ["/ws/chat/", "wss://example.org/ws/chat/"],
    ["ws/", "wss://example.org/room/ws/"],
    ["http://localhost:8000/ws/", "ws://localhost:8000/ws/"],
    [new URL("wss://other.org/x?y=1"), "wss://other.org/x?y=1"],
  ]) {
    const world = new World({ href });
    assert.equal(world.make(given).url, expected);
    assert.ok(world.socket.url.startsWith(expected));
  }
  assert.throws(() => new World({ href }).make("ws://["), TypeError);
});

test("the page's query reaches the server as it is written", () => {
  const world = new World();
  world.make("wss://example.org/?q=a%20b+c&=&token=x%2B~");
  const expected = "wss://example.org/?q=a%20b+c&=&token=x%2B~&_resume=1";
  assert.equal(world.socket.url, expected);
});

test("subprotocols are offered at each connection, and the chosen one is told", () => {
  for (const [rest, expected] of [
    [[], []],
    [["chat"], "chat"],
    [[["a", "b"]], ["a", "b"]],
    [[["a"], { queue: 1 }], ["a"]],
    [[{ queue: 1 }], []],
  ]) {
    const world = new World();
    const page = world.make("wss://example.org/", ...rest);
    assert.deepEqual(world.socket.protocols, expected);
    assert.equal(page.protocol, "");
    world.socket.open({ protocol: "b", extensions: "permessage-deflate" }).receive(HELLO).end();
    assert.deepEqual(world.next().protocols, expected);
    assert.deepEqual([page.protocol, page.extensions], ["b", "permessage-deflate"]);
  }
});

test("handlers are called beside listeners, and can be replaced and removed", () => {
  const world = new World();
  const page = world.make();
  const seen = [];
  assert.equal(page.onmessage, null);
  page.onmessage = function (event) {
    seen.push([this === page, event.target === page, event.data, event.origin]);
  };
  page.onclose = ({ code, reason, wasClean }) => seen.push([code, reason, wasClean]);
  page.onreconnecting = ({ delay, code, reason }) => seen.push([delay, code, reason]);
  world.socket.open().receive("a");
  page.onmessage = null;
  world.socket.receive("b").end(1011, "sorry");
  world.next().open().end(4000, "enough");
  assert.deepEqual(seen, [
    [true, true, "a", "ws://localhost"],
    [0.05, 1011, "sorry"],
    [4000, "enough", true],
  ]);
});

test("binary messages are blobs, or array buffers if the page likes", async () => {
  const world = new World();
  const page = world.make();
  const received = [];
  page.onmessage = ({ data }) => received.push(data);
  world.socket.open().receive(HELLO, at({ r: "new" }), bytes("AbCdEfGh:17;one"));
  page.binaryType = "arraybuffer";
  world.socket.receive(bytes(";two"), bytes(";"), ";");
  assert.equal(await received[0].text(), "one");
  assert.ok(received[1] instanceof ArrayBuffer);
  assert.deepEqual(received[1], bytes("two"));
  assert.deepEqual(received.slice(2), [new ArrayBuffer(0), ""]);
});

test("a header is not looked for in the whole of a large message", () => {
  const world = new World();
  const page = world.make();
  page.binaryType = "arraybuffer";
  const large = new Uint8Array(1_000_000);
  large[0] = 59;
  world.socket.open().receive(HELLO, large.buffer);
  assert.equal(page.log[1][1].byteLength, 999_999);
  large.reverse();
  world.socket.receive(large.buffer);
  assert.equal(world.socket.closed[0], 4400);
});

test("what is sent before there is a connection is sent then, after what open sends", () => {
  const world = new World();
  const page = world.make();
  page.onopen = () => page.send("join");
  page.send("é");
  const view = new Uint8Array([1, 2, 3]);
  page.send(view);
  view[0] = 9; // later, as a page may use its memory again
  assert.equal(page.bufferedAmount, 5);
  world.socket.open().receive(HELLO);
  assert.deepEqual(world.socket.sent, ["join", "é", new Uint8Array([1, 2, 3])]);
  assert.equal(page.bufferedAmount, 0);
  page.send("at once");
  assert.equal(world.socket.sent.at(-1), "at once");
  world.socket.end();
  page.send("later");
  world.next().open().receive(HELLO);
  assert.deepEqual(world.socket.sent, ["join", "later"]);
});

test("what is sent while a connection is closing waits for the next one", () => {
  const world = new World();
  const page = world.make();
  world.socket.open().receive(HELLO);
  world.socket.readyState = 2; // the browser knows, and will tell
  page.send("not lost");
  world.socket.end();
  world.next().open().receive(HELLO);
  assert.deepEqual(world.socket.sent, ["not lost"]);
});

test("the queue has a bound, and may have no room at all", () => {
  const world = new World();
  const page = world.make();
  for (let i = 0; i < 100; i++) page.send(`${i}`);
  assert.throws(() => page.send("100"), { name: "InvalidStateError" });
  const other = world.make("wss://example.org/", { queue: 0 });
  assert.throws(() => other.send("0"), { name: "InvalidStateError" });
  world.socket.open().receive(HELLO);
  other.send("1");
  assert.deepEqual(world.socket.sent, ["1"]);
});

test("close() is passed on, and told once the server has answered", () => {
  const world = new World();
  const page = world.make();
  world.socket.open().receive(HELLO);
  assert.throws(() => page.close(1001), { name: "InvalidAccessError" });
  assert.equal(page.readyState, 1);
  page.close(3000, "bye");
  page.send("into the void");
  page.close();
  assert.equal(page.readyState, 2);
  assert.deepEqual(world.socket.closed, [3000, "bye"]);
  world.socket.end(3000, "bye");
  assert.equal(page.readyState, 3);
  assert.deepEqual(page.log, [["open"], ["close", 3000]]);
  page.close(); // which does no harm
});

test("close() before there is a connection ends it", () => {
  const world = new World();
  const page = world.make();
  page.close();
  assert.equal(page.readyState, 2);
  world.socket.end(1006);
  world.clock.pass(60_000);
  assert.deepEqual(page.log, [["error"], ["close", 1006]]);
  assert.equal(world.sockets.length, 1);
});

test("close() between two connections ends it without a third", () => {
  for (const [given, expected] of [
    [[], 1005],
    [[1000, "done"], 1000],
  ]) {
    const world = new World();
    const page = world.make();
    const told = [];
    page.onclose = ({ code, reason, wasClean }) => told.push([code, reason, wasClean]);
    world.socket.open().receive(HELLO).end();
    assert.throws(() => page.close(1), { name: "InvalidAccessError" });
    page.close(...given);
    page.close();
    assert.deepEqual(told, []); // not before close() has returned
    world.clock.pass(60_000);
    world.tell("online");
    world.tell("pageshow");
    assert.deepEqual(told, [[expected, given[1] ?? "", true]]);
    assert.equal(world.sockets.length, 1);
    assert.equal(world.clock.timers.size, 0);
  }
});

test("close() in a handler counts at once", () => {
  for (const type of ["open", "reconnecting", "message"]) {
    const world = new World();
    const page = world.make();
    page.send("unsent");
    page["on" + type] = () => page.close();
    world.socket.open().receive(HELLO, ";x").end();
    world.clock.pass(60_000);
    assert.equal(page.readyState, 3, type);
    assert.equal(page.log.at(-1)[0], "close");
    assert.equal(world.sockets.length, 1);
    assert.equal(world.clock.timers.size, 0);
  }
});
