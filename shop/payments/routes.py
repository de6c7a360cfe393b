"""Addresses of payment. As with orders, the views look at whose order it is; a notice comes from a provider's machine."""

from shop.payments import views
from shop.web.access import anyone, from_provider
from shop.web.routing import action, endpoint, page

ROUTES = [
    action("payments.payment", views.pay, anyone),
    page("payments.returned", views.returned, anyone),
    endpoint("payments.notice", views.notice, from_provider, "POST"),
]
