"""The API root: version 1, its OpenAPI document and its browsable documentation."""

from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from relayhub.core.api.exceptions import problem_json

urlpatterns = [
    path("v1/schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("docs/", SpectacularSwaggerView.as_view(url_name="api-schema"), name="api-docs"),
    path("v1/", include("relayhub.core.api.urls")),
    path("v1/", include("relayhub.relay.api.urls")),
    path("v1/", include("deliverability.api.urls")),
    path("v1/", include("campaigns.api.urls")),
    re_path(
        r"^v1/.*$",
        lambda request: problem_json(404, "not_found", "There is no such resource."),
    ),
]
