"""FastAPI: `uvicorn --workers 4 fastapi_airlines:app`."""

import os
from contextlib import asynccontextmanager
from typing import Any, Mapping

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse

from kiwi_cache import CacheMissing
from kiwi_cache.aio import Cache


@asynccontextmanager
async def lifespan(app: FastAPI):
    # `start_missing`: the service may start before a host has published anything.
    async with await Cache.connect(os.environ["REDIS_URL"], "airlines", start_missing=True) as app.state.airlines:
        yield


app = FastAPI(lifespan=lifespan)


async def airlines_of(request: Request) -> Cache:
    return request.app.state.airlines


@app.get("/airlines/{code}")
async def airline(code: str, airlines: Mapping[str, Any] = Depends(airlines_of)):
    # A read is from memory: nothing is awaited.
    found = airlines.get(code)
    if found is None:
        raise HTTPException(404, "no such airline")
    return found


@app.get("/ready")
async def ready(airlines: Any = Depends(airlines_of)):
    # A stale map is served on purpose, so it is ready too. Let an alert watch the age.
    if airlines.state == "missing":
        raise CacheMissing("airlines: nothing is published")
    return {"state": airlines.state, "age": airlines.age.total_seconds()}


@app.exception_handler(CacheMissing)
async def missing(request: Request, error: CacheMissing):
    return JSONResponse({"error": str(error)}, status_code=503)
