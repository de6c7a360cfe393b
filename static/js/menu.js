// The account menu closes like any other: on Escape, and when the visitor goes elsewhere.
for (const menu of document.querySelectorAll("[data-menu]")) {
  const leaves = (event) => {
    if (!menu.contains(event.target)) menu.open = false;
  };
  document.addEventListener("pointerdown", leaves);
  document.addEventListener("focusin", leaves);
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}
