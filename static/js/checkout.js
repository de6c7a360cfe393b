// Checkout: a chosen address or time shows its sums at once, an address that is kept needs no typing, and what is refused
// is said in place: nothing that was sent enters the history, so going back asks nothing.
function prepare(form) {
  const fields = form.querySelector("[data-new-address]");
  const isNew = () => form.elements.address_id?.value === "new";
  const showFields = () => fields?.toggleAttribute("hidden", !isNew());
  showFields();

  form.addEventListener("change", (event) => {
    if (event.target.name === "address_id") showFields();
    if (!event.target.matches("[data-look]") || (event.target.name === "address_id" && isNew())) return;
    look(form);
  });

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (event.submitter?.name === "order") order(form, event.submitter);
    else look(form, "#window").then((isShown) => isShown || whole(form, "look"));
  });
  window.addEventListener("pageshow", () => delete form.dataset.sent);
}

let looks = 0;

// Shows the sums for what is chosen now; `next` is where to go on. Whether nothing is left to do: shown, or overtaken.
async function look(form, next) {
  const turn = ++looks;
  const sent = new FormData(form);
  const body = new URLSearchParams(sent);
  body.set("look", "1");
  const page = await asked(form, body).catch(() => null);
  const fresh = page?.querySelector("[data-checkout]");
  // Without an answer, or with one that a newer choice has overtaken, all stays as it is: ordering asks again anyway.
  if (!fresh || turn !== looks) return turn !== looks;
  takeOver(form, sent, fresh);
  const held = form.contains(document.activeElement) ? document.activeElement : null;
  form.replaceWith(fresh);
  prepare(fresh);
  if (next) fresh.querySelector(next).focus();
  else focusLike(held, fresh);
  return true;
}

// The same click twice is one order anyway; one is enough for the eye, too.
async function order(form, button) {
  if (form.dataset.sent) return;
  form.dataset.sent = "yes";
  button.setAttribute("aria-busy", "true");
  looks++;
  const body = new URLSearchParams(new FormData(form));
  body.set("order", "1");
  const page = await asked(form, body).catch(() => null);
  const fresh = page?.querySelector("#content");
  const next = fresh?.querySelector("[data-checkout]");
  // What cannot be told here is told by the page itself; sent again, it is the same one order.
  if (!next) return whole(form, "order");
  document.querySelector("#content").replaceWith(fresh);
  prepare(next);
  fresh.querySelector("[data-summary]")?.focus();
}

// The page that answers; never, when the answer is another page: then that one is on its way.
async function asked(form, body) {
  const headers = { Accept: "application/json, text/html" };
  const answer = await fetch(form.action, { method: "POST", body, headers });
  if (!answer.headers.get("Content-Type")?.startsWith("application/json")) {
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  }
  location.assign((await answer.json()).location);
  return new Promise(() => {});
}

function whole(form, name) {
  const pressed = document.createElement("input");
  Object.assign(pressed, { type: "hidden", name, value: "1" });
  form.append(pressed);
  form.submit();
}

// What was typed while the answer was on its way.
function takeOver(form, sent, fresh) {
  for (const [name, value] of new FormData(form)) {
    if (sent.get(name) !== value && fresh.elements[name]) fresh.elements[name].value = value;
  }
}

function focusLike(held, fresh) {
  const there = held?.name && fresh.elements[held.name];
  const same = there instanceof RadioNodeList ? [...there].find((one) => one.value === held.value) : there;
  if (!same) return;
  same.focus();
  if (held.selectionStart != null) same.setSelectionRange?.(held.selectionStart, held.selectionEnd);
}

const form = document.querySelector("[data-checkout]");
if (form) prepare(form);
