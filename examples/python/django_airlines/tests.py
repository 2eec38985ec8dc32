from unittest import mock

from django.test import SimpleTestCase

from kiwi_cache import Cache


@mock.patch("django_airlines.caches.airlines", lambda: Cache.fixed({"FR": {"name": "Ryanair"}}))
class AirlineTest(SimpleTestCase):
    def test_an_airline(self):
        self.assertEqual(self.client.get("/airlines/FR").json(), {"name": "Ryanair"})
        self.assertEqual(self.client.get("/airlines/XX").status_code, 404)
        self.assertEqual(self.client.get("/ready").json()["state"], "fresh")
