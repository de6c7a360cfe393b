// An order's page hears what happens to it; without script it reloads by itself.
const root = document.querySelector("[data-order-events]");

if (root && "EventSource" in window) {
  const source = new EventSource(root.dataset.orderEvents);
  source.addEventListener("news", async () => {
    const answer = await fetch(location.href);
    if (!answer.ok) return source.close();
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("[data-order]");
    if (!fresh) return source.close();
    document.querySelector("[data-order]").replaceWith(fresh);
    if (!page.querySelector("[data-order-events]")) source.close();
  });
  window.addEventListener("pagehide", () => source.close());
}
