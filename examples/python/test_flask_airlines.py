from flask_airlines import create_app

from kiwi_cache import Cache


def test_an_airline():
    client = create_app(Cache.fixed({"FR": {"name": "Ryanair"}})).test_client()
    assert client.get("/airlines/FR").json == {"name": "Ryanair"}
    assert client.get("/airlines/XX").status_code == 404
    assert client.get("/ready").json["state"] == "fresh"
