"""How templates become Python: as Jinja does it, with the things that cost most said more directly.

A call in a template is a call in Python: Jinja asks each called thing three times whether it wants the template's
context, and nothing of ours does. What is shown is escaped without being wrapped into a Markup first. Together they halve
the time a page takes (docs/performance.md). The rest is small: macros called by place find their arguments at once, and an
`if` without `else` shows nothing without making an object that says why.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from types import CodeType
from typing import Any, Final

import jinja2
from jinja2 import nodes
from jinja2.bccache import Bucket
from jinja2.compiler import CodeGenerator, Frame, MacroRef
from jinja2.runtime import Macro
from jinja2.utils import missing
from markupsafe import Markup, escape

from shop import bytecode

try:
    from markupsafe._speedups import _escape_inner as escaped
except ImportError:  # a platform without its C part
    from markupsafe._native import _escape_inner as escaped

# How templates are read; what is compiled depends on this file, on Jinja and on the template, and on nothing else.
OPTIONS: Final[Mapping[str, Any]] = {
    "extensions": ["jinja2.ext.i18n", "jinja2.ext.loopcontrols"],
    "undefined": jinja2.StrictUndefined,
    "trim_blocks": True,
    "lstrip_blocks": True,
}


def shown(value: Any) -> str:
    """A value as HTML; the same as markupsafe's `escape`, but for the type of what is only joined anyway."""
    kind = type(value)
    if kind is str:
        return escaped(value)
    if kind is Markup:
        return value  # type: ignore[no-any-return]
    return str(value) if kind is int else escape(value)


class Plain(Macro):
    """A macro that takes what it names and nothing more."""

    def __call__(self, *args: Any, **kwargs: Any) -> str:
        """The same; arguments given by place only need no looking for."""
        absent = self._argument_count - len(args)
        if kwargs or absent < 0 or not self._default_autoescape:
            return super().__call__(*args, **kwargs)
        return Markup(self._func(*args, *[missing] * absent))  # noqa: S704  (a macro escapes what it shows)


class Direct(CodeGenerator):
    """Jinja's compiler for environments that were `prepared`: nothing that templates call may ask for their context."""

    def visit_Call(self, node: nodes.Call, frame: Frame, forward_caller: bool = False) -> None:
        """`f(x)` instead of `context.call(f, x)`."""
        self.visit(node.node, frame)
        around, self.stream = self.stream, io.StringIO()
        self.signature(node, frame, {"caller": "caller"} if forward_caller else None)
        arguments, self.stream = self.stream.getvalue(), around
        self.write(f"({arguments.removeprefix(', ')})")

    def visit_CondExpr(self, node: nodes.CondExpr, frame: Frame) -> None:
        """`a if b` is `a if b else ""`."""
        otherwise = nodes.Const("") if node.expr2 is None else node.expr2
        super().visit_CondExpr(nodes.CondExpr(node.test, node.expr1, otherwise), frame)

    def macro_def(self, macro_ref: MacroRef, frame: Frame) -> None:
        """`Plain(...)` instead of `Macro(...)` where that will do."""
        if not (macro_ref.accesses_kwargs or macro_ref.accesses_varargs or macro_ref.accesses_caller):
            self.write("environment.")
        super().macro_def(macro_ref, frame)

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo) -> None:
        if frame.eval_ctx.volatile or not frame.eval_ctx.autoescape or finalize.src is not None:
            super()._output_child_pre(node, frame, finalize)
        else:
            self.write("environment.shown(")


class CompiledOnce(jinja2.BytecodeCache):
    """The compiled templates of a folder: the languages share them, and so do the many shops of a test run and the next start."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._edition = jinja2.__version__.encode() + Path(__file__).read_bytes()
        self._code: dict[str, tuple[str, CodeType]] = bytecode.kept(folder, self._edition) or {}
        self._is_kept = True

    def load_bytecode(self, bucket: Bucket) -> None:
        """Gives the code when the source is still the same."""
        checksum, code = self._code.get(bucket.key, ("", None))
        if checksum == bucket.checksum:
            bucket.code = code

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keeps the code."""
        assert bucket.code is not None
        self._code[bucket.key] = (bucket.checksum, bucket.code)
        self._is_kept = False

    def keep(self) -> None:
        """Leaves what is new to the next start."""
        if not self._is_kept:
            bytecode.keep(self._folder, self._edition, self._code)
            self._is_kept = True


def prepare(environment: jinja2.Environment) -> None:
    """Lets an environment compile its templates this way."""
    environment.code_generator_class = Direct
    environment.extend(shown=shown, Macro=Plain)
