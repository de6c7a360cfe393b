"""Addresses of the catalogue."""

from shop.catalog import views
from shop.web.access import anyone
from shop.web.routing import page

ROUTES = [
    page("catalog.home", views.home, anyone),
    page("catalog.category", views.category, anyone),
    page("catalog.product", views.product, anyone),
]
