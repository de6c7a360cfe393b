"""Addresses of zones, their areas, plan and windows."""

from shop.backoffice.delivery import views
from shop.backoffice.delivery.plan import views as plan
from shop.web.routing import action, form, page
from shop.web.staff import Permission
from shop.web.staff_doors import staff_only

door = staff_only(Permission.SETTINGS)

ROUTES = [
    page("backoffice.delivery", views.zones, door),
    action("backoffice.delivery.order", views.arrange, door),
    form("backoffice.delivery.new", views.new_zone, door),
    form("backoffice.delivery.zone", views.zone, door),
    form("backoffice.delivery.areas", views.areas, door),
    action("backoffice.delivery.area_removal", views.remove_area, door),
    form("backoffice.delivery.plan", plan.plan, door),
    form("backoffice.delivery.planned", plan.planned, door),
    action("backoffice.delivery.planned_removal", plan.remove, door),
    page("backoffice.delivery.windows", plan.windows, door),
    action("backoffice.delivery.capacity", plan.set_capacity, door),
]
