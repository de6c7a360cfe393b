"""A field of rich text: with script an editor (templates/macros/editor.html), without it a plain text area."""

from __future__ import annotations

from typing import Any

import wtforms

from shop import richtext


class RichTextField(wtforms.TextAreaField):
    """Rich text, cleaned as soon as it arrives: nothing else of what was sent is ever seen."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Clean it; plain text becomes paragraphs."""
        super().process_formdata(valuelist)
        if self.data:
            self.data = str(richtext.from_typing(self.data))
