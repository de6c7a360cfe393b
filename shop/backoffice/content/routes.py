"""Addresses of the home page's blocks and of the content pages."""

from shop.backoffice.content.blocks import views as blocks
from shop.backoffice.content.pages import views as pages
from shop.web.routing import action, form, page, upload
from shop.web.staff import Permission
from shop.web.staff_doors import staff_only

door = staff_only(Permission.CONTENT)

ROUTES = [
    page("backoffice.blocks", blocks.blocks, door),
    page("backoffice.blocks.preview", blocks.preview, door),
    action("backoffice.blocks.order", blocks.arrange, door),
    form("backoffice.blocks.new", blocks.new_block, door),
    form("backoffice.blocks.block", blocks.block, door),
    form("backoffice.blocks.removal", blocks.remove, door),
    upload("backoffice.blocks.picture", blocks.add_picture, door),
    action("backoffice.blocks.picture_removal", blocks.remove_picture, door),
    page("backoffice.pages", pages.pages, door),
    action("backoffice.pages.order", pages.arrange, door),
    form("backoffice.pages.new", pages.new_page, door),
    form("backoffice.pages.page", pages.page, door),
]
