from django.http import JsonResponse
from django.urls import path

from django_airlines import caches
from kiwi_cache import CacheMissing


def airline(request, code):
    found = caches.airlines().get(code)
    return JsonResponse({"error": "no such airline"}, status=404) if found is None else JsonResponse(found)


def ready(request):
    airlines = caches.airlines()
    # A stale map is served on purpose, so it is ready too. Let an alert watch the age.
    if airlines.state == "missing":
        raise CacheMissing("airlines: nothing is published")
    return JsonResponse({"state": airlines.state, "age": airlines.age.total_seconds()})


urlpatterns = [path("airlines/<code>", airline), path("ready", ready)]
