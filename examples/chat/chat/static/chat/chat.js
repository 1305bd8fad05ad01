// One room's page. The server's side of the conversation is described in consumers.py.

const FIRST_DELAY = 500; // ms before the first attempt to reconnect; doubles up to LONGEST_DELAY
const LONGEST_DELAY = 10_000;
const HEARTBEAT = 15_000; // ms between our own "here"s
const GONE_AFTER = 40_000; // ms without a sign of life
const TYPING_PAUSE = 2_000; // ms between our own "typing"s
const TYPING_SHOWN = 4_000;

const element = (id) => document.getElementById(id);
const room = document.querySelector(".room").dataset.room;

let socket = null;
let myName = null;
let delay = FIRST_DELAY;
let retry = null; // the timer of the next attempt to connect
const shown = new Set(); // ids of the messages on the page
const people = new Map(); // id of a connection -> {name, seen}
const typing = new Map(); // name -> when we heard of it

// Connection

function connect() {
  setStatus("connecting", "Connecting…");
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  socket = new WebSocket(`${scheme}://${location.host}/ws/chat/${room}/${location.search}`);
  socket.onmessage = (event) => {
    const { type, ...content } = JSON.parse(event.data);
    handlers[type](content);
  };
  socket.onclose = () => reconnectLater();
}

function reconnectLater() {
  // Random, so that a thousand pages do not all come back in the same moment.
  const pause = delay * (0.5 + Math.random() / 2);
  delay = Math.min(delay * 2, LONGEST_DELAY);
  element("worker").textContent = "–";
  setStatus("lost", `Connection lost – trying again in ${Math.ceil(pause / 1000)} s`);
  retry = setTimeout(connect, pause);
}

// A browser may keep a page that one has left, and its connection with it: then nobody is here.
addEventListener("pagehide", () => {
  clearTimeout(retry);
  socket.onclose = null;
  socket.close();
});
addEventListener("pageshow", (event) => event.persisted && connect());

function send(content) {
  if (socket?.readyState !== WebSocket.OPEN) return false;
  socket.send(JSON.stringify(content));
  return true;
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
    delay = FIRST_DELAY;
    people.clear();
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
  presence({ event, id, name }) {
    if (event === "left") people.delete(id);
    else people.set(id, { name, seen: Date.now() });
    showPeople();
  },
};

// What the page shows

function showMessage({ id, author, text, at }) {
  if (shown.has(id)) return;
  shown.add(id);
  const list = element("messages");
  const atBottom = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
  const kind = !author ? "announcement" : author === myName ? "mine" : "theirs";
  const previous = list.lastElementChild;
  const item = create("li", { className: kind });
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

function showPeople() {
  const names = [...new Set([...people.values()].map((person) => person.name))].sort();
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
  if (Date.now() - typingSaid > TYPING_PAUSE && send({ type: "typing" })) typingSaid = Date.now();
});

element("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = element("text").value.trim();
  if (text && send({ type: "say", text })) element("text").value = "";
  typingSaid = 0;
});

setInterval(() => {
  send({ type: "here" });
  for (const [id, { seen }] of people) if (Date.now() - seen > GONE_AFTER) people.delete(id);
  showPeople();
}, HEARTBEAT);

connect();
