"""The caches of this project. They connect when they are used first, so `manage.py migrate` needs no Redis."""

import functools

from django.conf import settings
from django.http import JsonResponse

from kiwi_cache import Cache, CacheMissing


@functools.lru_cache(maxsize=None)
def airlines():
    # `start_missing`: the service may start before a host has published anything.
    return Cache.connect(settings.REDIS_URL, "airlines", start_missing=True)


class MissingIs503:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_exception(self, request, exception):
        if isinstance(exception, CacheMissing):
            return JsonResponse({"error": str(exception)}, status=503)
        return None
