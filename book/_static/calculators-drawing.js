// The drawing of the power-law calculator: points, law and band on logarithmic axes, as wide as its place.

const HEIGHT = 320, LEFT = 64, RIGHT = 16, TOP = 16, BOTTOM = 48;

function svg(tag, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function axis(least, most, from, to) {
  const low = Math.log10(least), high = Math.log10(most);
  const place = (value) => from + ((Math.log10(Math.max(value, 1e-300)) - low) / (high - low)) * (to - from);
  const every = Math.max(1, Math.ceil((high - low) / 6));
  const powers = [];
  for (let power = Math.ceil(low); power <= high; power += 1) if (power % every === 0) powers.push(power);
  return { place, powers };
}

export function draw({ x: xTitle, y: yTitle, points, curve, here }, sentence, width) {
  const WIDTH = Math.min(Math.max(width, 260), 720);
  const median = curve.map((c) => c[1]).concat(points.map((p) => p[1]));
  const least = Math.min(...median), most = Math.max(...median);
  const room = Math.max((most / least) ** 0.5, 2); // a band that explodes may leave the frame
  const bottom = Math.max(Math.min(...curve.map((c) => c[2])), least / room) / 1.15;
  const top = Math.min(Math.max(...curve.map((c) => c[3])), most * room) * 1.15;
  const xs = axis(curve[0][0], curve.at(-1)[0], LEFT, WIDTH - RIGHT);
  const ys = axis(Math.min(bottom, least / 1.15), Math.max(top, most * 1.15), HEIGHT - BOTTOM, TOP);
  const clamp = (y) => Math.min(Math.max(ys.place(y), TOP), HEIGHT - BOTTOM).toFixed(1);
  const line = (column, order = curve) => order.map((c) => `${xs.place(c[0]).toFixed(1)},${clamp(c[column])}`).join(" ");

  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${yTitle} against ${xTitle}. ${sentence}` });
  for (const power of xs.powers) {
    const at = xs.place(10 ** power);
    picture.append(svg("line", { class: "grid", x1: at, x2: at, y1: TOP, y2: HEIGHT - BOTTOM }), tick(at, HEIGHT - BOTTOM + 18, power, "middle"));
  }
  for (const power of ys.powers) {
    const at = ys.place(10 ** power);
    picture.append(svg("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: at, y2: at }), tick(LEFT - 8, at + 4, power, "end"));
  }
  picture.append(svg("polygon", { class: "band", points: `${line(3)} ${line(2, [...curve].reverse())}` }));
  picture.append(svg("polyline", { class: "law", points: line(1) }));
  for (const [x, y] of points) picture.append(svg("circle", { class: "point", cx: xs.place(x), cy: clamp(y), r: 3 }));
  const at = xs.place(here[0]);
  picture.append(svg("line", { class: "here", x1: at, x2: at, y1: clamp(here[2]), y2: clamp(here[3]) }));
  picture.append(svg("circle", { class: "here", cx: at, cy: clamp(here[1]), r: 5 }));
  picture.append(svg("text", { class: "title", x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 8, "text-anchor": "middle" }, xTitle));
  const middle = (TOP + HEIGHT - BOTTOM) / 2;
  picture.append(svg("text", { class: "title", x: 14, y: middle, "text-anchor": "middle", transform: `rotate(-90 14 ${middle})` }, yTitle));
  return picture;
}

function tick(x, y, power, anchor) {
  const label = svg("text", { x, y, "text-anchor": anchor }, "10");
  label.append(svg("tspan", { dy: -6, "font-size": "0.75em" }, String(power).replace("-", "−")));
  return label;
}
