"""Addresses of the settings; changing them asks for both factors anew."""

from shop.backoffice.settings import views
from shop.web.routing import action, form, page
from shop.web.staff import Permission
from shop.web.staff_doors import staff_only

fresh = staff_only(Permission.SETTINGS, fresh=True)

ROUTES = [
    page("backoffice.settings", views.settings, staff_only(Permission.SETTINGS)),
    form("backoffice.settings.pause", views.pause, fresh),
    action("backoffice.settings.resumption", views.resume, fresh),
    form("backoffice.settings.recipients", views.recipients, fresh),
]
