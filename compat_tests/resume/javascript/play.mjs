// Plays scenes to pages and prints what these were told: see test_random_frames.py.
// stdin: [[message, ...], ...], a list of connections, for each scene; a message is text, or {base64}.

import { readFileSync } from "node:fs";

import { HELLO, World } from "./world.mjs";

const toBytes = ({ base64 }) => {
  const { buffer, byteOffset, length } = Buffer.from(base64, "base64");
  return buffer.slice(byteOffset, byteOffset + length);
};
const toBase64 = (data) => ({ base64: Buffer.from(data).toString("base64") });

function play(connections) {
  const world = new World();
  const page = world.make();
  page.binaryType = "arraybuffer";
  const played = connections.map((messages, index) => {
    const { socket } = world;
    socket.open();
    for (const message of messages) {
      socket.receive(typeof message === "string" ? message : toBytes(message));
    }
    const closed = socket.closed?.[0] ?? null;
    if (closed === null) socket.end();
    world.next();
    const events = page.log.splice(0).map(([type, data]) => {
      if (data === undefined) return [type];
      return [type, data instanceof ArrayBuffer ? toBase64(data) : data];
    });
    return { claim: socket.claim, closed, events };
  });
  // Whatever came, the next connection is one like any other.
  world.socket.open().receive(HELLO, ";still here");
  return { played, after: page.log };
}

const scenes = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(scenes.map(play)));
