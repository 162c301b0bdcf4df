# The page, the training and the World service. The model server is vLLM's own image: see compose.yaml.
FROM python:3.11-slim

WORKDIR /app
COPY requirements.txt ./
RUN pip install --no-cache-dir -r requirements.txt
COPY LICENSE README.md app.py ./
COPY style_tuner ./style_tuner
COPY rag ./rag
COPY configs ./configs
COPY data ./data
COPY benchmarks ./benchmarks

RUN useradd --create-home author \
    && mkdir -p /home/author/style-tuner/worlds /home/author/.cache/huggingface \
    && chown -R author /home/author
USER author
ENV STYLE_TUNER_HOME=/home/author/style-tuner \
    GRADIO_ANALYTICS_ENABLED=False \
    HF_HUB_DISABLE_TELEMETRY=1 \
    DO_NOT_TRACK=1 \
    ANONYMIZED_TELEMETRY=False
VOLUME /home/author/style-tuner
EXPOSE 7860 8001
CMD ["python", "app.py", "--host", "0.0.0.0"]
