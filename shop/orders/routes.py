"""Addresses of orders. A guest's order is opened by its signed link, so these doors stand open and the views look at the key."""

from shop.orders import views
from shop.orders.checkout import views as checkout
from shop.web.access import anyone, signed_in
from shop.web.routing import action, form, page

ROUTES = [
    form("checkout.checkout", checkout.checkout, anyone),
    form("orders.lookup", views.look_up, anyone),
    page("orders.orders", views.orders, signed_in),
    page("orders.order", views.order, anyone),
    page("orders.receipt", views.receipt, anyone),
    page("orders.events", views.events, anyone),
    action("orders.cancellation", views.cancel, anyone),
    action("orders.return", views.ask_return, anyone),
    action("orders.again", views.order_again, anyone),
]
