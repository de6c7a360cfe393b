// Checkout: a chosen address or time shows its sums at once, and an address that is kept needs no typing.
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

  // The same click twice is one order anyway; one is enough for the eye, too.
  form.addEventListener("submit", (event) => {
    if (event.submitter?.name !== "order") return;
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "yes";
    event.submitter.setAttribute("aria-busy", "true");
  });
  window.addEventListener("pageshow", () => delete form.dataset.sent);
}

let looks = 0;

async function look(form) {
  const turn = ++looks;
  const sent = new FormData(form);
  const body = new URLSearchParams(sent);
  body.set("look", "1");
  const answer = await fetch(form.action, { method: "POST", body }).catch(() => null);
  const page = new DOMParser().parseFromString((await answer?.text()) ?? "", "text/html");
  const fresh = page.querySelector("[data-checkout]");
  // Without an answer, or with one that a newer choice has overtaken, all stays as it is: ordering asks again anyway.
  if (!fresh || turn !== looks) return;
  takeOver(form, sent, fresh);
  const held = form.contains(document.activeElement) ? document.activeElement : null;
  form.replaceWith(fresh);
  prepare(fresh);
  focusLike(held, fresh);
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
