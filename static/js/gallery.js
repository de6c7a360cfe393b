// The small pictures follow the large one, and pressing one slides instead of jumping the page.
for (const gallery of document.querySelectorAll("[data-gallery]")) {
  const strip = gallery.querySelector("[data-strip]");
  const picks = [...gallery.querySelectorAll("[data-pick]")];
  const mark = () => {
    const now = Math.round(strip.scrollLeft / strip.clientWidth);
    picks.forEach((pick, index) => {
      if (index === now) pick.setAttribute("aria-current", "true");
      else pick.removeAttribute("aria-current");
    });
  };
  picks.forEach((pick, index) => {
    pick.addEventListener("click", (event) => {
      event.preventDefault();
      strip.scrollTo({ left: index * strip.clientWidth, behavior: "smooth" });
    });
  });
  strip.addEventListener("scroll", mark, { passive: true });
}
