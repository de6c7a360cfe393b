// Forms: a button that shows a password, and the summary of what is wrong takes the focus.
import { draw, iconButton } from "./icons.js";

for (const box of document.querySelectorAll("[data-password]")) {
  const input = box.querySelector("input");
  const button = iconButton("password__button", "eye", box.dataset.show);
  button.setAttribute("aria-controls", input.id);
  button.addEventListener("click", () => {
    const shown = input.type === "password";
    input.type = shown ? "text" : "password";
    button.setAttribute("aria-label", shown ? box.dataset.hide : box.dataset.show);
    draw(button.firstChild, shown ? "eye-off" : "eye");
    input.focus();
  });
  // A browser that saves passwords has to see a password being sent.
  input.form?.addEventListener("submit", () => {
    input.type = "password";
  });
  box.classList.add("password--shown-by-button");
  box.append(button);
}

document.querySelector("[data-summary]")?.focus();
