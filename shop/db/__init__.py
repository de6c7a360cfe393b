"""PostgreSQL for the shop: connections with deadlines, models, managers. Features import from here."""

from .engine import Connection as Connection
from .engine import Database as Database
from .errors import *  # noqa: F403  (each of them is for the features)
from .expressions import Avg as Avg
from .expressions import Count as Count
from .expressions import F as F
from .expressions import Max as Max
from .expressions import Min as Min
from .expressions import Now as Now
from .expressions import Q as Q
from .expressions import Sum as Sum
from .keyset import BadCursor as BadCursor
from .keyset import Page as Page
from .models import Model as Model
from .models import column as column
from .models import metadata as metadata
from .models import to_many as to_many
from .models import to_one as to_one
from .query import Manager as Manager
from .query import QuerySet as QuerySet
from .rows import Row as Row
