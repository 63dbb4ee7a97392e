"""All settings, read once from the environment (`relayhub.env`), grouped, with unit and default.

Importing this module starts nothing and opens no connection. An unclear value stops the start with one
line that names the variable.
"""

from __future__ import annotations

import os
import secrets
import socket
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from relayhub.embedded import addresses as embedded
from relayhub.env import Environment, EnvironmentProblem, is_host_name

BASE_DIR = Path(__file__).resolve().parent.parent
_env = Environment()


def _secret_key(data: Path, has_own_database: bool) -> str:
    """The configured key, or one generated into the data folder (0600) while everything is embedded."""
    value = _env.raw("RELAYHUB_SECRET_KEY")
    if value is not None:
        if len(value) < 32:
            raise EnvironmentProblem("RELAYHUB_SECRET_KEY is too short; it takes at least 32 characters.")
        return value
    if has_own_database:
        raise EnvironmentProblem(
            "RELAYHUB_SECRET_KEY is not set; with DATABASE_URL it must be, the same on every host."
            " Make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
        )
    path = data / "secret-key"
    try:
        data.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_text(encoding="utf-8").strip()
        with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
            handle.write(secrets.token_urlsafe(48))
        return path.read_text(encoding="utf-8").strip()
    except OSError as exc:
        raise EnvironmentProblem(
            f"RELAYHUB_DATA is “{data}”, where the secret key cannot be kept: {exc.strerror}."
            " It takes a folder this user may write to."
        ) from exc


def _database(url: str | None, data: Path) -> dict[str, Any]:
    common: dict[str, Any] = {
        "ENGINE": "django.db.backends.postgresql",
        "CONN_MAX_AGE": 0,
        # Asked when lent: after a restart of the server the pool would hand out one dead connection after the other.
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "connect_timeout": 5,
            "pool": {"min_size": 0, "max_size": 10, "timeout": 10, "max_idle": 120},
        },
    }
    if url is None:
        found = embedded.read(data) or embedded.EmbeddedAddresses(socket_folder=str(data / "not-started"))
        return common | {
            "NAME": found.postgres_database, "USER": found.postgres_user,
            "PASSWORD": found.postgres_password, "HOST": found.socket_folder, "PORT": found.postgres_port,
        }
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"} or not parts.path.strip("/"):
        raise EnvironmentProblem(
            "DATABASE_URL is not understood; it takes postgresql://user:password@host:5432/name."
        )
    query = dict(parse_qsl(parts.query))
    host = query.pop("host", None) or unquote(parts.hostname or "")
    common["OPTIONS"] |= query
    return common | {
        "NAME": unquote(parts.path.lstrip("/")), "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""), "HOST": host, "PORT": parts.port or "",
    }


def _redis(url: str | None, data: Path) -> tuple[str, str]:
    """The Redis URL and the broker's spelling of it."""
    if url is None:
        found = embedded.read(data) or embedded.EmbeddedAddresses(
            socket_folder="", valkey_socket=str(data / "not-started")
        )
        return found.redis_url, found.broker_url
    parts = urlsplit(url)
    if parts.scheme not in {"redis", "rediss", "unix"}:
        raise EnvironmentProblem("REDIS_URL is not understood; it takes redis://:password@host:6379/0.")
    if parts.scheme == "unix":
        number = dict(parse_qsl(parts.query)).get("db", "0")
        login = f":{parts.password}@" if parts.password else ""
        return url, f"redis+socket://{login}{parts.path}?virtual_host={number}"
    return url, url


def _host_name() -> str:
    name = _env.text("RELAYHUB_HOSTNAME", "").strip(".").lower() or socket.getfqdn().lower()
    if not is_host_name(name):
        raise EnvironmentProblem(f"RELAYHUB_HOSTNAME is “{name}”; it takes a host name such as mail.example.com.")
    return name


def _base_url() -> str:
    here = f"http://127.0.0.1:{_env.port('RELAYHUB_HTTP_PORT', 8000)}"
    value = _env.text("RELAYHUB_BASE_URL", here).rstrip("/")
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path or parts.query:
        raise EnvironmentProblem(
            f"RELAYHUB_BASE_URL is “{value}”; it takes an address such as https://mail.example.com without a path."
        )
    if IS_PRODUCTION and parts.scheme != "https":
        raise EnvironmentProblem(f"RELAYHUB_BASE_URL is “{value}”; in production it takes an https address.")
    return value


def _production_needs() -> None:
    if _env.raw("RELAYHUB_SECRET_KEY") is None:
        raise EnvironmentProblem("RELAYHUB_SECRET_KEY is not set; production takes one of at least 32 characters.")
    for name in ("RELAYHUB_TLS_CERT", "RELAYHUB_TLS_KEY"):
        if _env.raw(name) is None:
            raise EnvironmentProblem(f"{name} is not set; production takes the path of a PEM file.")


