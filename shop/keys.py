"""The core's typed keys: what an application and a request carry. A feature's own keys live in the feature."""

from aiohttp import web

from shop.assets import Assets
from shop.cache.cache import Cache
from shop.cache.client import RedisClient
from shop.db import Database
from shop.limits import Limits
from shop.media.service import Media
from shop.passwords import Passwords
from shop.settings import Settings
from shop.tokens import Tokens
from shop.urls import Urls

SETTINGS = web.AppKey("SETTINGS", Settings)
DB = web.AppKey("DB", Database)
REDIS = web.AppKey("REDIS", RedisClient)
CACHE = web.AppKey("CACHE", Cache)
URLS = web.AppKey("URLS", Urls)
TOKENS = web.AppKey("TOKENS", Tokens)
PASSWORDS = web.AppKey("PASSWORDS", Passwords)
LIMITS = web.AppKey("LIMITS", Limits)
ASSETS = web.AppKey("ASSETS", Assets)
DRAINING = web.AppKey("DRAINING", list[bool])  # holds something once the process has been told to stop
MEDIA = web.AppKey("MEDIA", Media)

LANG = web.RequestKey("LANG", str)
ROUTE = web.RequestKey("ROUTE", str)
REQUEST_ID = web.RequestKey("REQUEST_ID", str)
