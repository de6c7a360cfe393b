// The list of orders changes as soon as one is placed or moves on, while somebody sees it; where no news come it asks by itself.
// It stops when nobody has touched the page for a while, so that a forgotten screen does not keep its session alive.
const AGAIN = 2000;
const RETRY = 30_000;
const FORGOTTEN = 20 * 60 * 1000;
let touched = Date.now();
let source;
let asking;
let closedAt = 0;

const isWatched = () => document.visibilityState === "visible" && Date.now() - touched < FORGOTTEN;
const links = (queue) => [...queue.querySelectorAll("tbody th a")];
let known;

async function look() {
  if (!isWatched()) return;
  try {
    const answer = await fetch(location.href);
    if (!answer.ok || answer.redirected) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("[data-queue]");
    if (fresh) replace(document.querySelector("[data-queue]"), fresh);
  } catch {
    // The shop is away for a moment; the next look will tell.
  }
}

// Whoever stands on a link of the list still stands on it afterwards, and what is new is seen to be.
function replace(queue, fresh) {
  for (const link of links(fresh)) {
    if (!known.has(link.href)) link.closest("tr").setAttribute("data-new", "");
  }
  if (fresh.innerHTML === queue.innerHTML) return;
  const held = queue.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  queue.replaceWith(fresh);
  if (held) [...fresh.querySelectorAll("a")].find((link) => link.getAttribute("href") === held)?.focus({ preventScroll: true });
}

function listen() {
  source = new EventSource(document.querySelector("[data-queue]").dataset.queue);
  source.addEventListener("news", look);
  source.addEventListener("open", () => {
    clearInterval(asking);
    asking = undefined;
    look();
  });
  source.addEventListener("error", () => {
    asking ??= setInterval(look, AGAIN);
    if (source?.readyState === EventSource.CLOSED) closedAt = Date.now();
  });
}

function hush() {
  source?.close();
  source = undefined;
  clearInterval(asking);
  asking = undefined;
}

// Listens while the page is watched; a stream that was refused is tried again after a while.
function attend() {
  if (!isWatched()) hush();
  else if (!source) listen();
  else if (source.readyState === EventSource.CLOSED && Date.now() - closedAt > RETRY) listen();
}

const queue = document.querySelector("[data-queue]");
if (queue && "EventSource" in window) {
  known = new Set(links(queue).map((link) => link.href));
  for (const sign of ["pointerdown", "pointermove", "keydown"]) {
    document.addEventListener(sign, () => {
      touched = Date.now();
      attend();
    });
  }
  document.addEventListener("visibilitychange", attend);
  window.addEventListener("pagehide", hush);
  setInterval(attend, AGAIN);
  attend();
}
