"""A customer's own addresses."""

from shop.accounts.addresses import views
from shop.web.access import signed_in
from shop.web.routing import action, form, page

ROUTES = [
    page("accounts.addresses", views.addresses, signed_in),
    form("accounts.new_address", views.new_address, signed_in),
    form("accounts.address", views.address, signed_in),
    action("accounts.address_default", views.make_default, signed_in),
    action("accounts.address_deletion", views.delete, signed_in),
]
