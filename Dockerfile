# The image of the service, the API beside the node. Build it with scripts/build-image, which hands docker nothing but
# `git archive COMMIT`: what is not committed can't get in, and build.txt knows the commit.

# python:3.13.16-slim-bookworm, the index of all platforms.
ARG PYTHON=python@sha256:a1165e272e578941b84abc79e4ab38a0305cd12803a5c4247979ac7655f4d641

FROM ${PYTHON} AS packages
COPY requirements/service.txt /
RUN pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore \
        --require-hashes --only-binary=:all: --target /packages --requirement /service.txt

FROM ${PYTHON}
COPY --from=packages /packages /packages
COPY src /src
# An image that does not know its commit would prove nothing.
RUN head -n 1 /src/coinquery/service/build.txt | grep -Eqx '[0-9a-f]{40}'
ENV PYTHONPATH=/src:/packages PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# The user of all containers of a stack, who owns the chain data and so may read the node's cookie.
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "-m", "coinquery.service"]
