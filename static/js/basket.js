// The basket without leaving the page: "add" buttons answer in place, the basket page changes under one's hands.
const add = document.querySelector("[data-add]");
const link = document.querySelector("[data-basket]");
const toast = document.createElement("p");
toast.className = "toast";
toast.setAttribute("role", "status");
document.body.append(toast);
let hiding;

function tell(message, kind) {
  clearTimeout(hiding);
  toast.classList.toggle("toast--error", kind === "error");
  toast.textContent = message;
  hiding = setTimeout(() => toast.replaceChildren(), 6000);
}

function showCount(count) {
  let bubble = link.querySelector("[data-count]");
  if (!count) return bubble?.remove();
  if (!bubble) {
    bubble = document.createElement("span");
    bubble.className = "tool__count";
    bubble.dataset.count = "";
    link.append(bubble);
  }
  const colon = document.createElement("span");
  colon.className = "visually-hidden";
  colon.textContent = ": ";
  bubble.replaceChildren(colon, count < 1000 ? String(count) : "999+");
}

function sent(form, button) {
  const data = new FormData(form);
  if (button?.name) data.set(button.name, button.value);
  return new URLSearchParams(data);
}

add?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.submitter;
  const body = sent(add, button);
  // Sent again, the same add is found to be there already: an answer that got lost puts nothing in twice.
  const id = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  body.set("add_id", id);
  button?.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(add.action, { method: "POST", body, headers: { Accept: "application/json" } });
    const told = await answer.json();
    tell(told.message, told.kind);
    if (told.count !== null) showCount(told.count);
  } catch {
    // What cannot be told here is told by the page itself.
    if (button?.name) add.append(hidden(button.name, button.value));
    add.append(hidden("add_id", id));
    add.submit();
  } finally {
    button?.removeAttribute("aria-busy");
  }
});

function hidden(name, value) {
  const input = document.createElement("input");
  input.type = "hidden";
  input.name = name;
  input.value = value;
  return input;
}

async function change(form, button) {
  const action = button?.getAttribute("formaction") || form.action;
  const answer = await fetch(action, { method: "POST", body: sent(form, button) });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.querySelector("[data-cart]");
  if (!fresh) return location.reload();
  const held = document.activeElement?.id;
  document.querySelector("[data-cart]").replaceWith(fresh);
  showCount(parseInt(page.querySelector("[data-count]")?.lastChild.textContent ?? "0", 10));
  const notice = page.querySelector("#content > .notice");
  if (notice) tell(notice.textContent.trim(), notice.classList.contains("notice--error") ? "error" : "success");
  prepare(fresh);
  if (held) document.getElementById(held)?.focus();
}

function step(box, input, by) {
  input.value = Math.min(99, Math.max(0, (parseInt(input.value, 10) || 0) + by));
  input.dispatchEvent(new Event("change", { bubbles: true }));
}

function stepperButton(label, sign, act) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "stepper__button";
  button.setAttribute("aria-label", label);
  button.textContent = sign;
  button.addEventListener("click", act);
  return button;
}

function prepare(root) {
  for (const box of root.querySelectorAll("[data-stepper]")) {
    const input = box.querySelector("input");
    box.prepend(stepperButton(box.dataset.less, "−", () => step(box, input, -1)));
    box.append(stepperButton(box.dataset.more, "+", () => step(box, input, 1)));
    box.classList.add("stepper--ready");
  }
  for (const form of root.querySelectorAll("[data-cart-form]")) {
    let waiting;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      clearTimeout(waiting);
      change(form, event.submitter).catch(() => form.submit());
    });
    const input = form.querySelector("[data-stepper] input");
    input?.addEventListener("change", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => form.requestSubmit(), 400);
    });
    // Hidden, not removed: Enter in the field presses the first button of the form, and the next one saves for later.
    const button = form.querySelector("[data-stepper-submit]");
    if (button) button.hidden = true;
  }
}

prepare(document);
