// When another connection is made, and when not.

import assert from "node:assert/strict";
import { test } from "node:test";

import { HELLO, World, at, control } from "./world.mjs";

const FINAL = [1000, 1002, 1003, 1007, 1008, 1010, 3000, 3999, 4000, 4403, 4999];
const TEMPORARY = [1001, 1005, 1006, 1009, 1011, 1012, 1013, 1014, 1015];

/** A page whose socket is open and speaks the protocol. */
function talking(options) {
  const world = new World();
  const page = world.make("wss://example.org/", options);
  world.socket.open().receive(HELLO);
  page.log.length = 0;
  return { world, page };
}

for (const code of FINAL) {
  test(`${code} is the end`, () => {
    const { world, page } = talking();
    world.socket.end(code);
    world.clock.pass(60_000);
    world.tell("online");
    world.show(false);
    assert.deepEqual(page.log, [["close", code]]);
    assert.equal(world.sockets.length, 1);
    assert.equal(world.clock.timers.size, 0);
  });
}

for (const code of TEMPORARY) {
  test(`${code} is not the end`, () => {
    const { world, page } = talking();
    world.socket.end(code);
    assert.equal(page.readyState, 0);
    world.next().open().receive(HELLO);
    assert.deepEqual(page.log, [["reconnecting"], ["open"]]);
    assert.equal(page.readyState, 1);
  });
}

test("attempts come at random times within a growing bound", () => {
  const world = new World();
  const page = world.make();
  const delays = [];
  page.onreconnecting = ({ delay }) => delays.push(delay);
  world.random = 0.999;
  for (let i = 0; i < 12; i++) {
    world.socket.end();
    world.next();
  }
  assert.deepEqual(
    delays.map((delay) => +(delay / 0.999).toFixed(3)),
    [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30, 30, 30],
  );
  world.random = 0;
  world.socket.end();
  assert.ok(delays.at(-1) <= 1);
});

test("an attempt is made when its time has come, not before", () => {
  const { world } = talking();
  world.socket.end();
  world.clock.pass(49);
  assert.equal(world.sockets.length, 1);
  world.clock.pass(1);
  assert.equal(world.sockets.length, 2);
});

test("the bounds are the server's", () => {
  const world = new World();
  const page = world.make();
  const delays = [];
  page.onreconnecting = ({ delay }) => delays.push(delay);
  world.socket.open().receive(HELLO.replace("[0.1,30]", "[2,5]")).end();
  for (let i = 0; i < 3; i++) world.next().end();
  assert.deepEqual(delays, [1, 2, 2.5, 2.5]);
});

test("a connection that has lasted lets the next attempt be early again", () => {
  const { world, page } = talking();
  const delays = [];
  page.onreconnecting = ({ delay }) => delays.push(delay);
  for (let i = 0; i < 4; i++) {
    world.socket.end();
    world.next();
  }
  world.socket.open().receive(HELLO);
  world.clock.pass(1_500); // the bound is 1.6 s by now
  world.socket.end();
  world.next().open().receive(HELLO);
  world.clock.pass(8_500);
  world.socket.end();
  assert.deepEqual(delays, [0.05, 0.1, 0.2, 0.4, 0.8, 0.05]);
});

test("a consumer that always fails, at once or after a while, is asked ever less often", () => {
  for (const life of [150, 1_000, 4_000]) {
    const { world, page } = talking();
    const delays = [];
    page.onreconnecting = ({ delay }) => delays.push(delay);
    for (let i = 0; i < 6; i++) {
      world.clock.pass(life);
      world.socket.end(1011);
      world.next().open().receive(HELLO);
    }
    assert.deepEqual(delays, [0.05, 0.1, 0.2, 0.4, 0.8, 1.6], `${life} ms`);
  }
});

test("a network that is back, and a page that is looked at, do not wait", () => {
  for (const wake of [
    (world) => world.tell("online"),
    (world) => world.show(false),
    (world) => world.tell("pageshow"),
  ]) {
    const { world } = talking();
    world.random = 0.99;
    world.socket.end();
    world.show(true);
    assert.equal(world.sockets.length, 1);
    wake(world);
    assert.equal(world.sockets.length, 2);
    wake(world); // no third one
    world.clock.pass(1_000);
    assert.equal(world.sockets.length, 2);
  }
});

test("a network that is gone ends a connection, which would not notice", () => {
  const { world, page } = talking();
  const before = world.socket;
  world.tell("offline");
  assert.deepEqual(page.log, [["reconnecting"]]);
  assert.equal(before.readyState, 2);
  before.receive(";late").end();
  assert.deepEqual(page.log, [["reconnecting"]]);
  world.tell("offline");
  world.tell("online");
  assert.equal(world.sockets.length, 2);
});

