"""Addresses of content pages."""

from shop.content import views
from shop.web.access import anyone
from shop.web.routing import page

ROUTES = [page("content.page", views.page, anyone)]
