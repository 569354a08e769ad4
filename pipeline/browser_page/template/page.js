// The page: what is drawn or dropped is brought to size, given to the network, and its answer shown.
//
// What follows # in the address is drawn or read first, so that a picture can be linked to: #draw=0.3,0.2;0.7,0.2|...
// (strokes, a | between them, their points from 0 to 1), or #picture=NAME of a file beside the page.

import { InferenceSession, Tensor, env } from "./ort.wasm.bundle.min.mjs";
import { prepare } from "./prepare.js";

const SIDE = 320; // of the paper's longer side, in its own pixels
const MAX_PIXELS = 5e7;
const MAX_BARS = 12;
const at = (id) => document.getElementById(id);
const [paper, small] = [at("paper"), at("small")];
const pen = paper.getContext("2d", { willReadFrequently: true });
let about, session, isEmpty = true, isBusy = false, isWaiting = false, picture = null;

start().catch((error) => say(`The network cannot be run: ${error.message}`));

async function start() {
  env.wasm.numThreads = 1; // several need headers that a plain server of files does not send
  env.logLevel = "error";
  const answered = await fetch("about.json");
  if (!answered.ok) throw new Error(`about.json: ${answered.status}`);
  about = await answered.json();
  const [H, W, C] = about.size;
  const grey = C === 1 ? "grey levels" : "colours";
  document.title = `${about.run} in the browser`;
  at("title").textContent = about.run;
  at("hint").textContent = C === 1
    ? "Draw as large as the paper, or drop a picture here."
    : "Drop a picture here, or choose one.";
  at("size").textContent = `${W} × ${H} pixels, ${grey}; ${fitInWords(about.fit)}`;
  const said = [about.dataset && `trained on ${about.dataset}`, about.licence && `data under ${about.licence}`];
  if (about.metric) said.push(`${about.metric[0]} ${about.metric[1].toFixed(4)} on its test examples`);
  at("lead").textContent = said.filter(Boolean).join("; ") || "A trained network, exported by saccade.";
  at("facts").textContent = `Run ${about.identity.slice(0, 12) || "without an identity"}, ${about.runtime}.`;
  [paper.width, paper.height] = H > W ? [Math.round((SIDE * W) / H), SIDE] : [SIDE, Math.round((SIDE * H) / W)];
  at("bright").checked = !about.is_dark;
  at("swap").hidden = C !== 1;
  paper.classList.toggle("draws", C === 1);
  clear();
  session = await InferenceSession.create("model.onnx", { executionProviders: ["wasm"] });
  listen();
  await fromAddress();
  document.body.dataset.state ??= "ready";
}

function fitInWords(fit) {
  if (fit === "crop") return "the middle is cut out of pictures of other proportions";
  return fit === "pad" ? "pictures of other proportions are padded with black" : "pictures are stretched to it";
}

// --- what is given ------------------------------------------------------------------------------------------------

function listen() {
  let last = null;
  const place = (event) => {
    const box = paper.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  };
  paper.addEventListener("pointerdown", (event) => {
    if (about.size[2] !== 1) return;
    if (picture) clear();
    paper.setPointerCapture(event.pointerId);
    last = place(event);
    stroke([last, last]);
    ask();
  });
  paper.addEventListener("pointermove", (event) => {
    if (!last) return;
    const next = place(event);
    stroke([last, next]);
    last = next;
    ask();
  });
  for (const end of ["pointerup", "pointercancel"]) paper.addEventListener(end, () => { last = null; });
  at("clear").addEventListener("click", clear);
  at("bright").addEventListener("change", clear);
  at("file").addEventListener("change", (event) => { if (event.target.files[0]) show(event.target.files[0]); });
  const drop = at("drop");
  addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
  addEventListener("dragleave", () => drop.classList.remove("over"));
  addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    const [file] = event.dataTransfer.files;
    if (file) show(file);
  });
  addEventListener("hashchange", () => fromAddress());
}

async function fromAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  if (given.has("draw")) {
    clear();
    for (const points of given.get("draw").split("|")) {
      stroke(points.split(";").map((point) => point.split(",").map(Number)));
    }
    await ask();
  } else if (/^[\w-]+\.\w+$/.test(given.get("picture") ?? "")) {
    const answered = await fetch(given.get("picture"));
    if (answered.ok) await show(await answered.blob());
    else say(`${given.get("picture")} is not beside this page.`);
  }
}

function clear() {
  [isEmpty, picture] = [true, null];
  [pen.fillStyle, pen.strokeStyle] = at("bright").checked ? ["#fff", "#000"] : ["#000", "#fff"];
  pen.fillRect(0, 0, paper.width, paper.height);
  at("answer").textContent = "–";
  at("bars").replaceChildren();
  at("note").textContent = "";
  at("file").value = "";
  say("");
  small.width = 0;
}