test("bye: it leaves at a random time, and comes back at once", () => {
  const { world, page } = talking();
  world.socket.receive(control({ t: "bye", within: 30 }));
  world.clock.pass(5_000);
  world.socket.receive(control({ t: "bye", within: 2 })); // which it knows
  world.clock.pass(9_000);
  world.socket.receive(";still here");
  assert.deepEqual(page.log, [["message", "still here"]]);
  world.clock.pass(1_100);
  assert.equal(world.sockets.length, 2);
  assert.equal(world.sockets[0].readyState, 2);
  world.socket.open().receive(HELLO);
  for (let i = 0; i < 10; i++) {
    world.clock.pass(10_000); // and stays
    world.socket.receive(control({ t: "beat" }));
  }
  assert.equal(world.sockets.length, 2);
  world.socket.receive(control({ t: "bye", within: 2 }));
  world.clock.pass(1_100);
  assert.equal(world.sockets.length, 3);
});

test("bye: closed earlier, it comes back at once", () => {
  const { world } = talking();
  world.socket.receive(control({ t: "bye", within: 30 }));
  world.clock.pass(5_000);
  world.socket.end(1012);
  world.clock.pass(100);
  assert.equal(world.sockets.length, 2);
  world.socket.open().receive(HELLO);
  world.clock.pass(30_000);
  assert.equal(world.sockets.length, 2);
});

test("a server that says nothing for two beats is given up", () => {
  const { world, page } = talking();
  for (let i = 0; i < 4; i++) {
    world.clock.pass(25_000);
    world.socket.receive(control({ t: "beat" }));
  }
  world.clock.pass(49_000);
  assert.equal(page.log.length, 0);
  world.clock.pass(3_000);
  assert.deepEqual(page.log, [["reconnecting"]]);
  assert.equal(world.sockets[0].readyState, 2);
  world.next();
});

test("after a sleep it looks twice, as messages may wait to be read", () => {
  const { world, page } = talking();
  world.clock.sleep(600_000);
  world.clock.pass(0); // a timer that is late comes first
  world.socket.receive(";waited");
  world.clock.pass(30_000);
  assert.deepEqual(page.log, [["message", "waited"]]);
  world.clock.sleep(600_000);
  world.clock.pass(2_000);
  assert.equal(page.log.at(-1)[0], "reconnecting");
});

test("a handshake that nobody answers is given up, too", () => {
  const world = new World();
  const page = world.make();
  world.clock.pass(49_000);
  assert.equal(world.sockets.length, 1);
  world.clock.pass(5_000);
  assert.equal(world.sockets.length, 2);
  assert.deepEqual(page.log, [["reconnecting"]]);
});

test("open comes with hello, or without it after a moment; not for who is refused", () => {
  const world = new World();
  const page = world.make();
  world.socket.open();
  assert.equal(page.readyState, 0);
  world.clock.pass(100);
  assert.deepEqual(page.log, [["open"]]);
  world.socket.receive(HELLO, ";x");
  assert.deepEqual(page.log, [["open"], ["message", "x"]]);
  world.socket.end();
  world.next().open();
  world.socket.end(4403);
  world.clock.pass(1_000);
  assert.deepEqual(page.log.slice(2), [["reconnecting"], ["close", 4403]]);
});

test("nothing of a connection that was given up reaches the page", () => {
  const { world, page } = talking();
  const [first] = world.sockets;
  world.socket.receive("garbage");
  first.readyState = 1; // as if the browser had not noticed
  world
    .next()
    .open()
    .receive(HELLO, at({ r: "new" }));
  page.log.length = 0;
  first.receive(";x", control({ t: "bye", within: 0 }), "garbage").end(1000);
  world.clock.pass(10_000);
  assert.deepEqual(page.log, []);
  assert.equal(world.sockets.length, 2);
});

test("garbage, time and again, is met with patience", () => {
  const { world } = talking();
  for (let i = 0; i < 100; i++) {
    world.socket.receive("garbage");
    assert.equal(world.socket.closed[0], 4400);
    world.next().open().receive(HELLO);
  }
  const before = world.clock.now;
  world.random = 1;
  world.socket.receive("garbage");
  world.next();
  assert.ok(world.clock.now - before > 20_000);
});

test("numbers of the server's that are none make no haste", () => {
  for (const retry of ['["x",null]', "[]", '[null,"y"]']) {
    const { world } = talking();
    world.socket.end();
    world.next().open().receive(HELLO.replace("[0.1,30]", retry));
    world.clock.pass(1_000);
    world.socket.end();
    world.clock.pass(10);
    assert.equal(world.sockets.length, 2, retry);
    world.next();
  }
});
