"""Where pictures are sent: one door for those who look after goods, one for those who look after texts."""

from shop.backoffice.pictures import views
from shop.web.routing import upload
from shop.web.staff import Permission
from shop.web.staff_doors import staff_only

ROUTES = [
    upload("backoffice.pictures.goods", views.add, staff_only(Permission.CATALOGUE)),
    upload("backoffice.pictures.content", views.add, staff_only(Permission.CONTENT)),
]
