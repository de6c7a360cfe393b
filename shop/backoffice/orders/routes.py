"""Addresses of orders."""

from shop.backoffice.orders import views
from shop.backoffice.orders.live import views as live
from shop.backoffice.orders.picking import views as picking
from shop.web.routing import action, form, page
from shop.web.staff import Permission
from shop.web.staff_doors import staff_only

door = staff_only(Permission.ORDERS)

ROUTES = [
    page("backoffice.orders", views.orders, door),
    page("backoffice.orders.events", live.events, door),
    page("backoffice.orders.picking", picking.pick_list, door),
    page("backoffice.orders.order", views.order, door),
    page("backoffice.orders.slip", views.slip, door),
    form("backoffice.orders.packing", picking.pack, door),
    action("backoffice.orders.shipping", views.ship, door),
    form("backoffice.orders.delivery", views.deliver, door),
    form("backoffice.orders.cancellation", views.cancel, door),
    form("backoffice.orders.refund", views.refund, door),
    action("backoffice.orders.note", views.note, door),
]
