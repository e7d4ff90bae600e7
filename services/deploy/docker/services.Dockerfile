# The gRPC services, with the models for their canaries and for running them in process. From a checkout's root, after
# `make setup`, which generates the protos' code and exports the models:
#   docker build -f services/deploy/docker/services.Dockerfile -t srae-services:0.1.0 .
# Linted by `make check-deploy`, and built nowhere by this project's tests: they run without a container engine.
FROM python:3.11.14-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /venv
ENV PATH=/venv/bin:$PATH
WORKDIR /build
COPY constraints.txt pyproject.toml README.md LICENSE ./
# Apart and first, for it is most of the image and changes least. Without CUDA: Triton is what runs on GPUs.
RUN pip install --constraint constraints.txt --index-url https://download.pytorch.org/whl/cpu torch==2.13.0
COPY protos/python protos/python
COPY services services
COPY clients/python clients/python
COPY clients/native_host clients/native_host
RUN pip install --constraint constraints.txt '.[embedded,triton,otel]'

FROM python:3.11.14-slim-bookworm
# What moves the coefficients of JPEGs.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends libturbojpeg0 && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin srae
COPY --from=build /venv /venv
COPY triton_models /models
# Nothing is written but to /tmp: the chart mounts the rest read-only.
ENV PATH=/venv/bin:$PATH HOME=/tmp PYTHONDONTWRITEBYTECODE=1 SRAE_REPOSITORY=/models
USER 10001:10001
EXPOSE 50051 50052 9090
ENTRYPOINT ["python", "-m", "services"]
