"""Templates compiled directly say what Jinja's own compiler says, and escape what it escapes."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2
import pytest
from markupsafe import Markup, escape

from shop.web.compiling import prepare, shown

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
