"""Addresses of the list of sessions."""

from shop.accounts.sessions import views
from shop.web.access import signed_in
from shop.web.routing import action, page

ROUTES = [
    page("accounts.sessions", views.sessions, signed_in),
    action("accounts.session_end", views.end_one, signed_in),
    action("accounts.other_sessions_end", views.end_others, signed_in),
]
