// Starts the player of a stand-alone page; joined behind player.js.

const element = document.getElementById("head");
const bytes = (id) => {
  const text = document.getElementById(id).textContent.trim();
  const binary = atob(text);
  const out = new Uint8Array(binary.length);
  for (let i = 0; i < out.length; i++) out[i] = binary.charCodeAt(i);
  return out;
};
const content = JSON.parse(document.getElementById("words").textContent);
content.heads = Array.from({ length: content.count }, (_, i) => bytes("head-" + i));
content.sound = content.hasSound ? bytes("sound") : null;
const poster = document.getElementById("poster");
// Without 3D the still stands in for the head; the player tells when it first tries to draw.
element.addEventListener("flat", () => (poster.hidden = false));
createPlayer(element, content);
poster.hidden = true;
for (const data of document.querySelectorAll("script.data")) data.remove();
