"""Every alert asks for something that is counted (test_rolling.py and test_units.py read what processes count)."""

from __future__ import annotations

import re
import subprocess
import sys

import yaml

from shop.settings import HOME

WORDS = {"rate", "sum", "by", "le", "max", "increase", "absent", "ignoring", "and", "histogram_quantile", "job", "up"}
LABELS = {"route", "status", "state", "source", "outcome", "provider", "task", "instance"}


def test_every_alert_asks_for_what_is_counted() -> None:
    """Names, labels and brackets; and each alert says what to do."""
    (group,) = yaml.safe_load((HOME / "config/alerts.yml").read_text("utf-8"))["groups"]
    dump = "import shop.app, shop.metrics, prometheus_client as p; print(*[m.name for m in p.REGISTRY.collect()])"
    told = subprocess.run(
        [sys.executable, "-c", dump], cwd=HOME, capture_output=True, text=True, check=True, timeout=60
    )
    families = set(told.stdout.split())
    for rule in group["rules"]:
        plain = re.sub(r'"[^"]*"', "", rule["expr"])
        assert plain.count("(") == plain.count(")")
        assert plain.count("{") == plain.count("}")
        names = set(re.findall(r"[a-z_]{2,}", re.sub(r"\[\w+\]", "", plain))) - WORDS - LABELS
        assert names or rule["alert"] == "ShopProcessDown"
        for name in names:
            assert {name, name.removesuffix("_total"), re.sub("_(bucket|count|sum)$", "", name)} & families, name
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert len(rule["annotations"]["summary"]) > 30
