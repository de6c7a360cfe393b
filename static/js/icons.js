// A drawing of the sprite beside this module's folder; the version in the address comes along by itself.
const SPRITE = new URL("../images/icons.svg", import.meta.url).pathname;
const SVG = "http://www.w3.org/2000/svg";

export function icon(name, size = 20) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("width", size);
  svg.setAttribute("height", size);
  svg.setAttribute("aria-hidden", "true");
  svg.append(document.createElementNS(SVG, "use"));
  draw(svg, name);
  return svg;
}

export function draw(svg, name) {
  svg.firstChild.setAttribute("href", `${SPRITE}#${name}`);
}

export function iconButton(className, name, label) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = className;
  button.setAttribute("aria-label", label);
  button.append(icon(name));
  return button;
}
