// Pieces of the page: elements, and the axes of the spectrogram.
const dom = (() => {
  const of = (id) => document.getElementById(id);
  const element = (name, text, properties = {}) => Object.assign(document.createElement(name), { textContent: text, ...properties });
  // The address of a file beside the page; a name may hold any character.
  const address = (file) => file.split("/").map(encodeURIComponent).join("/");
  const share = (part) => `${100 * part}%`;
  return { of, element, address, share };
})();

const axes = (() => {
  const { of, element, share } = dom;
  // Room for a number of the time axis, pixels, and steps between them, seconds.
  const ROOM = 48, STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60];
  // The unit stands at the upper end of the frequency axis; no number is so near, as a share.
  const UNIT = 0.07;

  function placed(value, style) {
    const mark = element("span", value);
    Object.assign(mark.style, style);
    return mark;
  }

  function draw(clip) {
    const frequencies = clip.marks.filter(([, depth]) => depth > UNIT).map(([khz, depth]) => placed(khz, { top: share(depth) }));
    of("khz").replaceChildren(element("span", "kHz", { className: "unit" }), ...frequencies);
    const most = Math.max(2, of("plot").clientWidth / ROOM);
    const step = STEPS.find((step) => clip.length / step <= most) ?? STEPS.at(-1);
    const seconds = [];
    for (let mark = 0; mark * step <= clip.length * 0.95; mark += 1) {
      seconds.push(placed(+(mark * step).toFixed(1), { left: share((mark * step) / clip.length) }));
    }
    of("seconds").replaceChildren(...seconds, element("span", "s", { className: "unit" }));
  }

  return { draw };
})();

