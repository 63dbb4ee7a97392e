"""The API root: version 1, its OpenAPI document and its browsable documentation."""

from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from campaigns.api import documents as of_campaigns
from campaigns.api import documents_reports as of_reports
from deliverability.api import documents as of_deliverability
from relayhub.core.api import documents as of_core
from relayhub.core.api.views_refused import AbsentView
from relayhub.relay.api import documents as of_relay

#: Imported for their effect: they declare what each operation takes and answers.
DOCUMENTS = (of_core, of_relay, of_deliverability, of_campaigns, of_reports)

urlpatterns = [
    path("v1/schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="api-schema"), name="api-docs"),
    path("v1/", include("relayhub.core.api.urls")),
    path("v1/", include("relayhub.relay.api.urls")),
    path("v1/", include("deliverability.api.urls")),
    path("v1/", include("campaigns.api.urls")),
    re_path(r"^v1/.*$", AbsentView.as_view()),
]
