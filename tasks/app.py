"""Celery: its broker, its limits, and what makes a message come back when something dies. `celery -A tasks.app worker`."""

from __future__ import annotations

import os
from typing import Any, Final

from celery import Celery
from celery.signals import setup_logging

from shop import logs
from shop.cache.urls import for_celery
from shop.settings import Settings

QUEUE: Final = "promises"
KEY_PREFIX: Final = "celery:"
TASK_SECONDS: Final = 45.0
VISIBILITY_SECONDS: Final = 90


def configuration(settings: Settings) -> dict[str, Any]:
    """Return Celery's settings for this shop."""
    broker, where = for_celery(settings.broker_url)
    return {
        "broker_url": broker,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_transport_options": {
            # surprise: without all of these a message whose worker was killed comes back after an hour, or never
            "visibility_timeout": VISIBILITY_SECONDS,
            "unacked_restore_interval": 10,
            "unacked_restore_throttle": 1,
            "health_check_interval": 5,
            "socket_timeout": 5,
            "socket_connect_timeout": 2,
            "global_keyprefix": KEY_PREFIX,
            **where,
        },
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "task_default_queue": QUEUE,
        "task_ignore_result": True,
        "task_soft_time_limit": TASK_SECONDS + 5,
        "task_time_limit": TASK_SECONDS + 10,
        "task_serializer": "json",
        "result_serializer": "json",
        "accept_content": ["json"],
        "worker_prefetch_multiplier": 1,
        "worker_enable_remote_control": False,
        "worker_send_task_events": False,
        "worker_redirect_stdouts": False,
        "worker_soft_shutdown_timeout": 10.0,
        "timezone": "UTC",
    }


def _configured() -> dict[str, Any]:
    return configuration(Settings.inherit(os.environ))


app: Final = Celery(
    "bayberry",
    include=[
        "tasks.accounts",
        "tasks.goods",
        "tasks.mail",
        "tasks.media",
        "tasks.orders",
        "tasks.payments",
        "tasks.staff_log",
        "tasks.staff_mail",
        "tasks.tables",
        "tasks.watch",
    ],
    set_as_current=False,
)
app.add_defaults(_configured)


@setup_logging.connect(weak=False)  # type: ignore[untyped-decorator]
def _log_as_the_shop_does(**_options: Any) -> None:
    logs.configure(development=Settings.inherit(os.environ).development, service="worker")
