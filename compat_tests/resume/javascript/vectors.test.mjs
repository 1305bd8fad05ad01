// The protocol's test vectors for clients, each a talk between the server and a page.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { World } from "./world.mjs";

const { talks } = JSON.parse(readFileSync(new URL("../vectors.json", import.meta.url), "utf8"));

/** What happens at a step, and what is seen of it. */
const STEPS = {
  from(talk, positions) {
    talk.options.from = positions;
  },
  connect(talk, value) {
    if (talk.page) talk.world.next();
    else talk.page = talk.world.make("wss://example.org/", { ...talk.options });
    talk.page.binaryType = "arraybuffer";
    assert.equal(talk.world.socket.claim, value);
    talk.world.socket.open();
  },
  text(talk, data) {
    talk.world.socket.receive(data);
  },
  base64(talk, data) {
    const { buffer, byteOffset, length } = Buffer.from(data, "base64");
    talk.world.socket.receive(buffer.slice(byteOffset, byteOffset + length));
  },
  closed(talk, code) {
    talk.world.socket.end(code);
  },
  closes(talk, code) {
    assert.equal(talk.world.socket.closed[0], code);
  },
  events(talk, expected) {
    assert.deepEqual(talk.page.log.splice(0).map(written), expected);
  },
};

/** An event as the vectors write it. */
function written([type, data]) {
  if (data === undefined) return [type];
  if (type === "presence") return [type, { ...data, left: Object.keys(data.left) }];
  if (data instanceof ArrayBuffer) return [type, { base64: Buffer.from(data).toString("base64") }];
  return [type, data];
}

/** The positions, by tag, that the page leaves behind if it ends after these steps. */
function positionsAfter(steps) {
  const { world, page } = run(steps.filter((step) => !step.events && !step.positions));
  world.tell("pagehide");
  const [, ...positions] = world.sessionStorage.getItem(page.url).split("~");
  return Object.fromEntries(positions.map(parse));
}

function parse(position) {
  const [tag, epoch, offset, ...rest] = position.split(".");
  const ticket = rest.pop();
  return [tag, [epoch, +offset, +(rest[0] ?? 0), ticket]];
}

function run(steps) {
  const world = new World();
  const talk = { world, options: { store: world.sessionStorage } };
  for (const [index, step] of steps.entries()) {
    for (const [kind, value] of Object.entries(step)) {
      if (kind === "positions") assert.deepEqual(positionsAfter(steps.slice(0, index)), value);
      else STEPS[kind](talk, value);
    }
  }
  return talk;
}

for (const { name, steps } of talks) test(name, () => void run(steps));
