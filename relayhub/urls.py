"""The root of all addresses; each package names its own."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from relayhub.core import views
from relayhub.site import health

admin.autodiscover()

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    path("admin/", admin.site.urls),
    # Nobody takes an address unproven: it names the person in the log, and could be that of somebody else.
    path("accounts/email/", views.absent),
    path("accounts/", include("allauth.urls")),
    path("api/", include("relayhub.site.api_urls")),
    path("", include("relayhub.core.urls")),
    path("", include("relayhub.relay.urls")),
    path("", include("deliverability.urls")),
    path("", include("campaigns.urls")),
    path("", include("relayhub.site.urls")),
]
