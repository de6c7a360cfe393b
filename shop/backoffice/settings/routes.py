"""Addresses of the settings; changing them asks for both factors anew."""

from shop.backoffice.settings import views
from shop.backoffice.settings.demo import views as demo
from shop.backoffice.settings.payments import views as payments
from shop.backoffice.settings.profile import views as profile
from shop.backoffice.settings.taxes import views as taxes
from shop.web.routing import action, form, page, upload
from shop.web.staff import Permission
from shop.web.staff_doors import staff_only

fresh = staff_only(Permission.SETTINGS, fresh=True)

ROUTES = [
    page("backoffice.settings", views.settings, staff_only(Permission.SETTINGS)),
    form("backoffice.settings.identity", profile.identity, fresh),
    form("backoffice.settings.sender", profile.sender, fresh),
    page("backoffice.settings.logo", profile.logo, fresh),
    upload("backoffice.settings.logo_upload", profile.set_logo, fresh),
    action("backoffice.settings.logo_removal", profile.remove_logo, fresh),
    form("backoffice.settings.payments", payments.methods, fresh),
    page("backoffice.settings.taxes", taxes.taxes, fresh),
    form("backoffice.settings.tax_new", taxes.new_tax, fresh),
    form("backoffice.settings.tax", taxes.tax, fresh),
    form("backoffice.settings.tax_removal", taxes.remove_tax, fresh),
    form("backoffice.settings.demo", demo.empty, fresh),
    form("backoffice.settings.pause", views.pause, fresh),
    action("backoffice.settings.resumption", views.resume, fresh),
    form("backoffice.settings.recipients", views.recipients, fresh),
]
