// Suggestions below the search field while one types. Without script, or when the shop does not answer, the form just searches.
const WAIT = 150; // milliseconds of rest before the shop is asked

class Suggestions {
  constructor(form) {
    this.form = form;
    this.field = form.querySelector("input[type=search]");
    this.list = document.createElement("ul");
    this.list.className = "suggestions";
    this.list.id = "search-suggestions";
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", form.dataset.suggestionsLabel);
    this.list.hidden = true;
    form.append(this.list);
    for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-controls", this.list.id], ["aria-expanded", "false"]]) {
      this.field.setAttribute(name, value);
    }
    this.chosen = -1;
    this.listen();
  }

  listen() {
    // While an input method composes (pinyin becoming characters) what stands in the field is not yet what is meant.
    this.field.addEventListener("input", (event) => event.isComposing || this.later());
    this.field.addEventListener("compositionend", () => this.later());
    this.field.addEventListener("keydown", (event) => this.pressed(event));
    this.field.addEventListener("focus", () => this.list.childElementCount && this.field.value && this.show());
    this.form.addEventListener("focusout", (event) => this.form.contains(event.relatedTarget) || this.hide());
    this.list.addEventListener("mousedown", (event) => event.preventDefault());
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), WAIT);
  }

  async ask() {
    this.asking?.abort();
    const words = this.field.value.trim();
    if (!words) {
      this.fill([]);
      return;
    }
    this.asking = new AbortController();
    try {
      const address = `${this.form.dataset.suggestions}?${new URLSearchParams({ q: words })}`;
      const response = await fetch(address, { signal: this.asking.signal });
      if (response.ok) this.fill((await response.json()).suggestions);
    } catch {
      // A newer question overtook this one, or the shop is away: the form still works.
    }
  }

  fill(suggestions) {
    this.chosen = -1;
    this.field.removeAttribute("aria-activedescendant");
    this.list.replaceChildren(...suggestions.map((one, place) => this.option(one, place)));
    if (suggestions.length && document.activeElement === this.field) this.show();
    else this.hide();
  }

  option(one, place) {
    const item = document.createElement("li");
    item.setAttribute("role", "presentation");
    const link = document.createElement("a");
    link.id = `search-suggestion-${place}`;
    link.setAttribute("role", "option");
    link.setAttribute("aria-selected", "false");
    link.href = one.path;
    link.tabIndex = -1;
    if (one.picture) {
      const picture = document.createElement("img");
      Object.assign(picture, { src: one.picture, alt: "", width: 40, height: 40 });
      link.append(picture);
    }
    for (const [kind, text] of [["name", one.name], ["unit", one.unit], ["price", one.price]]) {
      const part = document.createElement("span");
      part.className = `suggestions__${kind}`;
      part.textContent = text;
      link.append(part);
    }
    item.append(link);
    return item;
  }

  pressed(event) {
    const count = this.list.childElementCount;
    if (event.isComposing || !count || this.list.hidden) return;
    if (event.key === "Escape") {
      this.hide();
      event.preventDefault();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const step = event.key === "ArrowDown" ? 1 : -1;
      this.choose(((this.chosen + 1 + step + count + 1) % (count + 1)) - 1);
      event.preventDefault();
    } else if (event.key === "Enter" && this.chosen >= 0) {
      this.options[this.chosen].click();
      event.preventDefault();
    }
  }

  choose(place) {
    this.options[this.chosen]?.setAttribute("aria-selected", "false");
    this.chosen = place;
    const option = this.options[place];
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    if (option) this.field.setAttribute("aria-activedescendant", option.id);
    else this.field.removeAttribute("aria-activedescendant");
  }

  get options() {
    return this.list.querySelectorAll("a");
  }

  show() {
    this.list.hidden = false;
    this.field.setAttribute("aria-expanded", "true");
  }

  hide() {
    this.list.hidden = true;
    this.field.setAttribute("aria-expanded", "false");
  }
}

for (const form of document.querySelectorAll("form[data-suggestions]")) new Suggestions(form);
