"""The way in for new customers."""

from shop.accounts.registration import views
from shop.web.access import anyone
from shop.web.routing import form

ROUTES = [
    form("accounts.register", views.register, anyone),
    form("accounts.activation_mail", views.activation_mail, anyone),
    form("accounts.activation", views.activation, anyone),
]
