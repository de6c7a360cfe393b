"""Addresses of reviews."""

from shop.backoffice.reviews import views
from shop.web.routing import action, page
from shop.web.staff import Permission
from shop.web.staff_doors import staff_only

door = staff_only(Permission.CUSTOMERS)

ROUTES = [
    page("backoffice.reviews", views.reviews, door),
    action("backoffice.reviews.showing", views.show, door),
    action("backoffice.reviews.hiding", views.hide, door),
]
