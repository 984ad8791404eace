# One image for web, worker, beat, and commands. Nothing secret is in it, and nothing in it runs as root.

FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/freshet
COPY requirements.txt .
RUN /opt/freshet/bin/pip install --require-hashes -r requirements.txt


FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /srv/freshet --shell /usr/sbin/nologin freshet \
    && install --directory --owner freshet /srv/freshet /var/lib/freshet
COPY --from=build /opt/freshet /opt/freshet
WORKDIR /srv/freshet
COPY --chown=root:root manage.py Procfile ./
COPY --chown=root:root recsys recsys
COPY --chown=root:root webapp webapp
COPY --chown=root:root templates templates
COPY --chown=root:root deploy/start deploy/start
ENV PATH=/opt/freshet/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=webapp.settings \
    FRESHET_VAR=/var/lib/freshet \
    FRESHET_HOST=0.0.0.0 \
    FRESHET_PORT=8000 \
    FRESHET_LOG_FORMAT=json \
    FRESHET_STATIC_ROOT=/srv/freshet/static
RUN FRESHET_VAR=/tmp/build python manage.py collectstatic --noinput && rm -r /tmp/build
USER freshet
VOLUME /var/lib/freshet
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ['FRESHET_PORT']}/healthz\", timeout=4)"]
CMD ["deploy/start", "web"]
