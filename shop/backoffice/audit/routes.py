"""Addresses of the log."""

from shop.backoffice.audit import views
from shop.web.routing import action, page
from shop.web.staff import Permission
from shop.web.staff_doors import staff_only

door = staff_only(Permission.STAFF)

ROUTES = [
    page("backoffice.audit", views.log, door),
    action("backoffice.audit.check", views.check, door),
]
