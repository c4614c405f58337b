# ganaug on NVIDIA GPUs; torch brings the CUDA libraries, the machine its driver:
#   docker build -f docker/cuda.Dockerfile -t ganaug:cuda .
#   docker run --rm --gpus all -v "$PWD:/data" ganaug:cuda doctor
FROM python:3.12-slim

ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY pyproject.toml README.md LICENSE constraints.txt /src/
COPY ganaug /src/ganaug
RUN pip install --no-cache-dir -c /src/constraints.txt /src \
    && rm -rf /src \
    && useradd --create-home ganaug

USER ganaug
WORKDIR /data
ENTRYPOINT ["ganaug"]
CMD ["--help"]
