"""Addresses of coupons."""

from shop.backoffice.coupons import views
from shop.web.routing import form, page
from shop.web.staff import Permission
from shop.web.staff_doors import staff_only

door = staff_only(Permission.CATALOGUE)

ROUTES = [
    page("backoffice.coupons", views.coupons, door),
    form("backoffice.coupons.new", views.new_coupon, door),
    form("backoffice.coupons.coupon", views.coupon, door),
]
