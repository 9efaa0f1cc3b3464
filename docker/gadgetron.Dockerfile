# Gadgetron with despark: chains with <execute name="gadgets.…"> run in it as they are.
# Context: the root of the repository. BASE is one of Gadgetron's own images; name it with its digest to pin it.
ARG BASE=ghcr.io/gadgetron/gadgetron/gadgetron_ubuntu_rt_nocuda:latest
ARG PYTHON=3.12.11-slim-bookworm

FROM python:${PYTHON} AS wheel
WORKDIR /source
COPY docker/requirements-build.txt docker/sbom.cdx.json docker/
RUN pip install --no-cache-dir --no-deps --require-hashes --requirement docker/requirements-build.txt
COPY pyproject.toml README.md LICENSE ./
COPY gadgets gadgets
COPY pipelines pipelines
COPY onnx_models onnx_models
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels .

FROM ${BASE}
# "-cuda" brings the CUDA 12 libraries of onnxruntime-gpu where BASE is an image with CUDA.
ARG VARIANT=""
ARG CONDA_ENVIRONMENT=/opt/conda/envs/gadgetron
SHELL ["/bin/bash", "-eo", "pipefail", "-c"]
USER 0
COPY --from=wheel /wheels /tmp/wheels
COPY docker/requirements-gadgetron.txt docker/requirements-gadgetron-cuda.txt /tmp/requirements/
# An environment of its own, because onnxruntime-gpu and the image's onnxruntime overwrite each other's files. It sees
# the packages of Gadgetron's environment behind its own, so that other Python gadgets find theirs.
RUN "$CONDA_ENVIRONMENT/bin/python" -m venv --system-site-packages /opt/despark \
    && for list in requirements-gadgetron.txt "requirements-gadgetron${VARIANT}.txt"; do \
        /opt/despark/bin/python -m pip install --no-cache-dir --no-deps --require-hashes --requirement "/tmp/requirements/$list"; \
    done \
    && /opt/despark/bin/python -m pip install --no-cache-dir --no-deps /tmp/wheels/*.whl \
    && rm -r /tmp/wheels /tmp/requirements \
    && /opt/despark/bin/python -c 'import gadgets.raw_repair, onnxruntime, sys; sys.exit(not all(module.__file__.startswith("/opt/despark/") for module in (gadgets, onnxruntime)))' \
    && install --directory --owner 1000 --group 1000 /var/lib/gadgetron
# Gadgetron takes the first python on its PATH for Python gadgets. Its entry point activates the conda environment, which
# puts that one first, and then sources what lies here: PATH is to be expanded there.
# hadolint ignore=SC2016
RUN install --directory "$CONDA_ENVIRONMENT/etc/conda/activate.d" \
    && echo 'export PATH="/opt/despark/bin:$PATH"' > "$CONDA_ENVIRONMENT/etc/conda/activate.d/zz_despark.sh"
ENV PATH=/opt/despark/bin:$PATH \
    HOME=/var/lib/gadgetron \
    MPLCONFIGDIR=/tmp/matplotlib
COPY pipelines/chains/*.xml ${CONDA_ENVIRONMENT}/share/gadgetron/config/
COPY docker/check_gadgetron.py /opt/despark/
# The folder that the server is started in is the first in which its Python looks for modules: it stays empty of them.
WORKDIR /var/lib/gadgetron
USER 1000:1000
EXPOSE 9002
HEALTHCHECK --interval=30s --timeout=20s --start-period=60s --retries=3 \
    CMD ["/opt/despark/bin/python", "-I", "/opt/despark/check_gadgetron.py"]
