"""Addresses of reviews."""

from shop.reviews import views
from shop.web.access import signed_in
from shop.web.routing import form

ROUTES = [form("reviews.review", views.review, signed_in)]
