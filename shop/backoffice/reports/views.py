"""The reports: one page, drawn by the server, each drawing with its table."""

from datetime import datetime
from typing import Any

from aiohttp import web

from shop.backoffice.reports.charts import bar_chart
from shop.backoffice.reports.forms import PeriodForm
from shop.backoffice.reports.queries import best_sellers, running_out, sales_by_day, searched_in_vain
from shop.backoffice.views import chosen_in
from shop.i18n import format_date
from shop.keys import DB, SETTINGS
from shop.web.rendering import language_of
from shop.web.respond import render


async def reports(request: web.Request) -> web.StreamResponse:
    """Orders and revenue by day, best sellers, what runs out and what was searched in vain."""
    zone, lang = request.app[SETTINGS].timezone, language_of(request)
    form = PeriodForm.of(request)
    first, last = form.period(datetime.now(zone).date())
    async with request.app[DB].read(stale_ok=True) as conn:
        days = await sales_by_day(conn, first, last, zone)
        sellers = await best_sellers(conn, first, last, zone, lang)
        short = await running_out(conn, lang)
        misses = await searched_in_vain(conn)
    labels = [format_date(lang, day.day) for day in days]
    context: dict[str, Any] = {
        "form": form,
        "chosen": chosen_in(form),
        "first": first,
        "last": last,
        "days": days,
        "orders": bar_chart([(label, day.orders) for label, day in zip(labels, days, strict=True)]),
        "revenue": bar_chart([(label, day.revenue) for label, day in zip(labels, days, strict=True)]),
        "sellers": sellers,
        "short": short,
        "misses": misses,
    }
    return await render(request, "backoffice/reports/reports.html", **context)
