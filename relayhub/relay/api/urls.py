"""Addresses of the relay's endpoints, below /api/v1/."""

from django.urls import URLPattern, path

from relayhub.relay.api import views_acts as acts
from relayhub.relay.api import views_go_live as ways
from relayhub.relay.api import views_lanes as lanes
from relayhub.relay.api import views_messages as messages
from relayhub.relay.api import views_sandbox as boxes
from relayhub.relay.api import views_settings as settings

urlpatterns: list[URLPattern] = [
    path("messages", messages.MessagesView.as_view()),
    path("messages/batch", messages.BatchView.as_view()),
    path("messages/raw", messages.RawView.as_view()),
    path("messages/acts", acts.ManyView.as_view()),
    path("messages/acts/undo", acts.UndoManyView.as_view()),
    path("messages/<str:message_id>", messages.MessageView.as_view()),
    path("messages/<str:message_id>/timeline", messages.TimelineView.as_view()),
    path("messages/<str:message_id>/evidence", messages.EvidenceView.as_view()),
    path("messages/<str:message_id>/content", messages.ContentView.as_view()),
    path("messages/<str:message_id>/raw", messages.RawContentView.as_view()),
    path("messages/<str:message_id>/cancel", acts.CancelView.as_view()),
    path("messages/<str:message_id>/hold", acts.HoldView.as_view()),
    path("messages/<str:message_id>/release", acts.ReleaseView.as_view()),
    path("messages/<str:message_id>/retry", acts.RetryView.as_view()),
    path("messages/<str:message_id>/resend", acts.ResendView.as_view()),
    path("messages/<str:message_id>/recipients", messages.RecipientsView.as_view()),
    path("sandbox", boxes.SandboxView.as_view()),
    path("sandbox/restore", boxes.SandboxRestoreView.as_view()),
    path("live", lanes.LiveView.as_view()),
    path("lanes", lanes.LanesView.as_view()),
    path("lanes/<str:lane_id>", lanes.LaneView.as_view()),
    path("streams", settings.StreamsView.as_view()),
    path("streams/<str:stream_id>", settings.StreamView.as_view()),
    path("routes", settings.RoutesView.as_view()),
    path("routes/explain", settings.ExplainView.as_view()),
    path("routes/check", ways.CheckWayView.as_view()),
    path("routes/go-live", ways.GoLiveView.as_view()),
    path("routes/<str:route_id>", settings.RouteView.as_view()),
    path("routes/<str:route_id>/check", ways.CheckRouteView.as_view()),
    path("smtp-credentials", settings.CredentialsView.as_view()),
    path("smtp-credentials/<str:credential_id>", settings.CredentialView.as_view()),
    path("smtp-credentials/<str:credential_id>/rotate", settings.CredentialRotateView.as_view()),
    path("events", settings.EventsView.as_view()),
    path("stats", settings.StatsView.as_view()),
]
