"""The way in, and the way out."""

from shop.accounts.sign_in import views
from shop.web.access import anyone
from shop.web.routing import action, form

ROUTES = [
    form("accounts.login", views.login, anyone),
    action("accounts.login_code", views.login_code, anyone),
    action("accounts.logout", views.logout, anyone),
]
