"""Addresses of the mail room; app.py adds them in development only."""

from shop.mailroom import views
from shop.web.access import anyone
from shop.web.routing import endpoint, page

ROUTES = [
    page("mailroom.mails", views.mails, anyone),
    page("mailroom.mail", views.mail, anyone),
    endpoint("mailroom.html", views.html, anyone),
]