try:
    # -- Installation ------------------------------------------------------------------------------------
    RELAYHUB_MODE = _env.choice("RELAYHUB_MODE", ("development", "production"), "development")
    IS_PRODUCTION = RELAYHUB_MODE == "production"
    RELAYHUB_DATA = Path(_env.text("RELAYHUB_DATA", str(BASE_DIR / "var"))).expanduser().resolve()
    DATABASE_URL = _env.raw("DATABASE_URL")
    REDIS_URL_GIVEN = _env.raw("REDIS_URL")
    if IS_PRODUCTION:
        _production_needs()
    SECRET_KEY = _secret_key(RELAYHUB_DATA, DATABASE_URL is not None)
    RELAYHUB_ENCRYPTION_KEYS = _env.raw("RELAYHUB_ENCRYPTION_KEYS") or ""
    DATABASES = {"default": _database(DATABASE_URL, RELAYHUB_DATA)}
    REDIS_URL, CELERY_BROKER_URL = _redis(REDIS_URL_GIVEN, RELAYHUB_DATA)
    RELAYHUB_WORKERS = _env.integer("RELAYHUB_WORKERS", os.cpu_count() or 1, low=1, high=256)

    # -- Names and addresses -----------------------------------------------------------------------------
    RELAYHUB_BASE_URL = _base_url()
    RELAYHUB_HOSTNAME = _host_name()
    RELAYHUB_BIND = _env.text("RELAYHUB_BIND", "127.0.0.1")
    RELAYHUB_HTTP_PORT = _env.port("RELAYHUB_HTTP_PORT", 8000)
    RELAYHUB_SUBMISSION_PORT = _env.port("RELAYHUB_SUBMISSION_PORT", 2587)
    RELAYHUB_SUBMISSIONS_PORT = _env.port("RELAYHUB_SUBMISSIONS_PORT", 2465)
    RELAYHUB_MX_PORT = _env.port("RELAYHUB_MX_PORT", 2525)
    RELAYHUB_DNS_PORT = _env.port("RELAYHUB_DNS_PORT", 2553)
    RELAYHUB_EGRESS_ADDRESSES = _env.addresses("RELAYHUB_EGRESS_ADDRESSES")
    RELAYHUB_TRUSTED_PROXIES = _env.networks("RELAYHUB_TRUSTED_PROXIES")
    RELAYHUB_TRUSTED_SUBMITTERS = _env.submitters("RELAYHUB_TRUSTED_SUBMITTERS")
    RELAYHUB_SYSTEM_FROM = _env.text("RELAYHUB_SYSTEM_FROM", f"RelayHub <noreply@{RELAYHUB_HOSTNAME}>")
    RELAYHUB_TLS_CERT = _env.readable_file("RELAYHUB_TLS_CERT")
    RELAYHUB_TLS_KEY = _env.readable_file("RELAYHUB_TLS_KEY")
    if bool(RELAYHUB_TLS_CERT) != bool(RELAYHUB_TLS_KEY):
        raise EnvironmentProblem("RELAYHUB_TLS_CERT and RELAYHUB_TLS_KEY go together; set both or none.")
    ALLOWED_HOSTS = list(_env.hosts("RELAYHUB_ALLOWED_HOSTS")) or [
        urlsplit(RELAYHUB_BASE_URL).hostname or "127.0.0.1"
    ]
    if not IS_PRODUCTION:
        ALLOWED_HOSTS += ["127.0.0.1", "localhost", "[::1]"]

    # -- Pictures ----------------------------------------------------------------------------------------
    #: What the picture library of one workspace may hold.
    RELAYHUB_PICTURE_QUOTA_BYTES = (
        _env.integer("RELAYHUB_PICTURE_QUOTA_MIB", 500, low=1, high=1_000_000) * 1024 * 1024
    )

    # -- The relay ---------------------------------------------------------------------------------------
    RELAYHUB_LEASE = _env.duration(
        "RELAYHUB_LEASE", timedelta(seconds=60), low=timedelta(seconds=1), high=timedelta(hours=1)
    )
    RELAYHUB_UNKNOWN_HOLD = _env.duration(
        "RELAYHUB_UNKNOWN_HOLD", timedelta(minutes=15), low=timedelta(0), high=timedelta(days=5)
    )
    RELAYHUB_DEFAULT_ROUTE = _env.text("RELAYHUB_DEFAULT_ROUTE", "sandbox")
    RELAYHUB_DNS_SERVERS = _env.name_servers("RELAYHUB_DNS_SERVERS")
    RELAYHUB_MX_DELIVERY_PORT = _env.port("RELAYHUB_MX_DELIVERY_PORT", 25)
    RELAYHUB_ALLOW_PRIVATE_NETWORKS = _env.flag("RELAYHUB_ALLOW_PRIVATE_NETWORKS", False)
except EnvironmentProblem as problem:
    sys.exit(f"relayhub: {problem}")

