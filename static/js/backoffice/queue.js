// The list of orders looks for new ones by itself while somebody sees it. It stops when nobody has touched the page for a while,
// so that a forgotten screen does not keep its session alive.
const EVERY = 2000;
const FORGOTTEN = 20 * 60 * 1000;
let touched = Date.now();

async function look() {
  const queue = document.querySelector("[data-queue]");
  if (document.visibilityState === "visible" && Date.now() - touched < FORGOTTEN && !queue.contains(document.activeElement)) {
    try {
      const answer = await fetch(location.href);
      if (answer.ok && !answer.redirected) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const fresh = page.querySelector("[data-queue]");
        if (fresh && fresh.innerHTML !== queue.innerHTML) queue.replaceWith(fresh);
      }
    } catch {
      // The shop is away for a moment; the next look will tell.
    }
  }
  setTimeout(look, EVERY);
}

if (document.querySelector("[data-queue]")) {
  for (const sign of ["pointerdown", "pointermove", "keydown"]) {
    document.addEventListener(sign, () => {
      touched = Date.now();
    });
  }
  setTimeout(look, EVERY);
}
