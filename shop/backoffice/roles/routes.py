"""Addresses of roles."""

from shop.backoffice.roles import views
from shop.web.routing import form, page
from shop.web.staff import Permission
from shop.web.staff_doors import staff_only

fresh = staff_only(Permission.STAFF, fresh=True)

ROUTES = [
    page("backoffice.roles", views.roles, staff_only(Permission.STAFF)),
    form("backoffice.roles.new", views.new_role, fresh),
    form("backoffice.roles.role", views.role, fresh),
    form("backoffice.roles.removal", views.remove, fresh),
]
