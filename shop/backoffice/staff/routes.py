"""Addresses of the staff. Whatever changes anything asks for a sign-in of the last ten minutes."""

from shop.backoffice.staff import views
from shop.web.routing import action, form, page
from shop.web.staff import Permission
from shop.web.staff_doors import staff_only

door = staff_only(Permission.STAFF)
fresh = staff_only(Permission.STAFF, fresh=True)

ROUTES = [
    page("backoffice.staff", views.members, door),
    form("backoffice.staff.invitation", views.invite, fresh),
    form("backoffice.staff.member", views.member, fresh),
    action("backoffice.staff.link", views.send_link, fresh),
    form("backoffice.staff.disabling", views.disable, fresh),
    action("backoffice.staff.enabling", views.enable, fresh),
    form("backoffice.staff.second_factor_reset", views.reset_second_factor, fresh),
]
