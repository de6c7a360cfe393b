"""Templates compiled directly say what Jinja's own compiler says, and escape what it escapes."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2
import pytest
from jinja2 import nodes
from jinja2.bccache import Bucket
from markupsafe import Markup, escape

from shop.settings import HOME
from shop.web.compiling import OPTIONS, CompiledOnce, prepare, shown
from shop.web.templating import sources

EVIL = "<b title='\"&'>"


class Trusted:
    def __html__(self) -> str:
        return "<i>"


@pytest.mark.parametrize("value", [EVIL, "plain", "", Markup("<b>"), 7, True, None, 1.5, Trusted(), Path("a&b")])
def test_what_is_shown_is_escaped_as_markupsafe_does(value: object) -> None:
    assert shown(value) == escape(value)


MACROS = """
{%- macro field(name, kind="text") -%}<input name="{{ name }}" type="{{ kind }}"
  {%- for key in kwargs %} {{ key }}="{{ kwargs[key] }}"{% endfor %}>{%- endmacro -%}
{%- macro pair(a, b="second") -%}<b>{{ a }}{{ b }}{{ c if a == 7 }}</b>{%- endmacro -%}
{%- macro around(title) -%}<p>{{ title }}: {{ caller() }}</p>{%- endmacro -%}
"""
PAGE = """
{%- extends "base" -%}
{%- from "macros" import field, around, pair -%}
{%- block content -%}
{{ super() }}{{ field(evil) }}{{ field("a", **{"class": evil, "kind": "search"}) }}{{ field(*["x", "y"]) }}
{%- call around(evil) %}{{ evil }}{% endcall -%}
{%- for n in [1, 2] %}{{ loop.cycle("odd", "even") }}{{ field(n) }}{{ double(n) }}{% endfor -%}
{%- set space = namespace(total=0) %}{% set space.total = double(4) %}{{ space.total }}{{ person.name }}{{ person.hello(evil) }}
{{ pair(evil) }}{{ pair(1, evil) }}{{ pair(1, b=2) }}{{ pair(b=3, a=4) }}{{ "never" if space.total == 7 }}
{%- autoescape false %}{{ evil }}{{ pair("<b>", "<i>") }}{% endautoescape -%}
{%- endblock -%}
"""
BASE = "<title>{{ self.content()|length > 0 }}</title>{% block content %}{{ evil }}{% endblock %}"


def test_pages_are_the_same_as_by_jinjas_compiler() -> None:
    def environment() -> jinja2.Environment:
        loader = jinja2.DictLoader({"base": BASE, "macros": MACROS, "page": PAGE})
        return jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)

    direct = environment()
    prepare(direct)
    person = SimpleNamespace(name=EVIL, hello=lambda to: f"hello {to}")
    told: dict[str, Any] = {"evil": EVIL, "double": lambda n: 2 * n, "person": person}

    page = direct.get_template("page").render(told)
    assert page == environment().get_template("page").render(told)
    assert page.count(str(escape(EVIL))) == 9


def test_an_unknown_name_still_fails_loudly() -> None:
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    prepare(environment)
    macro = "{% macro pair(a, b=2) %}{{ a }}{% endmacro %}"
    for source in (macro + "{{ pair() }}", "{{ nobody }}", "{{ nobody() }}", "{{ nobody.knows }}"):
        with pytest.raises(jinja2.UndefinedError):
            environment.from_string(source).render()
    with pytest.raises(TypeError):
        environment.from_string(macro + "{{ pair(1, 2, 3) }}").render()


def test_what_was_compiled_is_kept_for_the_next_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the text of a template changes, or what compiles it."""
    monkeypatch.setattr(sys, "pycache_prefix", None)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    compiled: list[str] = []

    class Noting(CompiledOnce):
        def dump_bytecode(self, bucket: Bucket) -> None:
            super().dump_bytecode(bucket)
            compiled.append(bucket.checksum)

    def start(text: str) -> str:
        cache = Noting(tmp_path / "templates")
        environment = jinja2.Environment(
            loader=jinja2.DictLoader({"page": text}), bytecode_cache=cache, autoescape=True
        )
        prepare(environment)
        page = environment.get_template("page").render(name="<")
        cache.keep()
        return page

    assert [start("hello {{ name }}"), start("hello {{ name }}")] == ["hello &lt;", "hello &lt;"]
    assert len(compiled) == 1
    assert start("bye {{ name }}") == "bye &lt;"
    assert len(compiled) == 2

    monkeypatch.setattr(jinja2, "__version__", "another")
    start("bye {{ name }}")
    assert len(compiled) == 3
    assert [path.suffix for path in (tmp_path / "__pycache__").iterdir()] == [".pyc"]


def test_nothing_of_a_language_or_a_setting_is_compiled_into_a_template() -> None:
    """Jinja applies filters to constants while it compiles; what is kept has to be right for every language and shop."""
    environment = jinja2.Environment(autoescape=True, **OPTIONS)
    folded = [
        (name, found.name)
        for name, text in sources(str(HOME / "templates")).items()
        for found in environment.parse(text).find_all(nodes.Filter)
        if isinstance(found.node, nodes.Const | nodes.TemplateData)
    ]
    assert folded == []
