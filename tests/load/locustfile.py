"""For people who use locust: users who protect a small photo and restore it, closed loop.

    .venv/bin/pip install locust
    SRAE_TARGET=127.0.0.1:50051 PYTHONPATH=. .venv/bin/locust -f tests/load/locustfile.py --headless -u 4 -t 1m

locust runs on gevent, which is not among the project's packages; grpc has to be told of it before the first channel.
"""

from __future__ import annotations

import os
import time

import grpc
import grpc.experimental.gevent as grpc_gevent
from locust import User, constant, task
from srae.v1 import protection_service_pb2 as pr
from srae.v1 import restoration_service_pb2 as re
from srae.v1.protection_service_pb2_grpc import ProtectionServiceStub
from srae.v1.restoration_service_pb2_grpc import RestorationServiceStub

from tests.load.calls import TIERS
from tests.load.photos import photo

grpc_gevent.init_gevent()


class Owner(User):
    """Protects a photo, and restores what came back."""

    wait_time = constant(0)

    def on_start(self) -> None:
        channel = grpc.insecure_channel(os.environ.get("SRAE_TARGET", "127.0.0.1:50051"))
        self.protection, self.restoration = ProtectionServiceStub(channel), RestorationServiceStub(channel)
        self.photo = photo(256)

    @task
    def protect_and_restore(self) -> None:
        options = pr.ProtectOptions(tier=TIERS["one-pass"])
        made = self._timed("protect", self.protection.Protect, pr.ProtectRequest(image=self.photo, options=options))
        if made is not None:
            receipt = re.RestoreOptions(receipt=made.outcome.receipt)
            self._timed("restore", self.restoration.Restore, re.RestoreRequest(image=made.image, options=receipt))

    def _timed(self, name: str, call: grpc.UnaryUnaryMultiCallable, request: object) -> object | None:
        began, answer, error = time.perf_counter(), None, None
        try:
            answer = call(request, timeout=60)
        except grpc.RpcError as refused:
            error = refused
        took = 1000 * (time.perf_counter() - began)
        self.environment.events.request.fire(
            request_type="grpc", name=name, response_time=took, response_length=0, exception=error, context={}
        )
        return answer
