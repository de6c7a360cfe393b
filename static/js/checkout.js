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

async function look(form) {
  const held = document.activeElement;
  const body = new URLSearchParams(new FormData(form));
  body.set("look", "1");
  const answer = await fetch(form.action, { method: "POST", body });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.querySelector("[data-checkout]");
  if (!fresh) return location.reload();
  form.replaceWith(fresh);
  prepare(fresh);
  if (held?.name) fresh.querySelector(`[name="${held.name}"][value="${CSS.escape(held.value)}"]`)?.focus();
}

const form = document.querySelector("[data-checkout]");
if (form) prepare(form);
