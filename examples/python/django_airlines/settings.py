import os

SECRET_KEY = os.environ.get("SECRET_KEY", "for tests only")
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
ROOT_URLCONF = "django_airlines.urls"
MIDDLEWARE = ["django_airlines.caches.MissingIs503"]
REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379")
