"""Addresses of returns."""

from shop.backoffice.returns import views
from shop.web.routing import form, page
from shop.web.staff import Permission
from shop.web.staff_doors import staff_only

door = staff_only(Permission.ORDERS)

ROUTES = [
    page("backoffice.returns", views.returns, door),
    form("backoffice.returns.answer", views.answer, door),
    form("backoffice.returns.receipt", views.receive, door),
]
