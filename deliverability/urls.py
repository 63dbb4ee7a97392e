"""Addresses of this part."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("deliverability.views.domain_urls")),
    path("", include("deliverability.views.suppression_urls")),
]
