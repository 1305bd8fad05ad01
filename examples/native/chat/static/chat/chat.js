// One room's page. The server's side of the conversation is described in consumers.py.

import { ResumableSocket } from "../channels_bridge/resumable.js";

const TYPING_PAUSE = 2_000; // ms between our own "typing"s
const TYPING_SHOWN = 4_000;

const element = (id) => document.getElementById(id);
const room = document.querySelector(".room").dataset.room;

const scheme = location.protocol === "https:" ? "wss" : "ws";
const socket = new ResumableSocket(`${scheme}://${location.host}/ws/chat/${room}/${location.search}`);

let myName = null;
const typing = new Map(); // name -> when we heard of it

// Connection

socket.onmessage = (event) => {
  const { type, ...content } = JSON.parse(event.data);
  handlers[type](content);
};

socket.addEventListener("reconnecting", ({ delay }) => {
  element("worker").textContent = "–";
  setStatus("lost", `Connection lost – trying again in ${Math.ceil(delay)} s`);
});

socket.addEventListener("presence", ({ members }) => showPeople([...members.keys()].sort()));

function send(content) {
  socket.send(JSON.stringify(content)); // kept while the connection is lost
}

function setStatus(state, text) {
  element("status").dataset.state = state;
  element("status").textContent = text;
  document.querySelector("#composer button").disabled = state !== "open";
}

// What the server says

const handlers = {
  welcome({ name, worker, messages }) {
    myName = name;
    element("worker").textContent = worker;
    setStatus("open", "Connected");
    messages.forEach(showMessage);
  },
  message(message) {
    typing.delete(message.author);
    showMessage(message);
    showTyping();
  },
  typing({ name }) {
    typing.set(name, Date.now());
    showTyping();
    setTimeout(showTyping, TYPING_SHOWN + 50);
  },
};

// What the page shows

function showMessage({ id, author, text, at }) {
  if (element(`message-${id}`)) return;
  const list = element("messages");
  const atBottom = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
  const kind = !author ? "announcement" : author === myName ? "mine" : "theirs";
  const previous = list.lastElementChild;
  const item = create("li", { id: `message-${id}`, className: kind });
  if (previous?.dataset.author === author) item.classList.add("continued");
  item.dataset.author = author;
  const when = new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  item.append(
    kind === "announcement" ? "" : avatar(author),
    create("b", { textContent: author || "Announcement" }),
    create("time", { textContent: when, dateTime: at }),
    create("p", { textContent: text }),
  );
  list.append(item);
  if (atBottom || kind === "mine") list.scrollTop = list.scrollHeight;
}

function showPeople(names) {
  element("people").replaceChildren(
    ...names.map((name) => {
      const item = create("li");
      item.append(avatar(name), create("b", { textContent: name }));
      if (name === myName) item.append(create("i", { textContent: "you" }));
      return item;
    }),
  );
}

function showTyping() {
  const names = [...typing].filter(([, at]) => Date.now() - at < TYPING_SHOWN).map(([name]) => name);
  const verb = names.length > 1 ? "are" : "is";
  element("typing").textContent = names.length ? `${names.join(", ")} ${verb} typing…` : "";
}

function avatar(name) {
  const hue = [...name].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 360, 7);
  const result = create("span", { className: "avatar", textContent: [...name][0].toUpperCase() });
  result.style.setProperty("--hue", hue);
  return result;
}

function create(tag, properties = {}) {
  return Object.assign(document.createElement(tag), properties);
}

// What the person does

let typingSaid = 0;
element("text").addEventListener("input", () => {
  if (socket.readyState !== socket.OPEN || Date.now() - typingSaid < TYPING_PAUSE) return;
  typingSaid = Date.now();
  send({ type: "typing" });
});

element("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = element("text").value.trim();
  if (text) send({ type: "say", text });
  element("text").value = "";
  typingSaid = 0;
});
