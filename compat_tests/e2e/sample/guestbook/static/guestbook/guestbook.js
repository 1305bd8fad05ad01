const socket = new WebSocket(`ws://${location.host}/guests/`);

socket.onmessage = (event) => {
  const names = JSON.parse(event.data);
  document.querySelector("#guests").textContent = names.join(", ") || "nobody";
};

document.querySelector("form").onsubmit = (event) => {
  event.preventDefault();
  socket.send(JSON.stringify({ name: document.querySelector("#name").value }));
};
