"""Addresses of cart rules."""

from shop.backoffice.rules import views
from shop.web.routing import form, page
from shop.web.staff import Permission
from shop.web.staff_doors import staff_only

door = staff_only(Permission.CATALOGUE)

ROUTES = [
    page("backoffice.rules", views.rules, door),
    form("backoffice.rules.new", views.new_rule, door),
    form("backoffice.rules.rule", views.rule, door),
    form("backoffice.rules.removal", views.remove, door),
]
