"""Addresses of the category tree."""

from shop.backoffice.categories import views
from shop.web.routing import action, form, page, upload
from shop.web.staff import Permission
from shop.web.staff_doors import staff_only

door = staff_only(Permission.CATALOGUE)

ROUTES = [
    page("backoffice.categories", views.categories, door),
    form("backoffice.categories.new", views.new_category, door),
    form("backoffice.categories.category", views.category, door),
    action("backoffice.categories.place", views.move, door),
    upload("backoffice.categories.picture", views.add_picture, door),
    action("backoffice.categories.picture_removal", views.remove_picture, door),
]
