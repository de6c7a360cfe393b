// An order's page hears what happens to it; without script it reloads by itself. A page that waits for a bank also asks again.
const root = document.querySelector("[data-order-events]");
const PATIENCE = 30_000;

async function refresh() {
  const answer = await fetch(location.href);
  if (!answer.ok) return false;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.querySelector("[data-order]");
  if (!fresh) return false;
  const old = document.querySelector("[data-order]");
  const held = old.contains(document.activeElement) ? document.activeElement : null;
  takeOver(old, fresh);
  old.replaceWith(fresh);
  focusLike(held, fresh);
  return fresh.hasAttribute("data-order-events");
}

// What was typed and opened while the news was on its way stays as it is.
function takeOver(old, fresh) {
  for (const field of old.querySelectorAll("textarea, input:not([type=hidden])")) {
    const same = field.id && fresh.querySelector(`#${CSS.escape(field.id)}`);
    if (same && field.value !== field.defaultValue) same.value = field.value;
  }
  const details = fresh.querySelectorAll("details");
  for (const [n, one] of old.querySelectorAll("details").entries()) {
    if (details[n] && one.open) details[n].open = true;
  }
}

function focusLike(held, fresh) {
  if (!held) return;
  const alike = fresh.querySelectorAll(held.id ? `#${CSS.escape(held.id)}` : held.localName);
  const same = [...alike].find((one) => held.id || one.textContent === held.textContent);
  if (!same) return;
  same.focus({ preventScroll: true });
  if (held.selectionStart != null) same.setSelectionRange(held.selectionStart, held.selectionEnd);
}

if (root && "EventSource" in window) {
  const source = new EventSource(root.dataset.orderEvents);
  let looking;
  const look = async () => {
    if (await refresh().catch(() => true)) return;
    source.close();
    clearInterval(looking);
  };
  source.addEventListener("news", look);
  // A bank that sends no word is asked.
  if (root.dataset.orderAgain) looking = setInterval(look, root.dataset.orderAgain * 1000);
  // Too many pages wait for news already: this one asks now and then.
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) looking ??= setInterval(look, PATIENCE);
  });
  window.addEventListener("pagehide", () => source.close());
}
