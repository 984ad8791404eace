"""What Django, Channels and Celery are told; the site's own settings are declared in `webapp.declared`."""

import secrets
from typing import Any

import dj_database_url

from webapp.declared import *  # noqa: F403 -- Django reads all of them from here
from webapp.declared import (
    BASE_DIR,
    FRESHET_ALLOWED_HOSTS,
    FRESHET_DATABASE_URL,
    FRESHET_DEBUG,
    FRESHET_HTTPS,
    FRESHET_LOG_FORMAT,
    FRESHET_LOG_LEVEL,
    FRESHET_REDIS_URL,
    FRESHET_SECRET_KEY,
    FRESHET_STATIC_ROOT,
    FRESHET_VAR,
)
from webapp.environment import Problem, environment, first_line
from webapp.logs import logging_settings

_MIB = 1_048_576

# -- Django ------------------------------------------------------------------------------------------------------

DEBUG = FRESHET_DEBUG
SECRET_KEY = FRESHET_SECRET_KEY or first_line(FRESHET_VAR / "secret_key", "")
if not SECRET_KEY:
    # Nobody can forge what a key drawn at random signs; but another process could not read it, so the site refuses.
    SECRET_KEY = secrets.token_urlsafe(48)
    if not DEBUG:
        environment.problems.append(
            Problem(
                "FRESHET_SECRET_KEY",
                "FRESHET_SECRET_KEY: expected a secret of 32 or more characters, received none.",
                "Set it in the environment, or run `make demo`, which keeps one in var/secret_key.",
            )
        )
ALLOWED_HOSTS = FRESHET_ALLOWED_HOSTS
ROOT_URLCONF = "webapp.urls"
ASGI_APPLICATION = "webapp.asgi.application"
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "django_htmx",
    "webapp",
    "webapp.catalog",
    "webapp.tracking",
    "webapp.visitors",
    "webapp.training",
    "webapp.feed",
    "webapp.analytics",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "webapp.staticfiles.static_files",
    "webapp.security.content_security_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "webapp.health.middleware.NamedHosts",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "webapp.tracking.middleware.VisitMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGIN_URL = "admin:login"

STATIC_URL = "/static/"
STATIC_ROOT = FRESHET_STATIC_ROOT
WHITENOISE_USE_FINDERS = FRESHET_STATIC_ROOT is None
STORAGES: dict[str, Any] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if WHITENOISE_USE_FINDERS
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

DATABASES: dict[str, Any] = {"default": dj_database_url.parse(FRESHET_DATABASE_URL, conn_health_checks=True)}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # Readers go on while one writes, and a writer waits for its turn instead of failing half-way.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        # A checkpoint waits for the disk, and lets the log wait with it. Pages are written over so often that one of
        # 40 MB has little more to write than one of 4.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=10000;",
    }

CHANNEL_LAYERS: dict[str, Any] = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [FRESHET_REDIS_URL], "prefix": "freshet:channels"},
    }
}

# -- Security headers --------------------------------------------------------------------------------------------

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = FRESHET_HTTPS
# Load balancers and container health checks ask over plain HTTP.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_HSTS_SECONDS = 31_536_000 if FRESHET_HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if FRESHET_HTTPS else None
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = _MIB
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("MinimumLengthValidator", "CommonPasswordValidator", "NumericPasswordValidator")
]

# -- Logging -----------------------------------------------------------------------------------------------------

LOGGING_CONFIG = "webapp.logs.configure"
LOGGING = logging_settings(FRESHET_LOG_FORMAT, FRESHET_LOG_LEVEL)

# -- Celery ------------------------------------------------------------------------------------------------------

CELERY_BROKER_URL = FRESHET_REDIS_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Worker and beat outlast any absence of Redis; by default both end after 100 tries, some 45 minutes.
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "global_keyprefix": "freshet:celery:",
    # A Redis that went without closing its connections, as after a failover, would be waited for without end.
    "socket_timeout": 5.0,
    "socket_connect_timeout": 5.0,
    "health_check_interval": 10,
}
CELERY_TASK_SERIALIZER = CELERY_EVENT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = TIME_ZONE
