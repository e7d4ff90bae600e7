"""BentoML with two workers, and the body as it is."""

from __future__ import annotations

from typing import Annotated

import bentoml
from bentoml.validators import ContentType

from rivals.servers.work import WORKERS, Work

Body = Annotated[bytes, ContentType("application/octet-stream")]


@bentoml.service(workers=WORKERS, traffic={"timeout": 120})
class Rival:
    """The networks and the pipeline."""

    def __init__(self) -> None:
        self.work = Work.of_worker()

    @bentoml.api
    async def infer(self, body: Body, /) -> Body:
        """One inference of the network."""
        return (await self.work.infer([body]))[0]

    @bentoml.api
    async def protect(self, body: Body, /) -> Body:
        """The whole pipeline."""
        return await self.work.protect(body)
