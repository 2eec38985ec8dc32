"""`gunicorn --preload --workers 4 django_airlines.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_airlines.settings")
application = get_wsgi_application()

from django_airlines import caches  # noqa: E402

# Connected once, before gunicorn forks: all workers share this memory, and each follows the changes by itself.
caches.airlines()
