"""A plain FastAPI, under `uvicorn --workers 2`."""

from __future__ import annotations

from fastapi import FastAPI, Request, Response

from rivals.servers.work import Work

app = FastAPI()
work = Work.of_worker()


@app.post("/infer")
async def infer(request: Request) -> Response:
    """One inference of the network."""
    return Response((await work.infer([await request.body()]))[0], media_type="application/octet-stream")


@app.post("/protect")
async def protect(request: Request) -> Response:
    """The whole pipeline."""
    return Response(await work.protect(await request.body()), media_type="application/octet-stream")
