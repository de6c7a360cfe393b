"""Addresses of customers."""

from shop.backoffice.customers import views
from shop.web.routing import action, form, page
from shop.web.staff import Permission
from shop.web.staff_doors import staff_only

door = staff_only(Permission.CUSTOMERS)

ROUTES = [
    page("backoffice.customers", views.customers, door),
    page("backoffice.customers.customer", views.customer, door),
    action("backoffice.customers.activation", views.send_activation, door),
    form("backoffice.customers.closing", views.close, door),
    action("backoffice.customers.opening", views.reopen, door),
]
