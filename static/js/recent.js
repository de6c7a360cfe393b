// What a guest looked at stays in the guest's own browser: the shop sets no cookie for it and never learns of it,
// until the guest signs in and the account takes the list over.
const KEY = "viewed";
const LIMIT = 20;
const SHOWN = 8;

const signedIn = document.querySelector("[data-signed-in]") !== null;
const language = document.documentElement.lang;

if (signedIn) forget();
else {
  remember(document.querySelector("[data-product]"));
  for (const place of document.querySelectorAll("[data-recent]")) show(place);
  for (const input of document.querySelectorAll("[data-viewed-ids]")) input.value = seen().map((item) => item.id).join(",");
}

function seen() {
  try {
    const items = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(items) ? items.filter((item) => Number.isInteger(item?.id) && item.texts).slice(0, LIMIT) : [];
  } catch {
    return [];
  }
}

function keep(items) {
  try {
    localStorage.setItem(KEY, JSON.stringify(items));
  } catch {
    // A browser that keeps nothing (private window, storage full) shows no list; the shop works the same.
  }
}

function forget() {
  try {
    localStorage.removeItem(KEY);
  } catch {
    // Nothing was kept, then.
  }
}

function remember(element) {
  if (!element) return;
  const { id, name, picture, tint } = element.dataset;
  const items = seen();
  const before = items.find((item) => item.id === Number(id));
  const texts = { ...before?.texts, [language]: { name, path: location.pathname } };
  keep([{ id: Number(id), picture, tint, texts }, ...items.filter((item) => item !== before)].slice(0, LIMIT));
}

function show(place) {
  const current = Number(document.querySelector("[data-product]")?.dataset.id);
  const items = seen().filter((item) => item.id !== current).slice(0, SHOWN);
  if (!items.length) return;
  const blank = place.querySelector("template").content;
  place.querySelector("[data-list]").replaceChildren(...items.map((item) => card(blank, item)));
  place.querySelector("[data-forget]").addEventListener("click", () => {
    forget();
    place.hidden = true;
  });
  place.hidden = false;
}

function card(blank, item) {
  const copy = blank.cloneNode(true);
  const { name, path } = item.texts[language] ?? Object.values(item.texts)[0];
  const link = copy.querySelector("a");
  link.textContent = name;
  link.href = new URL(path, location.origin).pathname;
  copy.querySelector(".picture").classList.add(`tint-${Number(item.tint) % 8}`);
  const image = copy.querySelector("img");
  if (item.picture?.startsWith("/") && !item.picture.startsWith("//")) image.src = item.picture;
  else image.remove();
  return copy;
}
