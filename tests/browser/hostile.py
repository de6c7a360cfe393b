"""What attackers type into every field that takes text, and how a browser is asked whether any of it came alive."""

from __future__ import annotations

from typing import Any, Final

from playwright.async_api import Dialog, Page, Response

HOSTILE: Final = (
    """"'><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}${7*7}<a href="javascript:alert(1)">"""
)
# Every field of text of a form; one that was refused gets less, then something fitting, then nothing, and what the other fields
# hold is left as it is.
FILL: Final = """(form, [hostile, refused]) => {
  const kinds = "input:not([type]), input[type=text], input[type=search], input[type=email], input[type=tel], input[type=url], textarea";
  const fitting = { date: "2030-01-02", time: "12:00", "datetime-local": "2030-01-02T12:00",
    email: `evil-${Date.now()}@example.com`, country: "CN" };
  const number = String(10 + Math.floor(Math.random() * 80));
  const fields = [...form.querySelectorAll(kinds)].filter((field) => field.name && !field.readOnly);
  for (const field of fields) {
    if (field.name in refused) continue;
    if (field.matches("[data-editor]") && window.tinymce) tinymce.get(field.id)?.setContent(hostile);
    else field.value = hostile;
  }
  for (const field of form.elements) {
    if (!(field.name in refused) || field.type === "checkbox") continue;
    if (field.matches("select")) {
      field.selectedIndex = refused[field.name] < 2 ? 0 : field.length - 1;
      continue;
    }
    const kind = field.name.includes("mail") ? "email" : field.name === "country" ? "country" : field.type;
    const lines = "<img src=x onerror=alert(1)>" + (field.type === "textarea" ? "\\nx<script>" : "");
    const less = fields.includes(field) ? lines : (fitting[kind] ?? number);
    field.value = ["", less, fitting[kind] ?? number, ""][refused[field.name]];
  }
  return fields.length;
}"""
# Nothing of it is markup: no handler, no picture of theirs, no script in the page, no address that runs, nothing computed.
ALIVE: Final = """() => {
  const found = [...document.querySelectorAll(`[onerror], [onload], [onclick], [formaction], img[src="x"],
    [href^="javascript:" i], [action^="javascript:" i], iframe:not(.tox-edit-area__iframe, .mailroom__html), object, embed, base,
    script:not([src]):not([type="application/ld+json"])`)];
  const told = found.map((one) => one.outerHTML.slice(0, 200));
  if (/>49\\$/.test(document.body.textContent)) told.push("a template was computed");
  return told;
}"""


class Guard:
    """Notes every dialog a page opens, and every answer that is the shop's own fault."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.noted: list[Any] = []
        page.on("dialog", self._dialog)
        page.on("response", self._response)

    async def _dialog(self, dialog: Dialog) -> None:
        self.noted.append(f"{self.page.url}: {dialog.message}")
        await dialog.dismiss()

    def _response(self, answer: Response) -> None:
        if answer.status >= 500:
            self.noted.append((answer.status, answer.url))

    async def look(self) -> None:
        """Whether the page that is shown has something alive in it."""
        alive = await self.page.evaluate(ALIVE)
        if alive:
            self.noted.append((self.page.url, alive))


async def fill_and_send(page: Page, guard: Guard, selector: str) -> bool:
    """Fills the form with hostile words and sends it; what is refused for its kind gets something fitting. Whether it was taken."""
    refused: dict[str, int] = {}
    for _ in range(8):
        form = page.locator(selector)
        if await form.count() != 1 or not await form.evaluate(FILL, [HOSTILE, refused]):
            return False
        async with page.expect_navigation():
            await form.evaluate(
                "form => (form.noValidate = true, form.requestSubmit([...form.querySelectorAll('button[type=submit]')].at(-1)))"
            )
        await guard.look()
        names = {await one.get_attribute("name") or "" for one in await page.locator(".field--wrong [name]").all()}
        if not names:
            return not await page.locator("main [data-summary]").count()
        refused |= {name: min(refused.get(name, 0) + 1, 3) for name in names}
    return False
