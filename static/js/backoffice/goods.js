// Goods: pictures dragged into their order, and one box that chooses all of a list. Without script there are arrows and boxes.
function sortable(list) {
  let carried = null;
  for (const item of list.children) item.draggable = true;
  list.addEventListener("dragstart", (event) => {
    carried = event.target.closest("li");
    if (event.target.matches("input") || !carried) return;
    carried.setAttribute("data-carried", "");
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", "");
  });
  list.addEventListener("dragover", (event) => {
    const over = event.target.closest("li");
    if (!carried || !over) return;
    event.preventDefault();
    if (over === carried) return;
    const { top, height } = over.getBoundingClientRect();
    over[event.clientY > top + height / 2 ? "after" : "before"](carried);
  });
  list.addEventListener("drop", (event) => event.preventDefault());
  list.addEventListener("dragend", () => {
    carried?.removeAttribute("data-carried");
    carried = null;
  });
}

function chooseAll(form) {
  const boxes = [...document.querySelectorAll(`input[type=checkbox][form="${form.id}"]`)];
  const place = document.querySelector("table.goods thead th");
  if (!place || !boxes.length) return;
  const all = Object.assign(document.createElement("input"), { type: "checkbox", className: "check__box" });
  all.setAttribute("aria-label", form.dataset.chooseAll);
  all.addEventListener("change", () => boxes.forEach((box) => (box.checked = all.checked)));
  place.append(all);
}

document.querySelectorAll("[data-sortable]").forEach(sortable);
document.querySelectorAll("form[data-choose-all]").forEach(chooseAll);
