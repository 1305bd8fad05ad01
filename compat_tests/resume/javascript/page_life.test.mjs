// Pages that are left and come back, are loaded again, and are open in several tabs.

import assert from "node:assert/strict";
import { test } from "node:test";

import { HELLO, World, at, control } from "./world.mjs";

const URL = "wss://example.org/ws/";
const POSITION = "AbCdEfGh.q1w2e3.17.k1";

/** A tab whose page has got message 17. */
function tab(options = {}, sessionStorage) {
  const world = new World({ sessionStorage });
  const page = world.make(URL, { store: world.sessionStorage, ...options });
  return { world, page };
}

function talking(options) {
  const { world, page } = tab(options);
  world.socket.open().receive(HELLO, at({ r: "new" }), "AbCdEfGh:17;x");
  return { world, page };
}

test("a page that is kept for the way back has no connection, and goes on where it was", () => {
  const { world, page } = talking({ store: undefined });
  world.tell("pagehide");
  world.show(true); // as browsers do after it
  assert.equal(world.socket.readyState, 2);
  world.clock.pass(60_000); // a browser that lets timers run on has the page make none, either
  assert.equal(world.sockets.length, 1);
  world.document.hidden = false;
  world.tell("pageshow");
  assert.equal(world.sockets.length, 2);
  assert.equal(world.socket.claim, `1.tok1~${POSITION}`);
  world.socket.open().receive(HELLO, at({ o: 17, r: "ok" }), control({ t: "live", g: "AbCdEfGh" }));
  assert.deepEqual(page.log.slice(2), [
    ["reconnecting"],
    ["open"],
    ["resumed", { group: null, recovered: true, why: null }],
  ]);
});

test("a page that waits for its connection waits no longer once it is left", () => {
  const { world } = talking();
  world.socket.end();
  world.tell("pagehide");
  world.clock.pass(60_000);
  assert.equal(world.sockets.length, 1);
  world.tell("pageshow");
  assert.equal(world.sockets.length, 2);
});

test("pageshow after the load does nothing", () => {
  const { world, page } = talking();
  world.tell("pageshow");
  world.clock.pass(10_000);
  assert.equal(world.sockets.length, 1);
  assert.deepEqual(page.log, [["open"], ["message", "x"]]);
});

test("a page that is loaded again goes on where the one before ended", () => {
  const before = talking();
  before.world.tell("pagehide");
  const after = tab({}, before.world.sessionStorage);
  assert.equal(after.world.socket.claim, `1.tok1~${POSITION}`);
});

test("halves of entries are kept over a load, too", () => {
  const before = talking();
  before.world.socket.receive("AbCdEfGh:18.0;a", "AbCdEfGh:18.1;b");
  before.world.tell("pagehide");
  const after = tab({}, before.world.sessionStorage);
  assert.equal(after.world.socket.claim, "1.tok1~AbCdEfGh.q1w2e3.17.2.k1");
});

test("without a store a page that is loaded again begins anew", () => {
  const { world } = talking({ store: undefined });
  world.tell("pagehide");
  assert.equal(world.sessionStorage.items.size, 0);
});

test("a socket that has ended leaves nothing behind", () => {
  const { world } = talking();
  world.socket.end(1000);
  world.tell("pagehide");
  assert.equal(world.sessionStorage.items.size, 0);
});

test("sockets with other addresses have other positions", () => {
  const { world } = talking();
  world.tell("pagehide");
  const other = new World({ sessionStorage: world.sessionStorage });
  other.make("wss://example.org/other/", { store: other.sessionStorage });
  assert.equal(other.socket.claim, "1");
  assert.equal(tab({}, world.sessionStorage).world.socket.claim, `1.tok1~${POSITION}`);
});

test("a duplicated tab begins anew, and the first one goes on", () => {
  const first = talking();
  first.world.tell("pagehide");
  const reloaded = tab({}, first.world.sessionStorage);
  const copy = tab({}, reloaded.world.sessionStorage.copy());
  assert.equal(copy.world.socket.claim, "1");
  assert.equal(reloaded.world.socket.claim, `1.tok1~${POSITION}`);
});

test("a page back from the cache takes its positions with it", () => {
  const { world } = talking();
  world.tell("pagehide");
  world.tell("pageshow");
  assert.equal(world.sessionStorage.items.size, 0);
});

test("what a page was rendered with says more than what the one before had", () => {
  const { world } = talking();
  world.socket.receive(at({ g: "b-_45678", e: "z", o: 3, k: "kb", r: "new" }));
  world.tell("pagehide");
  const from = "AbCdEfGh.q1w2e3.30.kp";
  const after = tab({ from }, world.sessionStorage);
  assert.equal(after.world.socket.claim, `1.tok1~b-_45678.z.3.kb~${from}`);
});

test("from takes one position, several, several in one, or none", () => {
  const [one, two] = ["AbCdEfGh.q1w2e3.16.kp", "b-_45678.z.0.kq"];
  for (const [from, expected] of [
    [one, `1~${one}`],
    [[one, two], `1~${one}~${two}`],
    [`${one}~${two}`, `1~${one}~${two}`],
    ["", "1"],
    [[], "1"],
    [undefined, "1"],
  ]) {
    assert.equal(tab({ from }).world.socket.claim, expected);
  }
});

test("the hundred groups heard of last are claimed, the latest last", () => {
  const { world } = tab();
  world.socket.open().receive(HELLO);
  const tag = (i) => `g${String(i).padStart(7, "0")}`;
  for (let i = 0; i < 150; i++)
    world.socket.receive(at({ g: tag(i), e: "e", o: i, k: "k", r: "new" }));
  world.socket.receive(`${tag(7)}:8;x`);
  world.socket.end();
  const claimed = world.next().claim.split("~").slice(1);
  assert.equal(claimed.length, 100);
  assert.equal(claimed[0], `${tag(51)}.e.51.k`);
  assert.deepEqual(claimed.slice(-2), [`${tag(149)}.e.149.k`, `${tag(7)}.e.8.k`]);
});

test("no more groups are claimed than a request line has room for", () => {
  const { world } = tab();
  world.socket.open().receive(HELLO);
  const long = { e: "e".repeat(16), o: 10 ** 15 - 1, k: "k".repeat(64), r: "new" };
  for (let i = 0; i < 100; i++)
    world.socket.receive(at({ g: `g${String(i).padStart(7, "0")}`, ...long }));
  world.socket.end();
  const { claim } = world.next();
  assert.ok(claim.length < 6_200);
  const [version, ...positions] = claim.split("~");
  assert.equal(version, "1.tok1");
  assert.ok(positions.length > 50);
  for (const position of positions) assert.match(position, /^g\d{7}\.e{16}\.9{15}\.k{64}$/);
  assert.match(positions.at(-1), /^g0000099/);
});

test("a worker, which has no document, can have a socket", () => {
  const world = new World();
  world.page.document = undefined;
  const page = world.make();
  world.socket.open().receive(HELLO).end();
  world.tell("online");
  world.socket.open().receive(HELLO);
  assert.deepEqual(page.log, [["open"], ["reconnecting"], ["open"]]);
});
