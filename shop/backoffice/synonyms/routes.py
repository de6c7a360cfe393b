"""Addresses of synonyms."""

from shop.backoffice.synonyms import views
from shop.web.routing import action, form
from shop.web.staff import Permission
from shop.web.staff_doors import staff_only

door = staff_only(Permission.CATALOGUE)

ROUTES = [
    form("backoffice.synonyms", views.synonyms, door),
    action("backoffice.synonyms.removal", views.remove, door),
    action("backoffice.synonyms.forgetting", views.forget, door),
]
