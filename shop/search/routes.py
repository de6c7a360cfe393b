"""Addresses of search."""

from shop.search import views
from shop.web.access import anyone
from shop.web.routing import page

ROUTES = [
    page("search.results", views.results, anyone),
    page("search.suggestions", views.suggestions, anyone),
]
