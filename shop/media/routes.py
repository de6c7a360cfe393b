"""The address of pictures, where Python serves them itself."""

from shop.media import views
from shop.web.access import anyone
from shop.web.routing import endpoint

ROUTES = [endpoint("media.file", views.file, anyone)]
