"use strict";
const served = JSON.parse(document.getElementById("served").textContent);
const at = (name) => document.getElementById(name);
const SHOWN = 8;
let asked = 0;

function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

async function send(path, options) {
  const response = await fetch(path, { method: "POST", ...options });
  const body = await response.json();
  if (!response.ok) throw new Error(body.error);
  return body;
}

async function ask(options) {
  const number = ++asked;
  at("error").hidden = true;
  if (served.explains) at("seen").hidden = true;
  document.body.setAttribute("aria-busy", "true");
  const began = performance.now();
  try {
    const body = await send("predict", options);
    if (number !== asked) return;
    show(body, performance.now() - began);
    if (served.explains) explain(options, number);
  } catch (error) {
    if (number !== asked) return;
    at("result").hidden = true;
    at("nothing").hidden = true;
    at("error").textContent = error instanceof TypeError ? "The server does not answer: is it still running?" : error.message;
    at("error").hidden = false;
  } finally {
    document.body.removeAttribute("aria-busy");
  }
}

function show(body, elapsed) {
  at("nothing").hidden = true;
  at("result").hidden = false;
  at("answers").replaceChildren(...body.answers.slice(0, 20).map(answerOf));
  const notes = [...(body.notes || []), ...(body.answers.length > 20 ? [`and ${body.answers.length - 20} more`] : [])];
  at("notes").textContent = [...notes, `${Math.round(elapsed)} ms, there and back`].join(" · ");
}

function answerOf(answer) {
  if (answer.characters) {
    const letters = answer.characters.map((one) =>
      one.unsure ? make("mark", { textContent: one.text, title: `unsure: ${one.probability.toFixed(3)}` })
        : make("span", { textContent: one.text }));
    const sure = make("p", { className: "soft", textContent: `confidence ${answer.confidence.toFixed(4)}; marked: unsure` });
    return make("div", { className: "one" }, make("div", { className: "answer" }, ...letters), sure);
  }
  if (answer.values) {
    const rows = Object.entries(answer.values).map(([name, value]) =>
      make("tr", {}, make("td", { textContent: name }), make("td", { textContent: String(value), className: "number" })));
    return make("div", {}, make("table", {}, make("tbody", {}, ...rows)));
  }
  const title = make("div", { className: "answer" }, answer.labels ? answer.labels.join(", ") || "none" : answer.label);
  if (answer.unsure) title.append(make("span", { className: "badge", textContent: "unsure" }));
  const bars = barsOf(answer);
  return make("div", { className: "one" }, title, ...bars);
}

function barsOf(answer) {
  const all = Object.entries(answer.probabilities).sort((one, other) => other[1] - one[1]); // an object sorts "10" before "2"
  const list = make("dl", { className: "bars" });
  const fill = (entries) => list.replaceChildren(...entries.flatMap(([name, p]) => barOf(answer, name, p)));
  fill(all.slice(0, SHOWN));
  if (all.length <= SHOWN) return [list];
  const more = make("button", { className: "plain", type: "button", textContent: `all ${all.length} classes` });
  more.onclick = () => { fill(all); more.remove(); };
  return [list, more];
}

function barOf(answer, name, p) {
  const bar = make("span", { className: "fill" });
  bar.style.width = `${100 * p}%`;
  const track = make("dd", { className: "track" }, bar);
  if (answer.thresholds) {
    const mark = make("span", { className: "mark", title: `threshold ${answer.thresholds[name]}` });
    mark.style.left = `${100 * answer.thresholds[name]}%`;
    track.append(mark);
  }
  const isSaid = answer.labels ? answer.labels.includes(name) : answer.label === name;
  if (!isSaid) bar.classList.add("off");
  return [make("dt", { textContent: name }), track, make("dd", { className: "number", textContent: p.toFixed(4) })];
}

async function explain(options, number) {
  try {
    const { explanation } = await send("explain", options);
    if (number !== asked) return;
    const figures = [["what the network sees", explanation.picture],
      ...explanation.maps.map((one, place) => [captionOf(one, place), one.map])];
    at("maps").replaceChildren(...figures.map(([caption, uri]) =>
      make("figure", {}, make("img", { src: uri, alt: caption }), make("figcaption", { textContent: caption }))));
    at("how").textContent = `${explanation.method === "grad-cam" ? "Grad-CAM" : explanation.method}: bright is what speaks for the answer${explanation.layer ? `, by layer ${explanation.layer}` : ""}.`;
    at("seen").hidden = false;
  } catch (error) {
    console.warn(error.message);
  }
}

function captionOf(one, place) {
  const number = served.isOfClasses ? one.value.toFixed(4) : String(one.value);
  const rank = served.isOfClasses ? ["answer ", "runner-up "][place] || "" : "";
  return `${rank}${one.label} (${number})${one.has_evidence ? "" : ": nothing speaks for it"}`;
}

function form(file) {
  const body = new FormData();
  body.append("file", file, "file");
  return { body };
}

function json(value) {
  return { body: JSON.stringify(value), headers: { "Content-Type": "application/json" } };
}

function take(file) {
  if (!file) return;
  const preview = at("preview");
  URL.revokeObjectURL(preview.src);
  preview.src = URL.createObjectURL(file);
  preview.onload = () => { preview.hidden = false; preview.classList.toggle("small", preview.naturalWidth < 128); };
  preview.onerror = () => { preview.hidden = true; };
  at("hint").textContent = file.name || "pasted picture";
  ask(form(file));
}

function askAboutText() {
  const text = at("text").value;
  if (!text.trim()) return;
  if (served.input === "texts") ask(json({ texts: text.split("\n").filter((line) => line.trim()) }));
  else if (/^\s*\[/.test(text)) {
    try {
      ask(json({ [served.input]: JSON.parse(text) }));
    } catch (error) {
      ask({ body: `{"${served.input}": ${text}}`, headers: { "Content-Type": "application/json" } });
    }
  } else ask(form(new Blob([text.endsWith("\n") ? text : text + "\n"], { type: "text/csv" })));
}

if (served.input === "images") {
  const drop = at("drop");
  at("file").onchange = (event) => take(event.target.files[0]);
  for (const name of ["dragenter", "dragover"]) drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("over"); });
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => { event.preventDefault(); drop.classList.remove("over"); take(event.dataTransfer.files[0]); });
  document.addEventListener("paste", (event) => take([...event.clipboardData.files][0]));
} else {
  at("ask").onclick = askAboutText;
  at("text").onkeydown = (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) askAboutText(); };
}
