import celery_airlines

from kiwi_cache import Cache


def test_a_name(monkeypatch):
    monkeypatch.setattr(celery_airlines, "airlines", Cache.fixed({"FR": {"name": "Ryanair"}}))
    assert celery_airlines.name_of("FR") == "Ryanair"
