"""Flask: `gunicorn --preload --workers 4 'flask_airlines:create_app()'`."""

import os

from flask import Flask

from kiwi_cache import Cache, CacheMissing


def create_app(airlines=None):
    # Connected once, before gunicorn forks: all workers share this memory, and each follows the changes by itself.
    # `start_missing`: the service may start before a host has published anything.
    if airlines is None:
        airlines = Cache.connect(os.environ["REDIS_URL"], "airlines", start_missing=True)
    app = Flask(__name__)

    @app.get("/airlines/<code>")
    def airline(code):
        found = airlines.get(code)
        return ({"error": "no such airline"}, 404) if found is None else found

    @app.get("/ready")
    def ready():
        # A stale map is served on purpose, so it is ready too. Let an alert watch the age.
        if airlines.state == "missing":
            raise CacheMissing("airlines: nothing is published")
        return {"state": airlines.state, "age": airlines.age.total_seconds()}

    @app.errorhandler(CacheMissing)
    def missing(error):
        return {"error": str(error)}, 503

    return app
