"""Addresses of the basket."""

from shop.cart import views
from shop.web.access import anyone
from shop.web.routing import action, page

ROUTES = [
    page("cart.cart", views.cart, anyone),
    action("cart.lines", views.add, anyone),
    action("cart.quantity", views.change, anyone),
    action("cart.removal", views.remove, anyone),
    action("cart.saving", views.save_for_later, anyone),
    action("cart.return", views.put_back, anyone),
    action("cart.coupon", views.use_coupon, anyone),
    action("cart.coupon_removal", views.drop_coupon, anyone),
    action("cart.place", views.choose_place, anyone),
]
