# despark worker: the nodes for the <connect> of any Gadgetron, models open and warm; and the whole despark command.
# Context: the root of the repository. Targets: worker (default, CPU), worker-cuda and openrecon.
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

FROM python:${PYTHON} AS environment
COPY docker/requirements-worker.txt /tmp/
RUN python -m venv /opt/despark \
    && /opt/despark/bin/pip install --no-cache-dir --no-deps --require-hashes --requirement /tmp/requirements-worker.txt
COPY --from=wheel /wheels /wheels
RUN /opt/despark/bin/pip install --no-cache-dir --no-deps /wheels/*.whl \
    && /opt/despark/bin/pip check

FROM environment AS environment-cuda
COPY docker/requirements-worker-cuda.txt /tmp/
RUN /opt/despark/bin/pip install --no-cache-dir --no-deps --require-hashes --requirement /tmp/requirements-worker-cuda.txt

# Without a GPU its library, half of the environment, is never opened.
FROM environment AS environment-cpu
RUN rm /opt/despark/lib/python3.*/site-packages/onnxruntime/capi/libonnxruntime_providers_cuda.so \
    /opt/despark/lib/python3.*/site-packages/onnxruntime/capi/libonnxruntime_providers_tensorrt.so

FROM python:${PYTHON} AS runtime
RUN useradd --system --uid 10001 --create-home despark \
    && install --directory --owner despark /data /state/despark
# Records of scans lie below XDG_STATE_HOME, which is a volume in compose.yaml.
ENV PATH=/opt/despark/bin:$PATH \
    XDG_STATE_HOME=/state \
    PYTHONUNBUFFERED=1 \
    MPLCONFIGDIR=/tmp/matplotlib
WORKDIR /data
USER 10001
# acquisition_buffer, spark_detection, calibration, image_fft, raw_repair
EXPOSE 9010 9011 9012 9013 9014
HEALTHCHECK --interval=30s --timeout=20s --start-period=60s --retries=3 CMD ["despark", "worker", "--check"]
ENTRYPOINT ["despark"]
CMD ["worker"]

FROM runtime AS worker-cuda
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=environment-cuda /opt/despark /opt/despark

# An OpenRecon application: despark serve for a scanner, which connects from outside of the container and names
# configurations of its own. Its label is put on by --label, see README.md.
FROM runtime AS openrecon
COPY --from=environment-cpu /opt/despark /opt/despark
EXPOSE 9002
HEALTHCHECK --interval=30s --timeout=20s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9003/health', timeout=10)"]
CMD ["serve", "--bind", "0.0.0.0", "--port", "9002", "--default-chain", "spark_calibration", "--monitor-port", "9003"]

FROM runtime AS worker
COPY --from=environment-cpu /opt/despark /opt/despark
