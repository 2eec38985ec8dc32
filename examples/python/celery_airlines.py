"""Celery: `celery --app celery_airlines worker`."""

import os

from celery import Celery
from celery.signals import worker_init
from celery.worker.control import inspect_command

from kiwi_cache import Cache, CacheMissing

app = Celery("airlines", broker=os.environ.get("BROKER_URL"), backend=os.environ.get("BROKER_URL"))
airlines = None


@worker_init.connect
def connect(**_):
    # In the worker alone, not in programs that only send tasks; and before it forks: all its processes share this memory,
    # and each follows the changes by itself. `start_missing`: it may start before a host has published anything.
    global airlines
    airlines = Cache.connect(os.environ["REDIS_URL"], "airlines", start_missing=True)


# While nothing is published, a task waits and runs again.
@app.task(autoretry_for=(CacheMissing,), retry_backoff=True, max_retries=None)
def name_of(code):
    return airlines[code]["name"]


@inspect_command()
def caches(state):
    """For a readiness probe: `celery --app celery_airlines inspect caches --destination celery@$HOSTNAME`."""
    age = airlines.age
    return {"airlines": {"state": airlines.state, "age": age and age.total_seconds()}}
