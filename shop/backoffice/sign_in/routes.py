"""Addresses before and behind the door."""

from shop.backoffice.sign_in import views
from shop.backoffice.sign_in.invitation import views as invitation
from shop.backoffice.sign_in.kept import views as kept
from shop.web.routing import action, form, page
from shop.web.staff import Permission
from shop.web.staff_doors import gate, staff_only

ROUTES = [
    form("backoffice.login", views.login, gate),
    action("backoffice.login_code", views.login_code, gate),
    action("backoffice.setup", views.setup, gate),
    action("backoffice.logout", views.logout, staff_only(Permission.DESK)),
    page("backoffice.kept", kept.kept, staff_only(Permission.DESK)),
    form("backoffice.invitation", invitation.invitation, gate),
]