function stroke(points) {
  if (!points.flat().every(Number.isFinite)) return say("The drawing in the address cannot be read.");
  isEmpty = false;
  pen.lineWidth = Math.min(paper.width, paper.height) / 9;
  pen.lineCap = pen.lineJoin = "round";
  pen.beginPath();
  points.forEach(([x, y], i) => pen[i ? "lineTo" : "moveTo"](x * paper.width, y * paper.height));
  pen.stroke();
}

async function show(file) {
  clear();
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image", colorSpaceConversion: "none" });
  } catch {
    return say("This browser cannot read the file as a picture: give a PNG or a JPEG.");
  }
  const { width, height } = bitmap;
  if (width * height > MAX_PIXELS) return say(`The picture (${width} × ${height}) must have 50 million pixels at most.`);
  const whole = new OffscreenCanvas(width, height).getContext("2d");
  whole.fillStyle = "#fff"; // what is see-through shows white, as in preprocess
  whole.fillRect(0, 0, width, height);
  whole.drawImage(bitmap, 0, 0);
  picture = whole.getImageData(0, 0, width, height);
  const scale = Math.min(paper.width / width, paper.height / height);
  const [w, h] = [width * scale, height * scale];
  pen.drawImage(bitmap, (paper.width - w) / 2, (paper.height - h) / 2, w, h);
  isEmpty = false;
  await ask();
}

// --- what is answered -----------------------------------------------------------------------------------------------

async function ask() {
  if (isBusy) { isWaiting = true; return; }
  if (isEmpty || !session) return;
  isBusy = true;
  try {
    const [H, W, C] = about.size;
    const { data, width, height } = picture ?? pen.getImageData(0, 0, paper.width, paper.height);
    const begun = performance.now();
    const stored = prepare(data, width, height, about.size, about.fit);
    const prepared = performance.now();
    const given = { examples: new Tensor("uint8", stored, [1, H, W, C]) };
    const [found] = Object.values(await session.run(given));
    const ended = performance.now();
    tell(Array.from(found.data));
    drawSmall(stored);
    at("note").textContent = `brought to size in ${(prepared - begun).toFixed(1)} ms, answered in ${(ended - prepared).toFixed(1)} ms`;
  } catch (error) {
    say(`The network did not answer: ${error.message}`);
  }
  isBusy = false;
  if (isWaiting) { isWaiting = false; await ask(); }
}

function tell(values) {
  const { names, answer, thresholds, unsure_below: least } = about;
  const order = names.map((_, k) => k);
  const best = order.reduce((top, k) => (values[k] > values[top] ? k : top), 0);
  const has = order.filter((k) => answer === "labels" && values[k] >= thresholds[k]);
  const isUnsure = answer === "label" && least !== null && values[best] < least;
  const shown = names.length > MAX_BARS ? order.sort((a, b) => values[b] - values[a]).slice(0, MAX_BARS) : order;
  const title = at("answer");
  if (answer === "values") title.textContent = names.map((name, o) => `${name} ${Number(values[o].toPrecision(6))}`).join(", ");
  else if (answer === "labels") title.textContent = has.map((k) => names[k]).join(", ") || "none";
  else title.textContent = names[best];
  if (isUnsure) title.append(element("span", "badge", `unsure: below ${least.toFixed(4)}`));
  at("bars").replaceChildren(...(answer === "values" ? [] : shown.flatMap((k) => {
    const track = element("div", "track");
    const fill = element("div", "fill");
    fill.style.width = `${100 * values[k]}%`;
    track.append(fill);
    if (answer === "labels") {
      const mark = element("div", "mark");
      mark.style.left = `calc(${100 * thresholds[k]}% - 1px)`;
      track.append(mark);
    }
    return [element("dt", "", names[k]), track, element("dd", "", values[k].toFixed(4))];
  })));
  document.body.dataset.values = JSON.stringify(values);
  document.body.dataset.answer = title.textContent;
  document.body.dataset.state = "answered";
}

function drawSmall(stored) {
  const [H, W, C] = about.size;
  [small.width, small.height] = [W, H];
  const pixels = new ImageData(W, H);
  for (let i = 0; i < H * W; i++) {
    for (let c = 0; c < 3; c++) pixels.data[4 * i + c] = stored[i * C + (C === 3 ? c : 0)];
    pixels.data[4 * i + 3] = 255;
  }
  small.getContext("2d").putImageData(pixels, 0, 0);
}

function element(name, className, text = "") {
  const made = document.createElement(name);
  [made.className, made.textContent] = [className, text];
  return made;
}

function say(problem) {
  at("problem").textContent = problem;
  at("problem").hidden = !problem;
  if (problem) document.body.dataset.state = "problem";
}
