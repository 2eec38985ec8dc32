from fastapi.testclient import TestClient
from fastapi_airlines import airlines_of, app

from kiwi_cache.aio import Cache


def test_an_airline():
    app.dependency_overrides[airlines_of] = lambda: Cache.fixed({"FR": {"name": "Ryanair"}})
    # Without `with`, the client does not run `lifespan`, which connects.
    client = TestClient(app)
    assert client.get("/airlines/FR").json() == {"name": "Ryanair"}
    assert client.get("/airlines/XX").status_code == 404
    assert client.get("/ready").json()["state"] == "fresh"
