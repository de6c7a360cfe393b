"""Addresses of the catalogue."""

from shop.catalog import views
from shop.catalog.sitemap import views as sitemap
from shop.web.access import anyone
from shop.web.routing import endpoint, page

ROUTES = [
    page("catalog.home", views.home, anyone),
    page("catalog.category", views.category, anyone),
    page("catalog.product", views.product, anyone),
    endpoint("catalog.robots", sitemap.robots, anyone),
    endpoint("catalog.sitemap", sitemap.index, anyone),
    endpoint("catalog.sitemap_part", sitemap.part, anyone),
]
