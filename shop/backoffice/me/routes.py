"""Addresses of one's own access."""

from shop.backoffice.me import views
from shop.web.routing import action, form, page
from shop.web.staff import Permission
from shop.web.staff_doors import staff_only

fresh = staff_only(Permission.DESK, fresh=True)

ROUTES = [
    page("backoffice.me", views.me, staff_only(Permission.DESK)),
    form("backoffice.me.password", views.password, fresh),
    action("backoffice.me.recovery_codes", views.recovery_codes, fresh),
]
