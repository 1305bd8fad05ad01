// What a page is told of groups: what was missed, who is there; and what servers without the protocol say.

import assert from "node:assert/strict";
import { test } from "node:test";

import { HELLO, World, at, control } from "./world.mjs";

const LIVE = control({ t: "live", g: "AbCdEfGh" });
const gap = (why) => ["resumed", { group: null, recovered: false, why }];
const WHOLE = ["resumed", { group: null, recovered: true, why: null }];

function talking() {
  const world = new World();
  const page = world.make();
  world.socket.open().receive(HELLO);
  return { world, page };
}

/** Lose the connection and make another, which begins with these messages. */
function again({ world, page }, ...messages) {
  world.socket.end();
  world.next().open();
  page.log.length = 0;
  world.socket.receive(HELLO, ...messages);
}

test("recovered is what is known of this connection", () => {
  const { world, page } = talking();
  world.socket.receive(at({ r: "new" }));
  assert.equal(page.recovered, null);
  again({ world, page });
  assert.equal(page.recovered, null);
  world.socket.receive(at({ r: "ok" }));
  assert.equal(page.recovered, null); // as long as some are under way
  world.socket.receive(LIVE);
  assert.equal(page.recovered, true);
  world.socket.receive(at({ g: "b-_45678", r: "gap", why: "expired" }));
  assert.equal(page.recovered, false);
  world.socket.receive(at({ g: "c-_45678", r: "ok" }), control({ t: "live", g: "c-_45678" }));
  assert.equal(page.recovered, false);
  again({ world, page });
  assert.equal(page.recovered, null);
});

test("a page is told of a gap before the messages after it", () => {
  const { world, page } = talking();
  world.socket.receive(at({ r: "new" }));
  again({ world, page }, at({ o: 50, r: "gap", why: "expired" }), "AbCdEfGh:51;x");
  assert.deepEqual(page.log, [["open"], gap("expired"), ["message", "x"]]);
});

test("a group that is joined anew is a gap only if the page had been in it", () => {
  const { world, page } = talking();
  world.socket.receive(at({ r: "new" }));
  again({ world, page }, at({ r: "new" }));
  assert.deepEqual(page.log, [["open"], gap("unknown")]);
  world.socket.receive(control({ t: "left", g: "AbCdEfGh" }), at({ r: "new" }));
  assert.equal(page.log.length, 2);
});

test("presence without a position is no reason to miss anything", () => {
  const { world, page } = talking();
  world.socket.receive(control({ t: "here", g: "AbCdEfGh", v: 1, n: 1 }));
  page.log.length = 0;
  world.socket.receive(at({ r: "new" }));
  assert.deepEqual(page.log, []);
});

test("a name is remembered over connections", () => {
  const { world, page } = talking();
  world.socket.receive(at({ n: "room", r: "new" }));
  again({ world, page }, at({ r: "ok" }), LIVE);
  assert.deepEqual(page.log.at(-1), ["resumed", { group: "room", recovered: true, why: null }]);
});

test("a server without the protocol is understood as it is", () => {
  const { world, page } = talking();
  world.socket.receive(at({ r: "new" }));
  world.socket.end();
  world.next().open();
  page.log.length = 0;
  const messages = ["AbCdEfGh:17;x", "!{", ';"', "", HELLO, "!"];
  world.socket.receive(...messages);
  assert.deepEqual(page.log, [["open"], ...messages.map((data) => ["message", data])]);
  world.clock.pass(600_000); // nor is it given up for silence
  assert.equal(world.sockets.length, 2);
  world.tell("offline");
  assert.equal(page.readyState, 1);
});

test("a message that only resembles hello is a message", () => {
  for (const first of ["{}", "!", ' !{"t":"hello"}', '!{"v":1,"t":"hello"}', '!{"t":"hallo"}']) {
    const world = new World();
    const page = world.make();
    world.socket.open().receive(first, ";x");
    assert.deepEqual(page.log, [["open"], ["message", first], ["message", ";x"]]);
  }
});

test("positions are of no use after a server without the protocol has spoken", () => {
  const { world, page } = talking();
  world.socket.receive(at({ r: "new" }));
  world.socket.end();
  world.next().open().end(); // it said nothing: nothing can have come twice
  assert.equal(world.next().claim, "1.tok1~AbCdEfGh.q1w2e3.16.k1");
  world.socket.open().receive("from elsewhere").end();
  assert.equal(world.next().claim, "1.tok1");
  page.log.length = 0;
  world.socket.open().receive(HELLO, at({ o: 30, r: "new" }));
  assert.deepEqual(page.log, [["open"], gap("unknown")]);
});

test("presence names who came and who went, over connections as well", () => {
  const { world, page } = talking();
  const here = (people) => control({ t: "here", g: "AbCdEfGh", v: 1, n: 2, in: people });
  world.socket.receive(at({ n: "room", r: "new" }), here({ 1: { name: "Ann" }, 2: null }));
  assert.deepEqual(
    [...page.presence("room")],
    [
      ["1", { name: "Ann" }],
      ["2", null],
    ],
  );
  let told;
  page.onpresence = (event) => (told = event);
  again({ world, page }, at({ r: "ok" }), LIVE, here({ 2: null, 3: { name: "Cy" } }));
  assert.deepEqual([...told.joined], [["3", { name: "Cy" }]]);
  assert.deepEqual([...told.left], [["1", { name: "Ann" }]]);
  assert.equal(told.members, page.presence());
  world.socket.receive(
    control({ t: "diff", g: "AbCdEfGh", v: 2, n: 2, in: { 2: { name: "Bo" } } }),
  );
  assert.deepEqual([told.joined.size, told.left.size], [0, 0]);
  assert.deepEqual(page.presence("room").get("2"), { name: "Bo" });
});

test("a count without names is a count", () => {
  const { world, page } = talking();
  const tell = (fields) => world.socket.receive(control({ t: "diff", g: "AbCdEfGh", ...fields }));
  tell({ t: "here", v: 1, n: 1, in: { 1: null } });
  tell({ v: 2, n: 500 });
  assert.deepEqual(page.log.at(-1)[1], {
    group: null,
    count: 500,
    members: {},
    joined: {},
    left: {},
  });
  assert.equal(page.presence().size, 0);
});

test("presence() tells groups apart by their names", () => {
  const { world, page } = talking();
  assert.equal(page.presence().size, 0);
  world.socket.receive(
    at({ n: "a", r: "new" }),
    at({ g: "b-_45678", n: "b", r: "new" }),
    control({ t: "here", g: "b-_45678", v: 1, n: 1, in: { 7: null } }),
  );
  assert.equal(page.presence("b").size, 1);
  assert.equal(page.presence().size, 1);
  assert.equal(page.presence("a").size, 0);
  world.socket.receive(control({ t: "left", g: "b-_45678" }));
  assert.equal(page.presence("b").size, 0);
});

test("keys that objects have already are keys like others", () => {
  const { world, page } = talking();
  world.socket.receive(
    '!{"t":"here","g":"AbCdEfGh","v":1,"n":2,"in":{"__proto__":{"x":1},"toString":2}}',
  );
  assert.deepEqual(
    [...page.presence()],
    [
      ["__proto__", { x: 1 }],
      ["toString", 2],
    ],
  );
  assert.equal({}.x, undefined);
});
