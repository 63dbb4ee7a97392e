"""Addresses of the shared endpoints, below /api/v1/."""

from django.urls import URLPattern, path

from relayhub.core.api import views

urlpatterns: list[URLPattern] = [
    path("keys", views.KeysView.as_view()),
    path("keys/<str:key_id>", views.KeyView.as_view()),
    path("keys/<str:key_id>/rotate", views.RotateView.as_view()),
    path("workspace", views.WorkspaceView.as_view()),
    path("jobs", views.JobsView.as_view()),
    path("jobs/<str:job_id>", views.JobView.as_view()),
]
