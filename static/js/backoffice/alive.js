// Whoever types for long asks for no page meanwhile: while they do, the session is told that somebody is there.
const EVERY = 5 * 60 * 1000;
let typed = false;

document.addEventListener("input", () => {
  typed = true;
});

setInterval(() => {
  if (typed) fetch(location.pathname, { method: "HEAD", redirect: "manual" }).catch(() => {});
  typed = false;
}, EVERY);
