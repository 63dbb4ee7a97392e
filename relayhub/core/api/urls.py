"""Addresses of the shared endpoints, below /api/v1/."""

from django.urls import URLPattern, path

from relayhub.core.api import views, views_people, views_refused

urlpatterns: list[URLPattern] = [
    path("keys", views.KeysView.as_view()),
    path("keys/<str:key_id>", views.KeyView.as_view()),
    path("keys/<str:key_id>/rotate", views.RotateView.as_view()),
    path("refused-requests", views_refused.RefusedRequestsView.as_view()),
    path("refused-requests/<str:refusal_id>", views_refused.RefusedRequestView.as_view()),
    path("workspace", views.WorkspaceView.as_view()),
    path("workspace/logo", views_people.LogoView.as_view()),
    path("workspace/stop", views_people.StopView.as_view()),
    path("workspace/resume", views_people.ResumeView.as_view()),
    path("members", views_people.MembersView.as_view()),
    path("members/<str:member_id>", views_people.MemberView.as_view()),
    path("invitations", views_people.InvitationsView.as_view()),
    path("invitations/<str:invitation_id>", views_people.InvitationView.as_view()),
    path("audit", views_people.AuditView.as_view()),
    path("audit/check", views_people.AuditCheckView.as_view()),
    path("jobs", views.JobsView.as_view()),
    path("jobs/<str:job_id>", views.JobView.as_view()),
]
