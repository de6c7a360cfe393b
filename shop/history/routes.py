"""Addresses of the member's list."""

from shop.history import views
from shop.web.access import signed_in
from shop.web.routing import action, page

ROUTES = [
    page("history.history", views.history, signed_in),
    action("history.clearing", views.clear, signed_in),
]
