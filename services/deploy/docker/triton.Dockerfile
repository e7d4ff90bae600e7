# NVIDIA's Triton with this repository's models. From a checkout's root, after `make export`:
#   docker build -f services/deploy/docker/triton.Dockerfile -t srae-triton:0.1.0 .
# Linted by `make check-deploy`, and built nowhere by this project's tests: they run without a container engine.
FROM nvcr.io/nvidia/tritonserver:26.10-py3
COPY triton_models /models
USER 10001:10001
EXPOSE 8000 8001 8002
CMD ["tritonserver", "--model-repository=/models", "--model-control-mode=explicit", "--load-model=*", \
     "--disable-auto-complete-config", "--strict-readiness=false"]