DEBUG = False
RELAYHUB_TESTING = "pytest" in sys.modules

# -- Applications --------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "relayhub.site",
    "campaigns",
    "relayhub.relay",
    "deliverability",
    "relayhub.core",
    # Without its search for admin modules, which `relayhub.urls` does: only the web process needs them.
    "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_filters",
    "django_htmx",
    "django_structlog",
    "csp",
]
MIDDLEWARE = [
    "relayhub.core.middleware.PlainQueryMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "relayhub.core.middleware.SameForAllMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "relayhub.core.middleware.PlainFormMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "relayhub.core.middleware.LanguageMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "relayhub.core.middleware.ActorMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]
ROOT_URLCONF = "relayhub.urls"
WSGI_APPLICATION = "relayhub.wsgi.application"
ASGI_APPLICATION = "relayhub.asgi.application"
APPEND_SLASH = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
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
                "relayhub.core.context_processors.dashboard",
                "relayhub.site.context.workspace_state",
            ],
        },
    },
]

# -- People --------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "core.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_UNIQUE_EMAIL = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_ADAPTER = "relayhub.core.account_adapter.AccountAdapter"
# A changed password or second factor is told by letter; an address without an account gets none at all.
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
MFA_ADAPTER = "relayhub.core.mfa_adapter.MfaAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "RelayHub"
SESSION_COOKIE_AGE = 14 * 24 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_TRUSTED_ORIGINS = [RELAYHUB_BASE_URL]

# -- Browser safety ------------------------------------------------------------------------------------------
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if IS_PRODUCTION:
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if RELAYHUB_TRUSTED_PROXIES else None
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "frame-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        "manifest-src": ["'self'"],
    },
}

# -- Language, time, files -----------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
#: Shipped with catalogues in the `locale` folders; each by what it calls itself.
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("fr", "Français"), ("es", "Español"), ("pl", "Polski")]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = RELAYHUB_DATA / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if RELAYHUB_TESTING
        else "relayhub.core.static_files.StaticFiles"
    },
}
WHITENOISE_USE_FINDERS = RELAYHUB_TESTING
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
# Packed already, or (map) fetched by nobody but a developer's tools: compressing them doubles the first start.
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = ["png", "gif", "jpg", "jpeg", "webp", "gz", "br", "zip", "woff", "woff2", "map"]
# The API takes 30 MiB of JSON; imports stream to disk as they come.
DATA_UPLOAD_MAX_MEMORY_SIZE = 30 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache"
        if RELAYHUB_TESTING
        else "relayhub.core.cache.FallbackRedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "relayhub",
        # A server that hangs costs a page this long, in seconds, and not for ever.
        "OPTIONS": {} if RELAYHUB_TESTING else {"socket_timeout": 1.0, "socket_connect_timeout": 1.0},
    }
}

# -- REST ----------------------------------------------------------------------------------------------------
REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "relayhub.core.api.auth.KeyAuthentication",
        "relayhub.core.api.auth.PersonAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["relayhub.core.api.parsers.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "relayhub.core.api.schema.OperationSchema",
    "EXCEPTION_HANDLER": "relayhub.core.api.exceptions.handle",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "RelayHub",
    "DESCRIPTION": "Hand in mail, manage contacts and campaigns, and see what happened to every message.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "docExpansion": "list", "tryItOutEnabled": False},
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "PREPROCESSING_HOOKS": ["relayhub.core.api.schema.only_own"],
    "POSTPROCESSING_HOOKS": ["relayhub.core.api.schema.add_shapes"],
    "AUTHENTICATION_WHITELIST": [],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
}

# -- Celery: the bell, never the queue -----------------------------------------------------------------------
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # Longer than any task: a redelivered bell would do no harm, but work for nothing.
    "visibility_timeout": 6 * 3600,
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "retry_on_timeout": True,
}
CELERY_TASK_DEFAULT_QUEUE = "housekeeping"
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

# -- What flows between packages -----------------------------------------------------------------------------
#: Called in order with `core.facts.OutcomeFact` values after events are stored, at least once each.
OUTCOME_REACTORS = (
    "campaigns.reactions.apply",
    "relayhub.core.live_feed.tell",
)
#: Hands RelayHub's own letters to the relay.
SYSTEM_MAIL_SENDER = "relayhub.relay.system_mail.send"
#: Says what is wrong with a workspace's own footer, "" where nothing is.
FOOTER_CHECK = "relayhub.relay.footer.problem"
#: Gives a published template's parts to messages that name one.
TEMPLATE_SOURCE = "campaigns.templates.published_parts"
#: Tells `deliverability` the names of streams and lists, and which mail waits for a domain.
SURROUNDINGS = "relayhub.site.surroundings.Neighbours"

# -- Logs ----------------------------------------------------------------------------------------------------
from relayhub.logs import LOGGING  # noqa: E402, F401  (needs nothing from above, read last for its length)
