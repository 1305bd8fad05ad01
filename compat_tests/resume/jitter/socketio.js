// A Socket.IO server as its documentation has it, for the comparison; PORT, and "recovery" or not.
//
// Whoever connects is in one room. What is posted to /publish is sent to the room.
const { createServer } = require("node:http");
const { Server } = require(process.env.SOCKETIO || "socket.io");

const [port, mode] = process.argv.slice(2);

const http = createServer((request, response) => {
  if (request.method !== "POST") return response.end("ok");
  let body = "";
  request.on("data", (data) => { body += data; });
  request.on("end", () => {
    io.to("jitter").emit("message", { message: body });
    response.writeHead(204).end();
  });
});

const recovery = { maxDisconnectionDuration: 2 * 60 * 1000, skipMiddlewares: true };
const io = new Server(http, mode === "recovery" ? { connectionStateRecovery: recovery } : {});

io.on("connection", (socket) => { socket.join("jitter"); });

http.listen(Number(port), "127.0.0.1");
