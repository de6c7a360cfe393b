// The banners move on by themselves, slowly, until somebody points at them, tabs into them or presses pause.
import { draw, iconButton } from "./icons.js";

const SECONDS = 6;
const calm = matchMedia("(prefers-reduced-motion: reduce)");

for (const carousel of document.querySelectorAll("[data-carousel]")) {
  const strip = carousel.querySelector("[data-strip]");
  const count = strip.children.length;
  if (count > 1) animate(carousel, strip, count);
}

function animate(carousel, strip, count) {
  const words = carousel.dataset;
  const before = iconButton("carousel__button", "left", words.previous);
  const pause = iconButton("carousel__button", "pause", words.pause);
  const after = iconButton("carousel__button", "right", words.next);
  let playing = !calm.matches;
  let held = false;

  const go = (step) => {
    const now = Math.round(strip.scrollLeft / strip.clientWidth);
    strip.scrollTo({ left: ((now + step + count) % count) * strip.clientWidth });
  };
  const show = () => {
    pause.setAttribute("aria-label", playing ? words.pause : words.play);
    draw(pause.firstChild, playing ? "pause" : "play");
  };
  const stop = () => {
    playing = false;
    show();
  };

  before.addEventListener("click", () => { stop(); go(-1); });
  after.addEventListener("click", () => { stop(); go(1); });
  pause.addEventListener("click", () => { playing = !playing; show(); });
  carousel.addEventListener("pointerenter", () => { held = true; });
  carousel.addEventListener("pointerleave", () => { held = false; });
  carousel.addEventListener("focusin", () => { held = true; });
  carousel.addEventListener("focusout", () => { held = false; });
  strip.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    stop();
    go(step);
  });
  setInterval(() => {
    if (playing && !held && !document.hidden) go(1);
  }, SECONDS * 1000);

  const tools = document.createElement("div");
  tools.className = "carousel__tools";
  tools.append(before, pause, after);
  carousel.append(tools);
  show();
}
