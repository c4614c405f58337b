# ganaug on the CPU:
#   docker build -f docker/cpu.Dockerfile -t ganaug:cpu .
#   docker run --rm -v "$PWD:/data" ganaug:cpu run photos/ --out defects
FROM python:3.12-slim

COPY pyproject.toml README.md LICENSE constraints.txt /src/
COPY ganaug /src/ganaug
# torch without CUDA is a tenth of the size.
RUN pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu \
        -c /src/constraints.txt /src \
    && rm -rf /src \
    && useradd --create-home ganaug

USER ganaug
WORKDIR /data
ENTRYPOINT ["ganaug"]
CMD ["--help"]
