"""Addresses of origins."""

from shop.backoffice.origins import views
from shop.web.routing import form, page
from shop.web.staff import Permission
from shop.web.staff_doors import staff_only

door = staff_only(Permission.CATALOGUE)

ROUTES = [
    page("backoffice.origins", views.origins, door),
    form("backoffice.origins.new", views.new_origin, door),
    form("backoffice.origins.origin", views.origin, door),
    form("backoffice.origins.removal", views.remove, door),
]
