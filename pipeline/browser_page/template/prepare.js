// A picture brought to the size and channels of a network, by the arithmetic of saccade preprocess: Pillow's bilinear
// resizing in whole numbers, with its averaging of blocks before where a picture is more than six times as large.

const LUMA = [0.299, 0.587, 0.114].map(Math.fround); // ITU-R BT.601
const REDUCING_GAP = 3;
const BITS = 22; // of a weight, as in Pillow

// rgba: bytes of a picture without transparency; gives bytes in the order (height, width, channels).
export function prepare(rgba, width, height, [H, W, C], fit) {
  const planes = planesOf(rgba, width, height, C).map((plane) => fitted(plane, H, W, fit));
  const found = new Uint8Array(H * W * C);
  planes.forEach((plane, c) => plane.pixels.forEach((value, i) => { found[i * C + c] = value; }));
  return found;
}

function planesOf(rgba, width, height, channels) {
  const count = width * height;
  if (channels === 3) {
    return [0, 1, 2].map((c) => ({ width, height, pixels: Uint8Array.from({ length: count }, (_, i) => rgba[4 * i + c]) }));
  }
  const grey = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const [r, g, b] = [rgba[4 * i], rgba[4 * i + 1], rgba[4 * i + 2]];
    grey[i] = r === g && g === b ? r : halfToEven(Math.fround(r * LUMA[0] + g * LUMA[1] + b * LUMA[2]));
  }
  return [{ width, height, pixels: grey }];
}

function halfToEven(value) {
  const below = Math.floor(value);
  return value - below === 0.5 ? below + (below % 2) : Math.round(value);
}

function fitted(plane, H, W, fit) {
  const { width, height } = plane;
  if (width === W && height === H) return plane;
  if (fit === "crop") {
    const scale = Math.min(height / H, width / W);
    const [across, down] = [(width - W * scale) / 2, (height - H * scale) / 2];
    return resized(plane, W, H, [across, down, width - across, height - down]);
  }
  if (fit !== "pad") return resized(plane, W, H, [0, 0, width, height]);
  const scale = Math.max(height / H, width / W);
  const [h, w] = [Math.max(1, halfToEven(height / scale)), Math.max(1, halfToEven(width / scale))];
  const inner = resized(plane, w, h, [0, 0, width, height]);
  const pixels = new Uint8Array(H * W);
  const [top, left] = [Math.floor((H - h) / 2), Math.floor((W - w) / 2)];
  for (let y = 0; y < h; y++) pixels.set(inner.pixels.subarray(y * w, (y + 1) * w), (top + y) * W + left);
  return { width: W, height: H, pixels };
}

function resized(plane, W, H, box) {
  if (plane.width === W && plane.height === H && box[0] === 0 && box[1] === 0) return plane;
  const scales = [(box[2] - box[0]) / W, (box[3] - box[1]) / H];
  const [fx, fy] = scales.map((scale) => Math.floor(scale / REDUCING_GAP) || 1);
  if (fx > 1 || fy > 1) {
    const [sx, sy] = scales.map((scale) => 0.5 * scale); // what lies beside the box and is looked at, too
    const safe = [
      Math.max(0, Math.trunc(box[0] - sx)), Math.max(0, Math.trunc(box[1] - sy)),
      Math.min(plane.width, Math.ceil(box[2] + sx)), Math.min(plane.height, Math.ceil(box[3] + sy)),
    ];
    plane = reduced(plane, fx, fy, safe);
    box = [(box[0] - safe[0]) / fx, (box[1] - safe[1]) / fy, (box[2] - safe[0]) / fx, (box[3] - safe[1]) / fy];
  }
  box = box.map(Math.fround); // Pillow hands the box on in single precision
  if (plane.width !== W || box[0] !== 0 || box[2] !== W) plane = across(plane, W, box[0], box[2]);
  if (plane.height !== H || box[1] !== 0 || box[3] !== H) plane = turned(across(turned(plane), H, box[1], box[3]));
  return plane;
}

// The mean of blocks of fx by fy pixels; smaller ones at the right and at the bottom.
function reduced({ width, pixels }, fx, fy, [left, top, right, bottom]) {
  const [w, h] = [Math.ceil((right - left) / fx), Math.ceil((bottom - top) / fy)];
  const found = new Uint8Array(w * h);
  for (let y = 0; y < h; y++) {
    const [y0, y1] = [top + y * fy, Math.min(top + (y + 1) * fy, bottom)];
    for (let x = 0; x < w; x++) {
      const [x0, x1] = [left + x * fx, Math.min(left + (x + 1) * fx, right)];
      const count = (x1 - x0) * (y1 - y0);
      let sum = count >> 1;
      for (let j = y0; j < y1; j++) for (let i = x0; i < x1; i++) sum += pixels[j * width + i];
      found[y * w + x] = Math.floor((sum * Math.trunc(Math.fround(2 ** 32 / (256 * count)))) / 2 ** 24);
    }
  }
  return { width: w, height: h, pixels: found };
}

// One pass of bilinear resizing, along the rows, with the filter widened when shrinking.
function across({ width, height, pixels }, W, from, to) {
  const scale = Math.fround(to - from) / W;
  const wide = Math.max(scale, 1);
  const found = new Uint8Array(W * height);
  for (let x = 0; x < W; x++) {
    const center = from + (x + 0.5) * scale;
    const begin = Math.max(0, Math.trunc(center - wide + 0.5));
    const end = Math.min(width, Math.trunc(center + wide + 0.5));
    const weights = [];
    for (let i = begin; i < end; i++) weights.push(Math.max(0, 1 - Math.abs((i - center + 0.5) * (1 / wide))));
    const total = weights.reduce((sum, each) => sum + each, 0);
    const whole = weights.map((each) => Math.trunc(0.5 + (each / total) * 2 ** BITS));
    for (let y = 0; y < height; y++) {
      let sum = 2 ** (BITS - 1);
      for (let i = begin; i < end; i++) sum += pixels[y * width + i] * whole[i - begin];
      found[y * W + x] = Math.min(255, Math.floor(sum / 2 ** BITS));
    }
  }
  return { width: W, height, pixels: found };
}

function turned({ width, height, pixels }) {
  const found = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) found[x * height + y] = pixels[y * width + x];
  return { width: height, height: width, pixels: found };
}
