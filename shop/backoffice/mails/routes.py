"""Addresses of the mail room."""

from shop.backoffice.mails import views
from shop.web.routing import action, page
from shop.web.staff import Permission
from shop.web.staff_doors import staff_only

door = staff_only(Permission.CUSTOMERS)

ROUTES = [
    page("backoffice.mails", views.mails, door),
    page("backoffice.mails.sent", views.sent, door),
    page("backoffice.mails.mail", views.mail, door),
    action("backoffice.mails.resending", views.resend, door),
]
