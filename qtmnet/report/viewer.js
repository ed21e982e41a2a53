/* Maps in three planes: sliders and clicks move one crosshair through all of them.

   The data is what `qtmnet/report/volumes.py` and `viewer.py` packed: axes run right, anterior and superior, the last
   one fastest; a value is low + (code − 1) · step, and code 0 is one that is not finite. */
(function () {
  "use strict";

  const data = JSON.parse(document.getElementById("data").textContent);

  // Which axis runs to the right and which one up, and which one the plane is cut through.
  const PLANES = [
    { across: 0, up: 1, through: 2 },
    { across: 0, up: 2, through: 1 },
    { across: 1, up: 2, through: 0 },
  ];
  const ENDS = data.anatomical ? [["L", "R"], ["P", "A"], ["I", "S"]] : [["", "x"], ["", "y"], ["", "z"]];
  const NOT_FINITE = [255, 0, 255];

  const viewer = document.getElementById("viewer");
  const sliders = PLANES.map((_, plane) => document.getElementById("slice-" + plane));
  const place = document.getElementById("place");
  const state = { subject: null, cursor: null, pointer: null, mirrored: false };

  // ---- Unpacking -----------------------------------------------------------------------------------------------

  function bytes(base64) {
    return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  }

  /* The box of one map as floats; NaN is not finite, or outside. */
  function unpack(map, inside) {
    const codes = new DataView(bytes(map.codes).buffer);
    const values = new Float32Array(inside.length).fill(NaN);
    for (let voxel = 0, next = 0; voxel < inside.length; voxel++) {
      if (!inside[voxel]) continue;
      const code = codes.getUint16(2 * next++, true);
      if (code > 0) values[voxel] = map.low + (code - 1) * map.step;
    }
    return values;
  }

  function open(packed) {
    if (packed.values) return packed;
    const bits = bytes(packed.inside);
    const size = packed.shape[0] * packed.shape[1] * packed.shape[2];
    packed.mask = Uint8Array.from({ length: size }, (_, voxel) => (bits[voxel >> 3] >> (7 - (voxel & 7))) & 1);
    packed.values = {};
    for (const name of Object.keys(packed.maps)) packed.values[name] = unpack(packed.maps[name], packed.mask);
    return packed;
  }

  function colours(table) {
    return Array.from({ length: 256 }, (_, row) =>
      [0, 2, 4].map((at) => parseInt(table.slice(6 * row + at, 6 * row + at + 2), 16)));
  }
  for (const scale of Object.values(data.scales)) scale.colours = colours(scale.table);

  // ---- Voxels --------------------------------------------------------------------------------------------------

  function index(at) {
    const shape = state.subject.shape;
    return (at[0] * shape[1] + at[1]) * shape[2] + at[2];
  }

  function value(row, voxel) {
    const values = state.subject.values;
    return row.less ? values[row.map][voxel] - values[row.less][voxel] : values[row.map][voxel];
  }

  function times(matrix, at) {
    return matrix.map((line) => line[0] * at[0] + line[1] * at[1] + line[2] * at[2] + line[3]);
  }

  function flipped(plane) {
    return state.mirrored && plane.across === 0;
  }

  /* The voxel that a pixel of a plane's canvas shows; pixels count from the top left. */
  function voxelAt(plane, x, y) {
    const shape = state.subject.shape;
    const at = state.cursor.slice();
    at[plane.across] = flipped(plane) ? shape[plane.across] - 1 - x : x;
    at[plane.up] = shape[plane.up] - 1 - y;
    return at;
  }

  // ---- Drawing -------------------------------------------------------------------------------------------------

  const rows = Array.from(viewer.querySelectorAll(".row"), (element) => ({
    element: element,
    map: element.dataset.map,
    less: element.dataset.less,
    scale: data.scales[element.dataset.scale],
    figure: element.querySelector(".figure"),
    where: element.querySelector(".where"),
    canvases: Array.from(element.querySelectorAll("canvas")),
  }));

  /* One pixel a voxel; the style sheet makes them large, and as long and wide as they are in mm. */
  function draw(row, canvas, plane) {
    const shape = state.subject.shape;
    const width = shape[plane.across], height = shape[plane.up];
    const size = state.subject.size_mm;
    canvas.width = width;
    canvas.height = height;
    canvas.style.aspectRatio = width * size[plane.across] + " / " + height * size[plane.up];
    const image = new ImageData(width, height);
    const low = row.scale.low, span = row.scale.high - row.scale.low;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const voxel = index(voxelAt(plane, x, y));
        if (!state.subject.mask[voxel]) continue;
        const found = value(row, voxel);
        const step = Math.min(255, Math.max(0, Math.round(((found - low) / span) * 255)));
        const colour = Number.isFinite(found) ? row.scale.colours[step] : NOT_FINITE;
        image.data.set([colour[0], colour[1], colour[2], 255], 4 * (y * width + x));
      }
    }
    canvas.getContext("2d").putImageData(image, 0, 0);
    const slice = sliders[PLANES.indexOf(plane)].getAttribute("aria-valuetext");
    const name = document.querySelector('label[for="slice-' + PLANES.indexOf(plane) + '"]').textContent;
    canvas.setAttribute("aria-label", canvas.dataset.title + ", " + name + ", " + slice);
  }

  function drawPlane(number) {
    describeSlice(number);
    for (const row of rows) draw(row, row.canvases[number], PLANES[number]);
  }

  function drawCrosshair() {
    const shape = state.subject.shape;
    viewer.querySelectorAll(".image").forEach((image) => {
      const plane = PLANES[image.querySelector("canvas").dataset.plane];
      const x = (state.cursor[plane.across] + 0.5) / shape[plane.across];
      image.querySelector(".up").style.left = 100 * (flipped(plane) ? 1 - x : x) + "%";
      image.querySelector(".across").style.top = 100 * (1 - (state.cursor[plane.up] + 0.5) / shape[plane.up]) + "%";
    });
  }

  function drawLetters() {
    viewer.querySelectorAll(".image").forEach((image) => {
      const plane = PLANES[image.querySelector("canvas").dataset.plane];
      const ends = flipped(plane) ? ENDS[plane.across].slice().reverse() : ENDS[plane.across];
      image.querySelector(".left").textContent = ends[0];
      image.querySelector(".right").textContent = ends[1];
      image.querySelector(".bottom").textContent = ENDS[plane.up][0];
      image.querySelector(".top").textContent = ENDS[plane.up][1];
    });
  }

  function drawScales() {
    viewer.querySelectorAll(".scale").forEach((element) => {
      const scale = data.scales[element.dataset.scale];
      const ticks = [scale.low, (scale.low + scale.high) / 2, scale.high];
      const texts = ticks.map((tick) => signed(+tick.toPrecision(4), scale.signed));
      element.querySelectorAll(".ticks span").forEach((span, at) => (span.textContent = texts[at]));
      element.querySelector(".colours").setAttribute(
        "aria-label", "Colour scale from " + texts[0] + " to " + texts[2] + " " + scale.unit);
    });
  }

  // ---- Words and numbers ---------------------------------------------------------------------------------------

  function signed(number, withPlus) {
    const text = String(number).replace("-", "−");
    return withPlus && number > 0 ? "+" + text : text;
  }

  function readout(row, voxel) {
    if (!state.subject.mask[voxel]) return "–";
    const found = value(row, voxel);
    if (!Number.isFinite(found)) return "not finite";
    const text = found.toFixed(row.scale.digits);
    return signed(Number(text) === 0 ? text.replace("-", "") : text, row.scale.signed && Number(text) > 0);
  }

  /* The numbers of all maps under the pointer, or else at the crosshair. */
  function showValues() {
    const at = state.pointer || state.cursor;
    const voxel = index(at);
    const whereabouts = state.pointer ? "under the pointer" : "at the crosshair";
    for (const row of rows) {
      row.figure.textContent = readout(row, voxel);
      row.where.textContent = state.subject.mask[voxel] ? whereabouts : whereabouts + ", outside the mask";
    }
    const lines = [state.pointer ? "Pointer" : "Crosshair"];
    if (state.subject.to_mm) {
      const mm = times(state.subject.to_mm, at).map((length) => signed(Math.round(length), false));
      lines.push("x " + mm[0] + ", y " + mm[1] + ", z " + mm[2] + " mm");
    }
    lines.push("voxel " + times(state.subject.to_voxel, at).map(Math.round).join(", "));
    place.replaceChildren(...lines.flatMap((line) => [line, document.createElement("br")]));
  }

  function describeSlice(number) {
    const through = PLANES[number].through, slider = sliders[number];
    let text = state.cursor[through] + 1 + " of " + state.subject.shape[through];
    if (state.subject.to_mm) {
      const mm = times(state.subject.to_mm, state.cursor)[through];
      text += ", " + "xyz"[through] + " " + signed(Math.round(mm), false) + " mm";
    }
    slider.value = state.cursor[through];
    slider.setAttribute("aria-valuetext", "slice " + text);
    document.getElementById("slice-text-" + number).textContent = text;
  }

  // ---- What the reader does ------------------------------------------------------------------------------------

  function moveTo(at) {
    const before = state.cursor;
    state.cursor = at;
    PLANES.forEach((plane, number) => {
      if (before[plane.through] !== at[plane.through]) drawPlane(number);
    });
    drawCrosshair();
    showValues();
  }

  function drawAll() {
    PLANES.forEach((_, number) => drawPlane(number));
    drawLetters();
    drawCrosshair();
    drawScales();
    showValues();
  }

  function choose(number) {
    const packed = open(data.subjects[number]);
    const sameShape = state.subject && String(state.subject.shape) === String(packed.shape);
    state.subject = packed;
    if (!sameShape) state.cursor = packed.start.slice();
    const size = packed.shape.map((count, axis) => count * packed.size_mm[axis]);
    const widths = PLANES.map((plane) => size[plane.across]);
    ["--first", "--second", "--third"].forEach((name, at) => viewer.style.setProperty(name, widths[at] + "fr"));
    PLANES.forEach((plane, at) => (sliders[at].max = packed.shape[plane.through] - 1));
    drawAll();
  }

  function voxelUnder(event, canvas) {
    const box = canvas.getBoundingClientRect();
    const x = Math.floor(((event.clientX - box.left) / box.width) * canvas.width);
    const y = Math.floor(((event.clientY - box.top) / box.height) * canvas.height);
    const within = (at, count) => Math.min(count - 1, Math.max(0, at));
    return voxelAt(PLANES[canvas.dataset.plane], within(x, canvas.width), within(y, canvas.height));
  }

  sliders.forEach((slider, number) => slider.addEventListener("input", () => {
    const at = state.cursor.slice();
    at[PLANES[number].through] = Number(slider.value);
    moveTo(at);
  }));

  for (const row of rows) {
    for (const canvas of row.canvases) {
      canvas.addEventListener("pointerdown", (event) => moveTo(voxelUnder(event, canvas)));
      canvas.addEventListener("pointermove", (event) => {
        const at = voxelUnder(event, canvas);
        state.pointer = event.pointerType === "mouse" ? at : null;
        if (event.buttons & 1) moveTo(at);
        else showValues();
      });
      canvas.addEventListener("pointerleave", () => {
        state.pointer = null;
        showValues();
      });
    }
  }

  viewer.querySelectorAll(".top").forEach((input) => {
    if (input.tagName !== "INPUT") return;
    input.addEventListener("input", () => {
      const high = Number(input.value);
      if (!(high > 0) || !Number.isFinite(high)) return;
      const scale = data.scales[input.dataset.scale];
      scale.high = high;
      if (scale.signed) scale.low = -high;
      drawAll();
    });
  });

  const subject = document.getElementById("subject");
  if (subject) subject.addEventListener("change", () => choose(Number(subject.value)));

  const mirror = document.getElementById("mirror");
  if (mirror) mirror.addEventListener("change", () => {
    state.mirrored = mirror.checked;
    document.getElementById("convention").textContent =
      "The patient’s left is on the " + (mirror.checked ? "right" : "left") + " of axial and coronal images";
    drawAll();
  });

  const cross = document.getElementById("cross");
  cross.addEventListener("change", () => viewer.classList.toggle("plain", !cross.checked));

  choose(0);
})();
