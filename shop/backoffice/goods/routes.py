"""Addresses of the goods."""

from shop.backoffice.goods import views
from shop.backoffice.goods.editor import views as editor
from shop.backoffice.goods.gallery import views as gallery
from shop.backoffice.goods.skus import views as skus
from shop.web.routing import action, form, page, upload
from shop.web.staff import Permission
from shop.web.staff_doors import staff_only

door = staff_only(Permission.CATALOGUE)

ROUTES = [
    page("backoffice.goods", views.goods, door),
    action("backoffice.goods.bulk", views.do_to_all, door),
    form("backoffice.goods.new", editor.new_product, door),
    form("backoffice.goods.sku", skus.sku, door),
    action("backoffice.goods.sku_order", skus.move, door),
    action("backoffice.goods.price", views.set_price, door),
    action("backoffice.goods.stock", views.move_stock, door),
    form("backoffice.goods.product", editor.product, door),
    form("backoffice.goods.new_sku", skus.new_sku, door),
    form("backoffice.goods.pictures", gallery.gallery, door),
    upload("backoffice.goods.pictures_new", gallery.add, door),
    page("backoffice.goods.preview", editor.preview, door),
    action("backoffice.goods.copy", editor.duplicate, door),
    form("backoffice.goods.bin", editor.put_in_bin, door),
    action("backoffice.goods.restoring", editor.restore, door),
]
