// A page that tells how far a worker is asks again until the worker is done; the button to look again does the same without script.
const MILLISECONDS = 1500;

async function lookAgain() {
  const answer = await fetch(location.href);
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.querySelector("[data-progress]");
  document.querySelector("[data-progress]").replaceWith(fresh);
  if (fresh.dataset.progress === "on") setTimeout(lookAgain, MILLISECONDS);
}

if (document.querySelector("[data-progress=on]")) setTimeout(lookAgain, MILLISECONDS);
