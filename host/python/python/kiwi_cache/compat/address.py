"""Where a service's Redis client connects to, as the URL of a store."""

from __future__ import annotations

import re
from typing import Any, Optional
from urllib.parse import quote

from ..errors import CacheInvalid


def url_of(client: Any) -> str:
    """The URL of a client of redis-py. It holds the password: it must not be shown."""
    pool = getattr(client, "connection_pool", None)
    settings = dict(getattr(pool, "connection_kwargs", None) or {})
    kind = getattr(getattr(pool, "connection_class", None), "__name__", "")
    if settings.get("credential_provider") is not None or not ("host" in settings or "path" in settings):
        raise CacheInvalid(
            "`resources_redis` does not say which server it connects to (a Sentinel, a cluster, or a credential provider?): "
            "set the class attribute `url`, such as \"redis://127.0.0.1:6379\""
        )
    user, password = settings.get("username") or "", settings.get("password") or ""
    db = settings.get("db") or 0
    if "path" in settings:
        secrets = {"user": user, "pass": password}
        query = "".join(f"&{name}={quote(value, safe='')}" for name, value in secrets.items() if value)
        return f"redis+unix://{quote(settings['path'])}?db={db}{query}"
    scheme = "rediss" if "SSL" in kind else "redis"
    login = f"{quote(user, safe='')}:{quote(password, safe='')}@" if user or password else ""
    host = settings["host"]
    host = f"[{host}]" if ":" in host else host
    return f"{scheme}://{login}{host}:{settings.get('port') or 6379}/{db}"


def name_of(class_name: str, suffix: Optional[str]) -> str:
    """The name of the cache of a class, unless it says so itself: ``KiwiAirlines`` with the suffix ``eu`` is
    ``kiwi_airlines_eu``."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", class_name).lower()
    name = words if suffix is None else f"{words}_{suffix}"
    return re.sub(r"[^A-Za-z0-9._-]", "_", name).lstrip("_.-")
